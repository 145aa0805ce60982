#include "planning/plan_foresight.hpp"

#include <algorithm>
#include <cmath>

namespace gpushare::planning {
namespace {

// What one simulation says of predictions at most, as a logarithm; figures further beyond a bound say nothing; and as how many
// simulations it counts what was taken before there were any.
constexpr double kCorrected = 0.5, kTelling = 1;
constexpr int kPrior = 3;
constexpr double kHasty = 0.05;  // by how much predictions are mostly too low, as a logarithm

}  // namespace

PlanForesight::PlanForesight(const PlanSpace& space, const PlanAsked& asked, unsigned threads)
    : space_(space), threads_(threads) {
  for (int s = 0; s < static_cast<int>(space.workload().services.size()); ++s)
    bounds_.push_back(asked.latency_of(s));
}

PlanForesight::Excess PlanForesight::best(const Config& config) { return corrected(config, 0); }

PlanForesight::Excess PlanForesight::likely(const Config& config) { return corrected(config, kHasty); }

std::optional<Way> PlanForesight::best_way(const Config& config) {
  const Predicted& all = predicted(config);
  if (all.by_way.empty()) return std::nullopt;
  return all.way;
}

PlanForesight::Excess PlanForesight::corrected(const Config& config, double before) {
  const Predicted& all = predicted(config);
  if (all.by_way.empty()) return {};
  Excess excess = all.by_way.at(all.way);
  const bool alone = config.tenants.size() == 1;
  for (auto& [service, beyond] : excess)
    beyond = (1 + beyond) * std::exp(alone ? before : correction(service, before)) - 1;
  return excess;
}

void PlanForesight::learn(const Config& config, const Way& way, const Excess& found) {
  if (config.tenants.size() < 2) return;
  const Predicted& all = predicted(config);
  const auto under = all.by_way.find(way);
  if (under == all.by_way.end()) return;
  for (const auto& [service, predicted] : under->second) {
    const auto figure = found.find(service);
    if (figure == found.end()) continue;
    const double simulated = logarithm_of(figure->second), expected = logarithm_of(predicted);
    if (simulated >= kTelling || expected >= kTelling) continue;
    auto& [count, sum] = missed_[service];
    ++count;
    sum += std::clamp(simulated - expected, -kCorrected, kCorrected);
  }
}

double PlanForesight::correction(int service, double before) const {
  const auto found = missed_.find(service);
  if (found == missed_.end()) return before;
  const auto& [count, sum] = found->second;
  return (sum + kPrior * before) / (count + kPrior);
}

void PlanForesight::prepare(const std::vector<Config>& configs) {
  std::vector<Config> unknown;
  for (const Config& config : configs)
    if (!known_.contains(config)) unknown.push_back(config);
  predict(unknown);
}

const PlanForesight::Predicted& PlanForesight::predicted(const Config& config) {
  if (!known_.contains(config)) predict({config});
  return known_.at(config);
}

bool PlanForesight::is_predictable(const Config& config) const {
  return config.part.gpus == 1 &&
         std::all_of(config.tenants.begin(), config.tenants.end(),
                     [this](const Tenant& tenant) { return bounds_[index(tenant.service)].has_value(); });
}

// Those of the same forms together.
void PlanForesight::predict(const std::vector<Config>& configs) {
  std::map<Forms, std::vector<Config>> alike;
  for (const Config& config : configs) {
    if (is_predictable(config))
      alike[forms_of(config.tenants)].push_back(config);
    else
      known_[config];
  }
  for (const auto& [forms, asked] : alike) {
    std::vector<GpuQuestion> questions;
    for (const Config& config : asked)
      for (const Way& way : ways_of(config)) questions.push_back(question(config, way));
    const auto found = predict_gpus(formed(forms).workload, questions, threads_);
    std::span<const std::vector<ServicePrediction>> left(found);
    for (const Config& config : asked) {
      const std::size_t ways = ways_of(config).size();
      known_[config] = predicted_of(config, left.first(ways));
      left = left.subspan(ways);
    }
  }
}

std::vector<Way> PlanForesight::ways_of(const Config& config) const {
  std::vector<Way> ways = space_.ways(config);
  const std::vector<Way> capped = space_.capped(config);
  ways.insert(ways.end(), capped.begin(), capped.end());
  return ways;
}

GpuQuestion PlanForesight::question(const Config& config, const Way& way) {
  Formed& formed = this->formed(forms_of(config.tenants));
  std::vector<ServiceTraffic>& traffic = formed.traffic[config.part.kind];
  GpuQuestion question;
  question.gpu = space_.gpu_of(config, way);
  if (traffic.empty()) traffic = service_traffic(formed.workload, &question.gpu.profile());
  question.traffic = &traffic;
  question.replicas.assign(formed.workload.services.size(), 1);
  for (const Tenant& tenant : config.tenants)
    question.replicas[index(tenant.service)] = tenant.replicas - space_.spare();
  return question;
}

PlanForesight::Predicted PlanForesight::predicted_of(
    const Config& config, std::span<const std::vector<ServicePrediction>> found) const {
  Predicted predicted;
  const std::vector<Way> ways = ways_of(config);
  for (std::size_t w = 0; w < ways.size(); ++w) {
    const Excess beyond = excess(config, found[w]);
    if (beyond.empty()) return {};
    if (w == 0 || worst_of(beyond) < worst_of(predicted.by_way.at(predicted.way))) predicted.way = ways[w];
    predicted.by_way.emplace(ways[w], beyond);
  }
  return predicted;
}

PlanForesight::Excess PlanForesight::excess(const Config& config,
                                            const std::vector<ServicePrediction>& found) const {
  Excess excess;
  for (const Tenant& tenant : config.tenants) {
    const auto& bound = bounds_[index(tenant.service)];
    if (!found.empty() && found[index(tenant.service)].latency != bound->name) return {};
    // What does not fit so is beyond all bounds.
    const double beyond =
        found.empty() ? kOverloaded : found[index(tenant.service)].p95_s / bound->bound_s - 1;
    excess[tenant.service] = std::min(kOverloaded, beyond);
  }
  return excess;
}

PlanForesight::Formed& PlanForesight::formed(const Forms& forms) {
  auto& formed = formed_[forms];
  if (formed) return *formed;
  formed = std::make_unique<Formed>(Formed{space_.workload(), {}});
  for (const auto& [service, form] : forms)
    formed->workload.services[index(service)] = space_.forms(service)[index(form)];
  resolve_roles(formed->workload);
  return *formed;
}

double worst_of(const PlanForesight::Excess& excess) {
  double worst = -kInfinite;
  for (const auto& [service, beyond] : excess) worst = std::max(worst, beyond);
  return worst;
}

double logarithm_of(double excess) { return std::log(std::max(0.05, 1 + excess)); }

}  // namespace gpushare::planning
