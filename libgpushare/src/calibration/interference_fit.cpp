#include <algorithm>
#include <cmath>

#include "calibration/least_squares.hpp"
#include "calibration/saturated.hpp"
#include "sharing/contention.hpp"
#include "sharing/power.hpp"

namespace gpushare {
namespace {

using Vector = Eigen::VectorXd;

constexpr double kLeastSusceptibility = 0.005;
/// What it costs to move slip e times away from the profile's: groups without long kernels hardly see it.
constexpr double kPriorWeight = 0.1;
/// The same for a kind's susceptibility and pressure against the law's: little beside what any group tells of them.
constexpr double kKindPriorWeight = 0.05;
/// And for all susceptibilities together, which only the law gives a scale.
constexpr double kScaleWeight = 0.1;
constexpr double kLeastPressure = 1e-3;

Neighbours neighbours_of(std::span<const Interference> steps, std::size_t i) {
  Neighbours others;
  for (std::size_t j = 0; j < steps.size(); ++j)
    if (j != i) others.add(steps[j], 1);
  return others;
}

/// What the groups hold beside the parameters that are fitted.
class Groups {
 public:
  Groups(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds, const GpuProfile& profile)
      : groups_(groups), power_(profile.power), clients_(client_count(groups)) {
    check_groups(groups, kinds);
    for (const SaturatedGroup& group : groups) {
      auto& characters = characters_.emplace_back();
      auto& draws = draws_.emplace_back();
      for (std::size_t i = 0; i < group.kinds.size(); ++i) {
        const StepKind& kind = kinds[static_cast<std::size_t>(group.kinds[i])];
        characters.push_back(step_character(kind, profile, group.alone_s[i], group.sm_share[i]));
        draws.push_back(step_draw_w(kind, profile, group.alone_s[i]));
      }
    }
  }

  /// log(predicted / measured) of every client, with `part` giving a client's interference from kind and character.
  template <class Part>
  [[nodiscard]] Vector log_errors(const Part& part, Eigen::Index more = 0) const {
    Vector errors = Vector::Zero(static_cast<Eigen::Index>(clients_) + more);
    Eigen::Index row = 0;
    std::vector<Interference> parts;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const SaturatedGroup& group = groups_[g];
      parts.clear();
      for (std::size_t i = 0; i < group.kinds.size(); ++i)
        parts.push_back(part(group.kinds[i], characters_[g][i]));
      const auto slowdowns = saturated_slowdowns(parts, characters_[g], draws_[g], power_);
      for (std::size_t i = 0; i < slowdowns.size(); ++i)
        errors[row++] = std::log(slowdowns[i] * group.alone_s[i] / group.shared_s[i]);
    }
    return errors;
  }

  [[nodiscard]] Eigen::Index clients() const { return static_cast<Eigen::Index>(clients_); }

 private:
  std::span<const SaturatedGroup> groups_;
  PowerConstants power_;
  std::size_t clients_;
  std::vector<std::vector<StepCharacter>> characters_;
  std::vector<std::vector<double>> draws_;
};

std::vector<double> relative(const Vector& log_errors, Eigen::Index count) {
  std::vector<double> errors;
  for (Eigen::Index i = 0; i < count; ++i) errors.push_back(std::expm1(log_errors[i]));
  return errors;
}

LeastSquaresProblem problem(const std::vector<double>& start, const std::vector<double>& lower,
                            const std::vector<double>& upper, const std::vector<double>& scale) {
  const auto vector = [](const std::vector<double>& v) {
    return Vector(Eigen::Map<const Vector>(v.data(), static_cast<Eigen::Index>(v.size())));
  };
  return {{}, vector(start), vector(lower), vector(upper), vector(scale)};
}

/// What the law that fits the groups best says of each kind, where it is first met.
struct LawOfKinds {
  std::vector<double> log_s, d, share;
  std::vector<int> seen;  ///< how often; 0: in no group
  double slip = 0;
};

LawOfKinds law_of_kinds(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds,
                        const GpuProfile& profile, bool capped) {
  const std::size_t n = kinds.size();
  LawOfKinds law{std::vector<double>(n, 0), std::vector<double>(n, 0.3), std::vector<double>(n, 1),
                 std::vector<int>(n, 0), 0};
  const UncappedLaw without = capped ? UncappedLaw{} : fit_uncapped_law(groups, kinds, profile).law;
  const CappedLaw with = capped ? fit_capped_law(groups, kinds, profile).law : CappedLaw{};
  law.slip = without.slip;
  for (const SaturatedGroup& group : groups) {
    for (std::size_t i = 0; i < group.kinds.size(); ++i) {
      const auto k = static_cast<std::size_t>(group.kinds[i]);
      if (law.seen[k]++) continue;
      const StepCharacter step = step_character(kinds[k], profile, group.alone_s[i], group.sm_share[i]);
      const Interference part =
          capped ? predict_interference(with, step) : predict_interference(without, step);
      // A law without any slowdown gives zeros, and logarithms and scales must stay finite.
      law.log_s[k] = std::log(std::max(kLeastSusceptibility, part.susceptibility));
      law.d[k] = std::max(kLeastSusceptibility, part.pressure);
      law.share[k] = group.sm_share[i];
    }
  }
  return law;
}

}  // namespace

