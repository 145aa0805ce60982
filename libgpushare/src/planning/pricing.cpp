#include "planning/pricing.hpp"

#include <algorithm>
#include <utility>

namespace gpushare::planning {
namespace {

constexpr double kWorthless = 1e-6;
constexpr std::size_t kAhead = 16;  // configs that a test is told of at a time

// So many copies of a tenant.
struct Choice {
  Tenant tenant;
  int copies = 1;
  double value = 0;  // of all copies
  Cuts::Mask mask;
};

// What a service may be here, the dearest first.
struct Options {
  double each = 0;  // that a copy is worth at most
  int copies = 1;
  std::vector<Choice> choices;
};

struct Found {
  double worth = 0;
  Config config;
};

bool is_better(const Found& one, const Found& other) {
  return one.worth != other.worth ? one.worth > other.worth : one.config < other.config;
}

// Depth first over sets of tenants, those of the dearest services first.
class Pricing {
 public:
  Pricing(const CoveringProblem& problem, const Cuts& cuts, const Part& part,
          const std::map<Tenant, double>& values, ConfigTests& tests, const PricingOptions& asked)
      : problem_(problem),
        cuts_(cuts),
        part_(part),
        tests_(tests),
        asked_(asked),
        slots_(part.gpus > 1 ? 1 : problem.most_tenants),
        left_(asked.most_nodes),
        most_(asked.least) {
    for (const auto& options : problem.tenants) add(options, values);
    std::stable_sort(services_.begin(), services_.end(),
                     [](const Options& a, const Options& b) { return a.each > b.each; });
    find_ceilings();
  }

  Priced run() {
    extend(0, {}, {}, 0, slots_);
    std::sort(best_.begin(), best_.end(), is_better);
    Priced priced{{}, most_, complete_};
    for (Found& found : best_) priced.configs.push_back(std::move(found.config));
    return priced;
  }

 private:
  void add(const std::vector<Tenant>& tenants, const std::map<Tenant, double>& values) {
    Options options;
    for (const Tenant& tenant : tenants) {
      if (problem_.ranks[index(tenant.service)] != part_.gpus) continue;
      const auto known = values.find(tenant);
      const double value = known == values.end() ? 0 : known->second;
      if (!asked_.every && value <= kWorthless) continue;
      if (cuts_.fails({part_, {tenant}})) continue;
      options.each = std::max(options.each, value);
      for (int n = 1; n <= std::min({problem_.copies, tenant.replicas, slots_}); ++n) {
        options.choices.push_back({tenant, n, n * value, cuts_.mask(tenant, n)});
        options.copies = std::max(options.copies, n);
      }
    }
    if (options.choices.empty()) return;
    std::stable_sort(options.choices.begin(), options.choices.end(),
                     [](const Choice& a, const Choice& b) { return a.value > b.value; });
    services_.push_back(std::move(options));
  }

  // What the services from each on may be worth in so many slots, at most.
  void find_ceilings() {
    const auto slots = index(slots_);
    ceilings_.assign(services_.size() + 1, std::vector<double>(slots + 1));
    std::vector<double> each;
    for (std::size_t i = services_.size(); i-- > 0;) {
      each.insert(each.begin(), index(services_[i].copies), services_[i].each);
      each.resize(std::min(each.size(), slots));
      for (std::size_t n = 1; n <= slots; ++n)
        ceilings_[i][n] = ceilings_[i][n - 1] + (n <= each.size() ? each[n - 1] : 0);
    }
  }

  // What a config has to be worth to be taken.
  [[nodiscard]] double bar() const {
    return (best_.size() == asked_.count ? best_.front().worth : asked_.least) + kWorthless;
  }

  // Nothing beyond is looked at.
  void give_up(double ceiling) {
    most_ = std::max(most_, ceiling);
    complete_ = false;
  }

