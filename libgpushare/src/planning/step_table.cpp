#include "planning/step_table.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "models/llm.hpp"
#include "planning/llm_load.hpp"

namespace gpushare::planning {
namespace {

constexpr double kPlaceTokens = 256;  // of a prompt: a place of an LLM's iteration
constexpr int kMostPlaces = 64;
constexpr int kItemPlaces = 4;  // of an item of mean size in a batch, where sizes vary
constexpr int kTries = 20;      // of fixed points
constexpr double kPlacesSettled = 1e-4, kSlotsSettled = 1e-3, kUncounted = 1e-4;

}  // namespace

StepTable::StepTable(int most, bool of_none, std::function<Demand(int)> demand, const WorkSite& site,
                     const Neighbourhood& among, bool host_after_beside)
    : of_none_(of_none),
      host_after_beside_(host_after_beside),
      demand_(std::move(demand)),
      site_(&site),
      among_(&among),
      entries_(static_cast<std::size_t>(most) + 1) {}

const StepTable::Entry& StepTable::at(std::size_t places) const {
  std::optional<Entry>& entry = entries_[places];
  if (entry) return *entry;
  entry.emplace();
  if (places == 0 && !of_none_) return *entry;
  entry->demand = demand_(static_cast<int>(places));
  const Demand& demand = entry->demand;
  entry->alone = site_->time(demand);
  if (entry->alone.gpu_s <= 0) return *entry;
  entry->gpu_s = among_->elapsed_s(demand, entry->alone, site_->resources);
  entry->after_s = demand.host_after_s + std::max(0.0, demand.launch_s - entry->gpu_s);
  entry->step_s = demand.host_before_s + demand.pcie_bytes / site_->gpu.pcie_bytes_per_s + entry->gpu_s +
                  (host_after_beside_ ? 0 : entry->after_s);
  return *entry;
}

double StepTable::step_s_of(double places) const {
  const double place = std::clamp(places, 0.0, static_cast<double>(most()));
  const auto below = static_cast<std::size_t>(place);
  const double rest = place - static_cast<double>(below);
  const double below_s = at(below).step_s;
  return rest > 0 ? below_s + rest * (at(below + 1).step_s - below_s) : below_s;
}

double StepTable::mean_places() const {
  const double rate = queue.rate * queue.parts;
  const auto all = static_cast<double>(most());
  const double least = at(0).step_s > 0 ? 0 : std::min<double>(all, queue.parts);
  double places = least;
  for (int i = 0; i < kTries; ++i) {
    const double next = std::clamp(rate * step_s_of(places), least, all);
    const bool settled = std::abs(next - places) <= kPlacesSettled * places;
    places = next;
    if (settled) break;
  }
  return places;
}

double StepTable::mean_step_s() const {
  const auto all = static_cast<double>(most());
  double mean_s = step_s_of(mean_places());
  if (at(0).step_s <= 0) return mean_s;  // no step begins without jobs
  for (int i = 0; i < kTries; ++i) {
    const double jobs = queue.rate * mean_s;
    double share = std::exp(-jobs), total_s = 0, steps = 0, counted = 0;
    for (int n = 0; counted < 1 - kUncounted && n < kMostPlaces; ++n) {
      const double places = static_cast<double>(n) * queue.parts;
      const double full = std::max(1.0, places / all);  // steps that they take
      total_s += share * full * step_s_of(places / full);
      steps += share * full;
      counted += share;
      share *= jobs / (n + 1);
    }
    const double next_s = total_s / steps;
    const bool settled = std::abs(next_s - mean_s) <= kPlacesSettled * mean_s;
    mean_s = next_s;
    if (settled) break;
  }
  return mean_s;
}

BulkQueue StepTable::timed_queue() const {
  BulkQueue timed = queue;
  timed.step_s.clear();
  for (std::size_t places = 0; places <= most(); ++places) timed.step_s.push_back(at(places).step_s);
  if (host_after_beside_) timed.told_s = at(most()).after_s;
  return timed;
}

StepTable stream_steps(const StreamingAsrModel& model, const WorkSite& site, double rate,
                       const Neighbourhood& among) {
  const auto& engine = std::get<StreamOptions>(site.service.engine.options);
  StepTable table(
      std::min(engine.max_batch, kMostPlaces), false,
      [&model, &engine](int streams) { return model.chunk(streams, engine.chunk_s); }, site, among,
      engine.overlap_decoding);
  table.queue.rate = rate * std::max(1.0, site.sizes.audio_s / engine.chunk_s);
  table.queue.delay_s = engine.max_queue_delay_s;
  // The last chunk is what is left of the speech.
  const auto left_s = [&](double speech_s) {
    return speech_s - engine.chunk_s * std::max(0.0, std::ceil(speech_s / engine.chunk_s - 1e-9) - 1);
  };
  const bool alike = site.sizes.least_units == site.sizes.most_units;
  table.queue.after_least_s = alike ? left_s(site.sizes.most_units) : 0;
  table.queue.after_most_s = alike ? left_s(site.sizes.most_units) : engine.chunk_s;
  return table;
}

StepTable batch_steps(const Model& model, const WorkSite& site, double rate, const Neighbourhood& among) {
  const auto* options = std::get_if<BatchOptions>(&site.service.engine.options);
  const int most = options != nullptr ? std::min(options->max_batch, kMostPlaces) : 1;
  const double units = site.sizes.audio_s > 0 ? site.sizes.audio_s : site.sizes.units;
  const auto* batch = std::get_if<BatchModel>(&model.cost);
  const bool vary = batch != nullptr && site.sizes.length_variation > 0;
  const int parts = vary ? std::clamp(kMostPlaces / most, 1, kItemPlaces) : 1;
  const auto* fifo = std::get_if<FifoOptions>(&site.service.engine.options);
  const double kernel_s = options != nullptr ? options->eager_kernel_s
                          : fifo != nullptr  ? fifo->eager_kernel_s
                                             : 0;
  const auto demand = [&model, &site, batch, units, parts, kernel_s](int places) {
    if (batch == nullptr) return std::get<SyntheticModel>(model.cost).step(site.sizes.drawn_s);
    const double items = static_cast<double>(places) / parts;
    Demand step = batch->batch(std::ceil(items), items * units);
    step.launch_one_by_one(kernel_s);
    return step;
  };
  StepTable table(most * parts, false, demand, site, among, false);
  table.queue.rate = rate;
  table.queue.parts = parts;
  if (parts > 1) table.queue.sizes = spread_sizes(site.sizes.length_variation);
  table.queue.delay_s = options != nullptr && most > 1 ? options->max_queue_delay_s : 0;
  return table;
}

namespace {

// An LLM's iterations with prompts of mean length, of which each takes so many places.
struct Iterations {
  const WorkSite& site;
  ContinuousOptions engine;
  LlmServing serving;
  LlmRequestLoad load;
  int parts;
  double place_tokens;

