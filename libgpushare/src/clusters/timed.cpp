#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "clusters/chooser.hpp"
#include "clusters/meter.hpp"
#include "core/text.hpp"
#include "gpushare/cluster_run.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/event_queue.hpp"

namespace gpushare {

namespace clusters {

namespace {

/// A pod by itself or a gang, as it waits.
struct Party {
  std::vector<int> pods;
  int missing = 0;  ///< members that have not been created
  int priority = 0;
  bool stuck = false;  ///< it did not fit, and nothing has been given back since
};

/// Divided, so that whole seconds of a file come out whole.
double in_seconds(Time time) { return static_cast<double>(time.ns) / 1e9; }

class TimedReplay {
 public:
  TimedReplay(const std::vector<ClusterNode>& nodes, const std::vector<ClusterPod>& pods,
              const TimedOptions& options)
      : pods_(pods),
        options_(options),
        demands_(number_demands(nodes, pods)),
        classes_(pod_classes(pods)),
        cluster_(nodes, node_kinds(nodes, options.packing.sharing, options.packing.mig)),
        fragments_(classes_, cluster_.kinds()),
        chooser_(demands_, cluster_, fragments_, classes_, options.packing),
        meter_(cluster_, fragments_),
        arrivals_(queue_.add_slot(kArrivals)),
        samples_(queue_.add_slot(kSamples)) {
    run_.pods.resize(pods.size());
    holds_.resize(pods.size());
    number_keys();
    form_parties();
    set_next_arrival();
    queue_.set(samples_, Time{});
  }

  TimedRun run() {
    for (std::uint64_t events = 0; !queue_.empty(); ++events) {
      if (options_.packing.interrupted && events % 256 == 0 && options_.packing.interrupted()) {
        throw SimulationError("", "interrupted");
      }
      const Time now = queue_.top().time;
      if (in_seconds(now) > options_.until_s) break;
      // The row after the last pod adds no time to the means.
      if (queue_.size() > 1 || queue_.top().slot != samples_) meter_.advance(in_seconds(now));
      bool changed = false;
      while (!queue_.empty() && queue_.top().time == now && queue_.top().slot != samples_) {
        changed = true;
        const EventQueue::Slot slot = queue_.pop().slot;
        slot == arrivals_ ? arrive(now) : end(slot, now);
      }
      if (changed) start_waiting(now);
      if (!queue_.empty() && queue_.top().slot == samples_ && queue_.top().time == now) sample(now);
    }
    cluster_.check();
    run_.mean = meter_.mean();
    return std::move(run_);
  }

 private:
  static constexpr std::uint32_t kEnds = 0, kArrivals = 1, kSamples = 2;
  using Turn = std::tuple<int, std::size_t, std::size_t>;  // minus priority, order of completion, party

  /// Pods that fit on the same nodes have the same key.
  void number_keys() {
    std::map<std::tuple<int, int, std::int64_t, int>, std::size_t> keys;
    for (const Job& job : demands_.jobs) {
      const auto [at, is_new] =
          keys.try_emplace({job.demand, job.filter, job.memory, job.place}, keys.size());
      if (is_new) example_.push_back(job);
      key_of_.push_back(at->second);
    }
    blocked_.resize(example_.size());
    std::vector<bool> possible(example_.size());
    for (std::size_t k = 0; k < example_.size(); ++k) {
      for (std::size_t n = 0; n < cluster_.nodes().size() && !possible[k]; ++n) {
        possible[k] = fits(example_[k], static_cast<int>(n));
      }
    }
    for (const std::size_t key : key_of_) possible_.push_back(possible[key]);
  }

  void form_parties() {
    std::map<std::string, std::size_t> gangs;
    for (std::size_t p = 0; p < pods_.size(); ++p) {
      const ClusterPod& pod = pods_[p];
      std::size_t party = parties_.size();
      if (!pod.gang.empty()) party = gangs.try_emplace(pod.gang, party).first->second;
      if (party == parties_.size()) parties_.push_back({{}, 0, pod.priority, false});
      parties_[party].pods.push_back(static_cast<int>(p));
      parties_[party].priority = std::max(parties_[party].priority, pod.priority);
      ++parties_[party].missing;
      party_of_.push_back(party);
      by_creation_.push_back(p);
    }
    std::stable_sort(by_creation_.begin(), by_creation_.end(),
                     [&](std::size_t a, std::size_t b) { return pods_[a].created_s < pods_[b].created_s; });
  }

