#include "clusters/chooser.hpp"

#include <algorithm>
#include <numeric>

namespace gpushare::clusters {

std::size_t draw(std::size_t count, Stream& stream) {
  return static_cast<std::size_t>(stream.uniform() * static_cast<double>(count));
}

std::vector<int> shuffled(std::size_t count, Stream& stream) {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[draw(i, stream)]);
  return order;
}

Chooser::Chooser(const Demands& demands, const ClusterState& cluster, const FragmentMeter& fragments,
                 const std::vector<PodClass>& classes, const PackingOptions& options)
    : demands_(demands),
      cluster_(cluster),
      scoring_{cluster, fragments},
      score_(score_function(options.policy)),
      random_(options.policy == PackingPolicy::random),
      luck_(options.seed, 0, "cluster choices") {
  if (options.policy == PackingPolicy::gpushare) lookahead_.emplace(classes, cluster);
  scoring_.lookahead = lookahead_ ? &*lookahead_ : nullptr;
  scoring_.keep_most = options.policy == PackingPolicy::mig_aware;
  Stream stream(options.order_seed, 0, "cluster node order");
  order_ = shuffled(cluster.nodes().size(), stream);
  for (const NodeState& node : cluster.nodes()) {
    scoring_.cpu_scale = std::max(scoring_.cpu_scale, static_cast<double>(node.cpu));
    scoring_.gpu_scale = std::max(scoring_.gpu_scale, 1000.0 * node.devices);
  }
  const auto kinds = static_cast<int>(cluster.kinds().models.size());
  for (const Demand& demand : demands.demands) {
    std::vector<Want>& wants = wants_.emplace_back();
    for (int kind = 0; kind < kinds; ++kind) wants.push_back(cluster.kinds().want(kind, demand));
  }
  kept_.resize(demands.demands.size());
}

const Chooser::Kept& Chooser::scored(int demand, int n) {
  Kept& kept = kept_[static_cast<std::size_t>(demand)][static_cast<std::size_t>(n)];
  const NodeState& node = cluster_.node(n);
  if (kept.version == node.version) return kept;
  const Want& want = wants_[static_cast<std::size_t>(demand)][static_cast<std::size_t>(node.kind)];
  kept.version = node.version;
  kept.fits = cluster_.fits(node, want);
  if (!kept.fits) return kept;
  const Scored scored = score_(scoring_, node, want);
  kept.score = scored.score;
  kept.device = static_cast<std::int16_t>(scored.device);
  return kept;
}

std::optional<Choice> Chooser::choose(const Job& job) {
  std::vector<Kept>& kept = kept_[static_cast<std::size_t>(job.demand)];
  if (kept.empty()) kept.resize(order_.size());
  const std::vector<std::uint8_t>& allowed = demands_.allowed[static_cast<std::size_t>(job.filter)];
  fitting_.clear();
  const Kept* best = nullptr;
  int at = -1;
  for (const int n : order_) {
    if (!allowed[static_cast<std::size_t>(n)] || cluster_.node(n).memory < job.memory) continue;
    const Kept& found = scored(job.demand, n);
    if (!found.fits) continue;
    if (random_) fitting_.push_back(n);
    if (best == nullptr || found.score > best->score) {
      best = &found;
      at = n;
    }
  }
  if (best == nullptr) return std::nullopt;
  return random_ ? choose_any(job) : Choice{at, best->device};
}

std::optional<Choice> Chooser::choose_any(const Job& job) {
  const int n = fitting_[draw(fitting_.size(), luck_)];
  const NodeState& node = cluster_.node(n);
  const Want& want = wants_[static_cast<std::size_t>(job.demand)][static_cast<std::size_t>(node.kind)];
  if (!want.shared()) return Choice{n, -1};
  std::vector<int> devices;
  for (int d = 0; d < node.devices; ++d) {
    if (cluster_.device_fits(node, d, want)) devices.push_back(d);
  }
  return Choice{n, devices[draw(devices.size(), luck_)]};
}

std::optional<Chooser::Together> Chooser::choose_together(const std::vector<Job>& jobs) const {
  std::optional<Together> best;
  for (const int n : order_) {
    const NodeState& node = cluster_.node(n);
    if (best && node.gpu_left() >= cluster_.node(best->node).gpu_left()) continue;
    std::vector<int> instances;
    std::int64_t cpu = 0, memory = 0;
    bool may = node.pods + static_cast<int>(jobs.size()) <= kMostPodsOfNode;
    for (const Job& job : jobs) {
      const Want& want = wants_[static_cast<std::size_t>(job.demand)][static_cast<std::size_t>(node.kind)];
      may = may && want.gpus == 1 && want.instance >= 0 &&
            demands_.allowed[static_cast<std::size_t>(job.filter)][static_cast<std::size_t>(n)] != 0;
      instances.push_back(want.instance);
      cpu += want.cpu;
      memory += job.memory;
    }
    if (!may || cpu > node.cpu || memory > node.memory) continue;
    // A device with no slot taken may still be a whole GPU of a pod: all of its slots are then.
    std::vector<lattice::Slots> taken;
    for (int d = 0; d < node.devices; ++d) {
      const auto i = static_cast<std::size_t>(d);
      taken.push_back(node.left[i] > 0 ? node.taken[i] : ~lattice::Slots{0});
    }
    const MigShares& shares = cluster_.shares(node);
    for (lattice::Slots& slots : taken) slots &= shares.all_slots();
    if (auto places = place_together(shares, taken, instances)) best = Together{n, std::move(*places)};
  }
  return best;
}

}  // namespace gpushare::clusters