  // Tokens that a sequence keeps while it is in its reply, on average and their mean square by the squared mean: of those
  // that are there at a time the replies are longer than most.
  [[nodiscard]] std::pair<double, double> kept_tokens() const {
    const VisitSizes& sizes = site.sizes;
    const double longer = 1 + sizes.length_variation * sizes.length_variation;
    const double reply = load.reply_steps / 2 * longer;
    const double mean = load.prompt.tokens + engine.block_size / 2.0 + reply;
    const double prompt_spread = load.prompt.tokens * sizes.prompt_variation;
    const double reply_square = load.reply_steps * load.reply_steps / 3 * std::pow(longer, 3);  // lognormal
    return {mean, 1 + (prompt_spread * prompt_spread + reply_square - reply * reply) / (mean * mean)};
  }
  // Beside `replies` sequences in their reply.
  [[nodiscard]] Demand demand(double places, double replies) const {
    LlmLoad step;
    step.prefill_tokens = places * place_tokens;
    step.prefill_pairs = places / parts * load.prompt.pairs;
    step.decodes = replies;
    step.decode_context = replies * (site.sizes.prompt.tokens + load.reply_steps / 2);
    step.sampled = replies + places / parts;
    step.sequences = replies + places / parts;
    Demand demand = serving.rank_step(step, 0);
    demand.host_before_s += engine.host_per_step_s + engine.host_per_sequence_s * step.sequences;
    return demand;
  }
};

// Places of a batch, and those in memory: of the tokens that a sequence keeps while it is in its reply.
std::vector<Places> places_of_sequences(const Iterations& all, Places each, auto&& seconds_beside) {
  const auto& [mean, uneven] = all.kept_tokens();
  const double tokens = static_cast<double>(all.site.memory.kv_blocks) * all.engine.block_size;
  Places memory = each;
  each.most = all.engine.max_num_seqs;
  memory.most = tokens / mean;
  memory.uneven = uneven;
  for (Places* places : {&each, &memory}) places->full_s = seconds_beside(places->most);
  return {each, memory};
}

}  // namespace

StepTable llm_steps(const LlmModel& model, const WorkSite& site, double rate, const Neighbourhood& among,
                    double slots_taken) {
  const LlmRequestLoad load = load_of(site);
  const int parts = std::max(1, static_cast<int>(std::ceil(load.prompt.tokens / kPlaceTokens)));
  const auto all = std::make_shared<const Iterations>(
      Iterations{site, site.engine(), serving_on(model, site), load, parts, load.prompt.tokens / parts});
  const ContinuousOptions& engine = all->engine;
  const auto table_beside = [all, rate, &site, &among](double replies) {
    const double room = std::max(all->place_tokens, all->engine.max_num_batched_tokens - replies);
    const int most = std::clamp(static_cast<int>(room / all->place_tokens), 1, kMostPlaces);
    StepTable table(
        most, all->load.sequences > 0, [all, replies](int places) { return all->demand(places, replies); },
        site, among, false);
    table.queue.rate = rate;
    table.queue.parts = all->parts;
    table.slots_taken = replies;
    return table;
  };
  // How long a sequence is in its reply beside so many.
  const auto seconds_beside = [all, table_beside](double replies) {
    return all->load.sequences * table_beside(replies).mean_step_s();
  };
  for (int i = 0; i < kTries; ++i) {
    const double taken = std::min<double>(4 * engine.max_num_seqs, rate * seconds_beside(slots_taken));
    if (std::abs(taken - slots_taken) <= kSlotsSettled * taken) break;
    slots_taken = taken;
  }
  StepTable table = table_beside(slots_taken);
  table.for_sequences = [all, seconds_beside, rate, slots_taken] {
    const double variation = all->site.sizes.length_variation;
    return places_of_sequences(*all, {0, rate, slots_taken, slots_taken / rate, 0, variation},
                               seconds_beside);
  };
  table.queue.sizes = spread_sizes(site.sizes.prompt_variation);
  table.queue.late_steps = engine.async_scheduling ? 1 : 0;
  table.queue.start_s = engine.idle_start_s;
  table.queue.idle = load.sequences > 0 ? std::exp(-table.slots_taken) : 0;
  table.more_s = engine.frontend_request_s + engine.frontend_token_s;
  return table;
}

}  // namespace gpushare::planning