  void set_next_arrival() {
    if (next_ == by_creation_.size()) return;
    queue_.set(arrivals_, Time{} + duration_from_seconds(pods_[by_creation_[next_]].created_s));
  }

  [[nodiscard]] bool fits(const Job& job, int n) const {
    const NodeState& node = cluster_.node(n);
    if (demands_.allowed[static_cast<std::size_t>(job.filter)][static_cast<std::size_t>(n)] == 0)
      return false;
    const Want want = cluster_.kinds().want(node.kind, demand(job));
    return node.memory >= job.memory &&
           (job.place < 0 ? cluster_.fits(node, want) : cluster_.fits_at(place(job), want));
  }
  [[nodiscard]] const Place& place(const Job& job) const {
    return demands_.places[static_cast<std::size_t>(job.place)];
  }
  [[nodiscard]] const Demand& demand(const Job& job) const {
    return demands_.demands[static_cast<std::size_t>(job.demand)];
  }
  [[nodiscard]] const Job& job(int pod) const { return demands_.jobs[static_cast<std::size_t>(pod)]; }

  void arrive(Time) {
    const std::size_t p = by_creation_[next_++];
    set_next_arrival();
    Party& party = parties_[party_of_[p]];
    if (--party.missing > 0) return;
    const bool possible = std::all_of(party.pods.begin(), party.pods.end(),
                                      [&](int pod) { return possible_[static_cast<std::size_t>(pod)]; });
    if (!possible) {
      run_.impossible += static_cast<std::int64_t>(party.pods.size());
      return;
    }
    waiting_.insert({-party.priority, arrived_++, party_of_[p]});
    for (const int pod : party.pods) meter_.waits(asked(pod), 1);
  }

  [[nodiscard]] std::int64_t asked(int p) const {
    const Demand& wanted = demand(job(p));
    return std::int64_t{wanted.gpus} * wanted.milli;
  }

  void end(EventQueue::Slot slot, Time now) {
    const int p = ending_.at(slot);
    queue_.release_slot(slot);
    const Hold& hold = holds_[static_cast<std::size_t>(p)];
    cluster_.give_back(hold);
    meter_.changed(hold.node, -1);
    freed_.push_back(hold.node);
    run_.pods[static_cast<std::size_t>(p)].ended_s = in_seconds(now);
    count_group(p, -1);
  }

  void count_group(int p, int sign) {
    const std::string& group = pods_[static_cast<std::size_t>(p)].group;
    if (!options_.quotas.contains(group)) return;
    std::int64_t& used = used_[group];
    used += sign * asked(p);
    std::int64_t& peak = run_.peak_of_group[group];
    peak = std::max(peak, used);
  }

  [[nodiscard]] bool within_quotas(const Party& party) const {
    std::map<std::string, std::int64_t> more;
    for (const int p : party.pods) more[pods_[static_cast<std::size_t>(p)].group] += asked(p);
    return std::all_of(more.begin(), more.end(), [&](const auto& entry) {
      const auto quota = options_.quotas.find(entry.first);
      const auto used = used_.find(entry.first);
      return quota == options_.quotas.end() ||
             entry.second + (used == used_.end() ? 0 : used->second) <= quota->second;
    });
  }

  /// What did not fit can fit now only where something was given back.
  void unblock() {
    if (freed_.empty()) return;
    std::sort(freed_.begin(), freed_.end());
    freed_.erase(std::unique(freed_.begin(), freed_.end()), freed_.end());
    for (std::size_t k = 0; k < blocked_.size(); ++k) {
      if (!blocked_[k]) continue;
      blocked_[k] = std::none_of(freed_.begin(), freed_.end(), [&](int n) { return fits(example_[k], n); });
    }
    for (const Turn& turn : waiting_) parties_[std::get<2>(turn)].stuck = false;
    freed_.clear();
  }

  void start_waiting(Time now) {
    unblock();
    for (auto turn = waiting_.begin(); turn != waiting_.end();) {
      Party& party = parties_[std::get<2>(*turn)];
      const bool may_start = within_quotas(party);
      if (may_start && start(party, now)) {
        turn = waiting_.erase(turn);
      } else if (!may_start || options_.backfill) {  // nobody waits for a group that has used up its own
        ++turn;
      } else {
        break;
      }
    }
  }