  void extend(std::size_t first, const std::vector<Tenant>& tenants, const Cuts::Mask& mask, double value,
              int slots) {
    for (std::size_t i = first; i < services_.size(); ++i) {
      const double ceiling = value + ceilings_[i][index(slots)];
      if (ceiling <= bar()) return;
      if (left_ == 0 || tests_.ended()) return give_up(ceiling);
      for (const Choice& choice : services_[i].choices) {
        if (choice.copies > slots) continue;
        if (left_ == 0) return give_up(ceiling);
        --left_;
        const double worth = value + choice.value;
        const double beyond = worth + ceilings_[i + 1][index(slots - choice.copies)];
        if (beyond <= bar()) continue;
        const Cuts::Mask both = mask | choice.mask;
        if (cuts_.fails(part_, choice.tenant.service, both)) continue;
        if (tests_.ended()) return give_up(ceiling);
        std::vector<Tenant> more = tenants;
        more.insert(more.end(), index(choice.copies), choice.tenant);
        Config config = sorted(more);
        if (!tests_.is_prepared(config)) tests_.prepare(next(i, tenants, mask, value, slots));
        if (tests_.fails(config)) continue;
        if (worth > bar()) take({worth, std::move(config)});
        if (choice.copies < slots) extend(i + 1, more, both, worth, slots - choice.copies);
      }
    }
  }

  [[nodiscard]] Config sorted(std::vector<Tenant> tenants) const {
    std::sort(tenants.begin(), tenants.end());
    return {part_, std::move(tenants)};
  }

  // What would be tested next beside these tenants.
  [[nodiscard]] std::vector<Config> next(std::size_t first, const std::vector<Tenant>& tenants,
                                         const Cuts::Mask& mask, double value, int slots) const {
    std::vector<Config> configs;
    for (std::size_t i = first; i < services_.size(); ++i) {
      if (value + ceilings_[i][index(slots)] <= bar()) break;
      for (const Choice& choice : services_[i].choices) {
        const int left = slots - choice.copies;
        if (left < 0 || value + choice.value + ceilings_[i + 1][index(left)] <= bar() ||
            cuts_.fails(part_, choice.tenant.service, mask | choice.mask))
          continue;
        std::vector<Tenant> more = tenants;
        more.insert(more.end(), index(choice.copies), choice.tenant);
        configs.push_back(sorted(std::move(more)));
        if (configs.size() == kAhead) return configs;
      }
    }
    return configs;
  }

  void take(Found found) {
    most_ = std::max(most_, found.worth);
    best_.push_back(std::move(found));
    std::push_heap(best_.begin(), best_.end(), is_better);
    if (best_.size() <= asked_.count) return;
    std::pop_heap(best_.begin(), best_.end(), is_better);
    best_.pop_back();
  }

  const CoveringProblem& problem_;
  const Cuts& cuts_;
  const Part& part_;
  ConfigTests& tests_;
  const PricingOptions& asked_;
  int slots_;
  std::size_t left_;
  double most_;
  bool complete_ = true;
  std::vector<Options> services_;
  std::vector<std::vector<double>> ceilings_;
  std::vector<Found> best_;  // a heap, the worst in front
};

}  // namespace

bool ConfigTests::fails(const Config& config) {
  if (passed_.contains(config)) return false;
  --left_;
  if (fails_(config)) return true;
  passed_.insert(config);
  return false;
}

void ConfigTests::prepare(const std::vector<Config>& configs) {
  std::vector<Config> unknown;
  for (const Config& config : configs)
    if (prepared_.insert(config).second) unknown.push_back(config);
  prepare_(unknown);
}

Priced price(const CoveringProblem& problem, const Cuts& cuts, const Part& part,
             const std::map<Tenant, double>& values, ConfigTests& tests, const PricingOptions& options) {
  for (;;) {
    tests.begin();
    Priced priced = Pricing(problem, cuts, part, values, tests, options).run();
    if (!priced.configs.empty() || !tests.ended()) return priced;
  }
}

}  // namespace gpushare::planning
