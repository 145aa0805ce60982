// The floor core/: events per second of the event loop, and what its parts cost.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "gpushare/event_queue.hpp"
#include "gpushare/random.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/time.hpp"

namespace {

using namespace gpushare;

constexpr std::uint32_t kStations = 64;
constexpr double kLoad = 0.8;
constexpr double kServiceMean_s = 1e-3;

// First in, first out, in a ring that grows.
class Fifo {
 public:
  void push(Time t) {
    if (size_ == ring_.size()) grow();
    ring_[(head_ + size_++) & (ring_.size() - 1)] = t;
  }
  Time pop() {
    const Time t = ring_[head_];
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
    return t;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void grow() {
    std::vector<Time> larger(ring_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_ = std::move(larger);
    head_ = 0;
  }
  std::vector<Time> ring_ = std::vector<Time>(16);
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

// An M/M/1 queue with its statistics; whoever schedules its events asks it for the times.
class Station {
 public:
  explicit Station(std::uint32_t index) : gaps_(1, 0, "gaps", index), services_(1, 0, "services", index) {}

  Time next_arrival(Time now) {
    return now + duration_from_seconds(gaps_.exponential() * (kServiceMean_s / kLoad));
  }

  // True when the server was idle and starts on this customer.
  bool arrive(Time now) {
    length_.add(now, 1);
    if (busy_) {
      waiting_.push(now);
      return false;
    }
    busy_ = true;
    waits_.add(Duration{0});
    return true;
  }

  Time next_departure(Time now) {
    return now + duration_from_seconds(services_.exponential() * kServiceMean_s);
  }

  // True when another customer starts.
  bool depart(Time now) {
    length_.add(now, -1);
    if (waiting_.size() == 0) {
      busy_ = false;
      return false;
    }
    waits_.add(now - waiting_.pop());
    return true;
  }

  [[nodiscard]] const Histogram& waits() const { return waits_; }
  [[nodiscard]] double mean_length(Time now) const { return length_.integral_s(now) / to_seconds(now); }

 private:
  Stream gaps_;
  Stream services_;
  Fifo waiting_;
  Histogram waits_;
  TimeIntegral length_;
  bool busy_ = false;
};

std::vector<Station> make_stations() {
  std::vector<Station> stations;
  for (std::uint32_t i = 0; i < kStations; ++i) stations.emplace_back(i);
  return stations;
}

// Timers 2 i and 2 i + 1 are the next arrival and the next departure of station i.
class TimerNetwork {
 public:
  TimerNetwork() {
    for (std::uint32_t i = 0; i < kStations; ++i) {
      arrivals_.push_back(queue_.add_slot(0));
      departures_.push_back(queue_.add_slot(0));
      queue_.set(arrivals_[i], stations_[i].next_arrival(Time{}));
    }
  }

  void run(std::int64_t events) {
    for (; events > 0; --events) {
      const EventQueue::Event event = queue_.pop();
      now_ = event.time;
      const std::uint32_t i = event.slot / 2;
      Station& station = stations_[i];
      if (event.slot % 2 == 0) {
        queue_.set(event.slot, station.next_arrival(now_));
        if (station.arrive(now_)) queue_.set(departures_[i], station.next_departure(now_));
      } else if (station.depart(now_)) {
        queue_.set(event.slot, station.next_departure(now_));
      }
    }
  }

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] const std::vector<Station>& stations() const { return stations_; }

 private:
  EventQueue queue_;
  std::vector<Station> stations_ = make_stations();
  std::vector<EventQueue::Slot> arrivals_;
  std::vector<EventQueue::Slot> departures_;
  Time now_{};
};

// The same network as most simulators are first written: a heap of closures.
class ClosureNetwork {
 public:
  ClosureNetwork() {
    for (Station& station : stations_) schedule_arrival(station);
  }

  void run(std::int64_t events) {
    for (; events > 0; --events) {
      const Item item = heap_.top();
      heap_.pop();
      now_ = item.time;
      item.action();
    }
  }

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] const std::vector<Station>& stations() const { return stations_; }

 private:
  struct Item {
    Time time;
    std::uint64_t sequence;
    std::function<void()> action;
    bool operator<(const Item& other) const {
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };

  void schedule(Time time, std::function<void()> action) {
    heap_.push({time, sequence_++, std::move(action)});
  }

  void schedule_arrival(Station& station) {
    schedule(station.next_arrival(now_), [this, &station] {
      schedule_arrival(station);
      if (station.arrive(now_)) schedule_departure(station);
    });
  }

  void schedule_departure(Station& station) {
    schedule(station.next_departure(now_), [this, &station] {
      if (station.depart(now_)) schedule_departure(station);
    });
  }

  std::priority_queue<Item> heap_;
  std::vector<Station> stations_ = make_stations();
  std::uint64_t sequence_ = 0;
  Time now_{};
};

template <class Network>
double mean_wait_s(const Network& network) {
  Histogram waits;
  for (const Station& station : network.stations()) waits.merge(station.waits());
  return waits.mean_s();
}

template <class Network>
double mean_length(const Network& network) {
  double sum = 0;
  for (const Station& station : network.stations()) sum += station.mean_length(network.now());
  return sum / kStations;
}

constexpr std::int64_t kSlice = 100'000;

// wait_over_theory and length_over_theory tend to 1: mean wait rho / (1 - rho) services, mean number rho / (1 - rho).
template <class Network>
void mm1_network(benchmark::State& state) {
  Network network;
  network.run(1'000'000);
  for ([[maybe_unused]] auto _ : state) network.run(kSlice);
  state.SetItemsProcessed(state.iterations() * kSlice);
  const double theory = kLoad / (1 - kLoad);
  state.counters["wait_over_theory"] = mean_wait_s(network) / (theory * kServiceMean_s);
  state.counters["length_over_theory"] = mean_length(network) / theory;
}
BENCHMARK(mm1_network<TimerNetwork>)->Name("mm1_x64/timers")->Unit(benchmark::kMillisecond);
BENCHMARK(mm1_network<ClosureNetwork>)->Name("mm1_x64/closures")->Unit(benchmark::kMillisecond);

// Both networks in turn, so that whatever slows the machine slows both.
void timers_against_closures(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  TimerNetwork timers;
  ClosureNetwork closures;
  timers.run(1'000'000);
  closures.run(1'000'000);
  Clock::duration by_timers{}, by_closures{};
  for ([[maybe_unused]] auto _ : state) {
    const auto start = Clock::now();
    timers.run(kSlice);
    const auto middle = Clock::now();
    closures.run(kSlice);
    by_timers += middle - start;
    by_closures += Clock::now() - middle;
  }
  if (timers.now() != closures.now()) state.SkipWithError("the two networks disagree");
  state.counters["closures_over_timers"] =
      static_cast<double>(by_closures.count()) / static_cast<double>(by_timers.count());
}
BENCHMARK(timers_against_closures)->Name("mm1_x64/ratio")->Unit(benchmark::kMillisecond);

// The hold model (Jones, 1986): take the earliest event, put it back an exponential time later.
void queue_churn(benchmark::State& state) {
  EventQueue queue;
  Stream stream(1, 0, "churn");
  std::vector<Duration> gaps(4096);
  for (Duration& gap : gaps) gap = duration_from_seconds(stream.exponential());
  for (std::int64_t i = 0; i < state.range(0); ++i)
    queue.set(queue.add_slot(0), Time{} + gaps[static_cast<std::size_t>(i) % 4096]);
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const EventQueue::Event event = queue.pop();
    queue.set(event.slot, event.time + gaps[next++ % 4096]);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queue_churn)->Arg(16)->Arg(1'000)->Arg(100'000);

void histogram_add(benchmark::State& state) {
  Histogram histogram;
  Stream stream(1, 0, "histogram");
  const Distribution latency = lognormal_with_mean(0.05, 0.5);
  std::vector<Duration> values(4096);
  for (Duration& v : values) v = duration_from_seconds(latency.sample(stream));
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) histogram.add(values[next++ % 4096]);
  benchmark::DoNotOptimize(histogram.count());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(histogram_add);

template <auto Draw>
void random_draw(benchmark::State& state) {
  Stream stream(1, 0, "draws");
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(Draw(stream));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(random_draw<[](Stream& s) { return s.bits32(); }>)->Name("random/bits32");
BENCHMARK(random_draw<[](Stream& s) { return s.uniform(); }>)->Name("random/uniform");
BENCHMARK(random_draw<[](Stream& s) { return s.exponential(); }>)->Name("random/exponential");
BENCHMARK(random_draw<[](Stream& s) { return s.normal(); }>)->Name("random/normal");
BENCHMARK(random_draw<[](Stream& s) { return s.gamma(0.5); }>)->Name("random/gamma");
BENCHMARK(random_draw<[](Stream& s) { return s.poisson(100); }>)->Name("random/poisson");

void stream_per_request(benchmark::State& state) {
  const Stream base(1, 0, "requests");
  std::uint64_t index = 0;
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(base.at(index++).exponential());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(stream_per_request)->Name("random/one_draw_per_stream");

}  // namespace