  bool start(Party& party, Time now) {
    if (party.stuck) return false;
    std::vector<std::pair<int, Hold>> taken;
    if (!take_together(party, taken) && !take_each(party, taken)) {
      party.stuck = party.pods.size() > 1;
      return false;
    }
    for (auto& [p, hold] : taken) {
      PodTimes& times = run_.pods[static_cast<std::size_t>(p)];
      times.started_s = in_seconds(now);
      times.node = hold.node;
      times.devices.assign(hold.devices.begin(), hold.devices.end());
      for (const Instance& instance : hold.instances) times.instances.push_back(name_of(hold, instance));
      meter_.changed(hold.node, 1);
      meter_.waits(asked(p), -1);
      holds_[static_cast<std::size_t>(p)] = std::move(hold);
      ++run_.started;
      count_group(p, 1);
      const double duration = pods_[static_cast<std::size_t>(p)].duration_s;
      if (duration == std::numeric_limits<double>::infinity()) continue;
      const EventQueue::Slot slot = queue_.add_slot(kEnds);
      ending_[slot] = p;
      queue_.set(slot, now + duration_from_seconds(duration));
    }
    return true;
  }

  bool take_each(const Party& party, std::vector<std::pair<int, Hold>>& taken) {
    for (const int p : party.pods) {
      const std::size_t key = key_of_[static_cast<std::size_t>(p)];
      auto hold = blocked_[key] ? std::nullopt : take_one(job(p));
      if (!hold) {
        // With part of the gang in place, others' room says nothing of a pod by itself.
        if (taken.empty()) blocked_[key] = true;
        for (const auto& [pod, held] : taken) cluster_.give_back(held);
        return false;
      }
      taken.emplace_back(p, std::move(*hold));
    }
    return true;
  }

  std::optional<Hold> take_one(const Job& job) {
    if (job.place >= 0) {
      if (!fits(job, place(job).node)) return std::nullopt;
      return cluster_.take_at(place(job), demand(job), job.memory);
    }
    const auto choice = chooser_.choose(job);
    if (!choice) return std::nullopt;
    return cluster_.take(*choice, demand(job), job.memory, keeps_most());
  }

  [[nodiscard]] std::string name_of(const Hold& hold, const Instance& instance) const {
    const GpuProfile& profile = cluster_.shares(cluster_.node(hold.node)).profile();
    return text::format("{}@{}", lattice::row(profile, instance.profile).name, instance.start);
  }

  /// A gang of shares on one node of GPUs that are cut, by a policy that looks at instances.
  bool take_together(const Party& party, std::vector<std::pair<int, Hold>>& taken) {
    if (party.pods.size() < 2 || !keeps_most()) return false;
    std::vector<Job> jobs;
    for (const int p : party.pods) jobs.push_back(job(p));
    if (std::any_of(jobs.begin(), jobs.end(), [](const Job& job) { return job.place >= 0; })) return false;
    const auto found = chooser_.choose_together(jobs);
    if (!found) return false;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      taken.emplace_back(party.pods[i], cluster_.take_instance(found->node, found->places[i], demand(jobs[i]),
                                                               jobs[i].memory));
    }
    return true;
  }

  [[nodiscard]] bool keeps_most() const { return options_.packing.policy == PackingPolicy::mig_aware; }

  void sample(Time now) {
    queue_.pop();
    run_.series.push_back(meter_.sample());
    run_.series.back().at_s = in_seconds(now);
    // The last row is the first at which nothing can change any more.
    if (!queue_.empty()) queue_.set(samples_, now + duration_from_seconds(options_.sample_s));
  }

  const std::vector<ClusterPod>& pods_;
  const TimedOptions& options_;
  Demands demands_;
  std::vector<PodClass> classes_;
  ClusterState cluster_;
  FragmentMeter fragments_;
  Chooser chooser_;
  ClusterMeter meter_;
  EventQueue queue_;
  EventQueue::Slot arrivals_, samples_;
  std::map<EventQueue::Slot, int> ending_;
  std::vector<Job> example_;  ///< by key
  std::vector<std::size_t> key_of_;
  std::vector<bool> blocked_;   ///< by key: no node fits
  std::vector<bool> possible_;  ///< by pod
  std::vector<Party> parties_;
  std::vector<std::size_t> party_of_, by_creation_;
  std::size_t next_ = 0, arrived_ = 0;
  std::set<Turn> waiting_;
  std::vector<Hold> holds_;
  std::vector<int> freed_;
  std::map<std::string, std::int64_t> used_;
  TimedRun run_;
};

}  // namespace
}  // namespace clusters

TimedRun replay_timed(const std::vector<ClusterNode>& nodes, const std::vector<ClusterPod>& pods,
                      const TimedOptions& options) {
  return clusters::TimedReplay(nodes, pods, options).run();
}

}  // namespace gpushare