std::vector<double> saturated_slowdowns(std::span<const Interference> interference,
                                        std::span<const StepCharacter> character,
                                        std::span<const double> draw_w, const PowerConstants& power) {
  std::vector<double> slowdowns;
  Overfull over;
  for (std::size_t i = 0; i < interference.size(); ++i) {
    slowdowns.push_back(interference_slowdown(interference[i], neighbours_of(interference, i)));
    over.add(interference[i].occupancy / slowdowns.back());
  }
  double draw = 0;
  for (std::size_t i = 0; i < slowdowns.size(); ++i) draw += draw_w[i] / (slowdowns[i] *= over.times());
  const double clock = clock_share(power, draw);
  for (std::size_t i = 0; i < slowdowns.size(); ++i)
    slowdowns[i] *= 1 + compute_bound_share(character[i]) * (1 / clock - 1);
  return slowdowns;
}

UncappedLawFit fit_uncapped_law(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds,
                                const GpuProfile& profile) {
  const Groups data(groups, kinds, profile);
  const double known = profile.mps.uncapped.slip;
  LeastSquaresProblem search =
      known > 0 ? problem({1e-6, 0.9, 0}, {0, 0.2, -3}, {20e-6, 2, -std::log(known)}, {1e-6, 0.3, 1})
                : problem({1e-6, 0.9}, {0, 0.2}, {20e-6, 2}, {1e-6, 0.3});
  const auto law_at = [&](const auto& x) {
    return UncappedLaw{x[0], x[1], known > 0 ? known * std::exp(x[2]) : 0};
  };
  search.residuals = [&](const Vector& x) {
    const UncappedLaw law = law_at(x);
    Vector errors = data.log_errors(
        [&](int, const StepCharacter& step) { return predict_interference(law, step); }, known > 0 ? 1 : 0);
    if (known > 0) errors[data.clients()] = kPriorWeight * x[2];
    return errors;
  };
  auto found = least_squares(search);
  const UncappedLaw law = law_at(found);
  if (known > 0) {
    found.parameters[2].value = law.slip;
    found.parameters[2].standard_error *= law.slip;
  }
  return {law, found.parameters, relative(found.residuals, data.clients())};
}

CappedLawFit fit_capped_law(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds,
                            const GpuProfile& profile) {
  const Groups data(groups, kinds, profile);
  LeastSquaresProblem search =
      problem({0.1, 0.5, 0.1, 0, 0}, {0, 0, 0, -1, -2}, {2, 5, 5, 1, 2}, {0.1, 0.5, 0.2, 0.2, 0.5});
  search.residuals = [&](const Vector& x) {
    const CappedLaw law{x[0], x[1], x[2], x[3], x[4]};
    return data.log_errors([&](int, const StepCharacter& step) { return predict_interference(law, step); });
  };
  const auto found = least_squares(search);
  return {{found[0], found[1], found[2], found[3], found[4]},
          found.parameters,
          relative(found.residuals, data.clients())};
}

InterferenceFit fit_interference(std::span<const SaturatedGroup> groups, std::span<const StepKind> kinds,
                                 const GpuProfile& profile, bool capped) {
  const Groups data(groups, kinds, profile);
  const std::size_t n = kinds.size();
  const LawOfKinds law = law_of_kinds(groups, kinds, profile, capped);
  const std::size_t proportions = capped ? n : 0;
  const auto columns = [&](std::vector<double> s, const std::vector<double>& a, double b) {
    s.insert(s.end(), a.begin(), a.end());
    s.insert(s.end(), proportions, b);
    return s;
  };
  LeastSquaresProblem search =
      problem(columns(law.log_s, law.d, 0.1),
              columns(std::vector<double>(n, std::log(kLeastSusceptibility)), std::vector<double>(n, 0), 0),
              columns(std::vector<double>(n, 5), std::vector<double>(n, 50), 5),
              columns(std::vector<double>(n, 0.5), law.d, 0.2));
  const auto at = [n](const Vector& x, std::size_t block, int kind) {
    return x[static_cast<Eigen::Index>(block * n + static_cast<std::size_t>(kind))];
  };
  // The groups leave the scale of s against d free, and say nothing of the s of a step that nobody slows or of the d of
  // one that slows nobody: there a kind is what the law says, so that fitted and predicted kinds can meet in one run.
  search.residuals = [&](const Vector& x) {
    Vector errors = data.log_errors(
        [&](int kind, const StepCharacter& step) -> Interference {
          const double proportional = capped ? at(x, 2, kind) * step.sm_share / kReferenceShare : 0;
          return {std::exp(at(x, 0, kind)), at(x, 1, kind) + proportional, 0, law.slip};
        },
        static_cast<Eigen::Index>(2 * n + 1));
    Eigen::Index row = data.clients();
    double scale = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (law.seen[k] == 0) continue;
      const int kind = static_cast<int>(k);
      const double pressure = at(x, 1, kind) + (capped ? at(x, 2, kind) * law.share[k] / kReferenceShare : 0);
      const double s_off = at(x, 0, kind) - law.log_s[k];
      errors[row++] = kKindPriorWeight * s_off;
      errors[row++] = kKindPriorWeight * std::log(std::max(kLeastPressure, pressure) / law.d[k]);
      scale += s_off;
    }
    errors[row] = kScaleWeight * scale;
    return errors;
  };
  const auto found = least_squares(search);
  InterferenceFit fit;
  for (std::size_t k = 0; k < n; ++k) {
    const Fitted& s = found.parameters[k];
    fit.susceptibility.push_back(
        {std::exp(s.value), std::exp(s.value) * s.standard_error, s.determined && law.seen[k] > 0});
    fit.launch.push_back(found.parameters[n + k]);
    fit.launch.back().determined = fit.launch.back().determined && law.seen[k] > 0;
    fit.proportional.push_back(capped ? found.parameters[2 * n + k] : Fitted{0, 0, true});
  }
  fit.relative_errors = relative(found.residuals, data.clients());
  return fit;
}

}  // namespace gpushare
