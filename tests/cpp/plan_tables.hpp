#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gpushare/judgement.hpp"
#include "gpushare/random.hpp"
#include "planning/covering_problem.hpp"

/// Planning problems drawn at random, with a table in the place of simulation, and an enumeration of their packings.
namespace gpushare::test {

using planning::Config;
using planning::CoveringProblem;
using planning::harder;
using planning::index;
using planning::is_instance_of;
using planning::Tenant;

// ---- Problems drawn at random, and what stands in for simulation ----

struct Table {
  CoveringProblem problem;
  std::vector<Config> failing;  // all that is harder fails too
  std::uint64_t salt = 0;       // of which packings fail as a whole
  double packings_that_fail = 0;

  [[nodiscard]] Met of(const Config& config) const {
    const auto fails = [&](const Config& cut) {
      return (config.part == cut.part || is_instance_of(config.part, cut.part)) &&
             harder(config.tenants, cut.tenants);
    };
    return std::any_of(failing.begin(), failing.end(), fails) ? Met::no : Met::yes;
  }
  [[nodiscard]] Met of(std::vector<Config> configs) const {
    std::sort(configs.begin(), configs.end());
    std::string text;
    for (const Config& config : configs) {
      text += std::to_string(config.part.kind) + config.part.instance + ":";
      for (const Tenant& tenant : config.tenants)
        text += std::to_string(tenant.service) + "/" + std::to_string(tenant.replicas) + "/" +
                std::to_string(tenant.variant) + ",";
    }
    return Stream(salt, 0, text, 0).uniform() < packings_that_fail ? Met::no : Met::yes;
  }
};

inline int below(Stream& luck, int count) { return static_cast<int>(luck.uniform() * count); }

inline Tenant drawn_tenant(Stream& luck, const CoveringProblem& problem, int service) {
  const auto& options = problem.tenants[index(service)];
  return options[index(below(luck, static_cast<int>(options.size())))];
}

inline std::vector<Tenant> drawn_choices(Stream& luck, int service) {
  const int least = 1 + (luck.uniform() < 0.3 ? 1 : 0);
  std::vector<Tenant> choices{{service, least, 0}};
  if (luck.uniform() < 0.4) choices.push_back({service, least + 1, 0});
  if (luck.uniform() < 0.3) choices.push_back({service, 1, 1});
  return choices;
}

inline Config drawn_failure(Stream& luck, const CoveringProblem& problem) {
  const char* const names[] = {"", "", "a", "b"};
  Config config{{below(luck, static_cast<int>(problem.kinds.size())), names[below(luck, 4)], 1}, {}};
  for (int t = 1 + below(luck, 3); t > 0; --t) {
    const Tenant tenant = drawn_tenant(luck, problem, below(luck, static_cast<int>(problem.tenants.size())));
    const bool mixed = std::any_of(config.tenants.begin(), config.tenants.end(), [&](const Tenant& other) {
      return other.service == tenant.service && other != tenant;
    });
    if (!mixed) config.tenants.push_back(tenant);
  }
  std::sort(config.tenants.begin(), config.tenants.end());
  return config;
}

/// Enumerating the packings of table 0 takes twenty times as long as those of the next 599 together: it is left to the
/// optimised library.
inline constexpr std::uint64_t kFirstTable = GPUSHARE_SANITIZED != 0 ? 1 : 0;

inline Table drawn(std::uint64_t number) {
  Stream luck(11, 0, "tables", number);
  Table table;
  const int services = 2 + below(luck, 2), kinds = 1 + below(luck, 2);
  for (int k = 0; k < kinds; ++k) {
    CoveringProblem::Kind kind{k == 0 ? 1.0 : 0.3 + luck.uniform(), 1 + below(luck, 2), {}};
    if (luck.uniform() < 0.6) kind.layouts = {{{"a", 2}}, {{"a", 1}, {"b", 1}}};
    table.problem.kinds.push_back(kind);
  }
  for (int s = 0; s < services; ++s) {
    table.problem.tenants.push_back(drawn_choices(luck, s));
    table.problem.ranks.push_back(1);
  }
  table.problem.most_tenants = 1 + below(luck, 3);
  table.problem.spread = luck.uniform() < 0.3;
  table.problem.copies = table.problem.spread ? 1 : 2;
  for (int cuts = 1 + below(luck, 10); cuts > 0; --cuts)
    table.failing.push_back(drawn_failure(luck, table.problem));
  table.salt = number;
  table.packings_that_fail = luck.uniform() < 0.5 ? 0 : 0.4;
  return table;
}

// ---- The enumeration: GPUs one by one, each cut in every way, and each replica on every part ----

class Enumeration {
 public:
  explicit Enumeration(const Table& table) : table_(table) {}

  double cheapest() {
    choose_forms(0);
    return best_;
  }

 private:
  struct Place {
    Config config;
    int gpu = 0;
  };

  void choose_forms(std::size_t service) {
    if (service == table_.problem.tenants.size()) return add_gpus(0, 0);
    for (const Tenant& tenant : table_.problem.tenants[service]) {
      const auto before = tokens_.size();
      tokens_.insert(tokens_.end(), index(tenant.replicas), tenant);
      choose_forms(service + 1);
      tokens_.resize(before);
    }
  }

  void add_gpus(int kind, int used) {
    place(0);
    for (; kind < static_cast<int>(table_.problem.kinds.size()); ++kind, used = 0) {
      const auto& described = table_.problem.kinds[index(kind)];
      if (used == described.count) continue;
      add_cut(kind, used, {""}, described.price);
      for (const auto& layout : described.layouts) {
        std::vector<std::string> instances;
        for (const auto& [name, count] : layout) instances.insert(instances.end(), index(count), name);
        add_cut(kind, used, instances, described.price);
      }
    }
  }

  void add_cut(int kind, int used, const std::vector<std::string>& instances, double price) {
    for (const std::string& name : instances) places_.push_back({{{kind, name, 1}, {}}, gpus_});
    ++gpus_;
    cost_ += price;
    add_gpus(kind, used + 1);
    cost_ -= price;
    --gpus_;
    places_.resize(places_.size() - instances.size());
  }

  [[nodiscard]] bool goes(const Place& place, const Tenant& token) const {
    const auto& here = place.config.tenants;
    if (static_cast<int>(here.size()) == table_.problem.most_tenants) return false;
    if (std::count(here.begin(), here.end(), token) == table_.problem.copies) return false;
    return !table_.problem.spread || std::none_of(places_.begin(), places_.end(), [&](const Place& other) {
      const auto& there = other.config.tenants;
      return other.gpu == place.gpu && std::find(there.begin(), there.end(), token) != there.end();
    });
  }

  void place(std::size_t token) {
    if (cost_ >= best_ - 1e-9) return;
    if (token == tokens_.size()) return judge();
    for (Place& one : places_) {
      if (!goes(one, tokens_[token])) continue;
      one.config.tenants.push_back(tokens_[token]);
      if (table_.of(one.config) == Met::yes) place(token + 1);
      one.config.tenants.pop_back();
    }
  }

  void judge() {
    std::vector<Config> configs;
    for (const Place& one : places_)
      if (!one.config.tenants.empty()) configs.push_back(one.config);
    if (table_.of(configs) == Met::yes) best_ = cost_;
  }

  const Table& table_;
  std::vector<Tenant> tokens_;
  std::vector<Place> places_;
  int gpus_ = 0;
  double cost_ = 0;
  double best_ = planning::kInfinite;
};

}  // namespace gpushare::test
