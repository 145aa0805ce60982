#include "models/batch.hpp"

#include <nlohmann/json.hpp>

#include "models/model_reader.hpp"

namespace gpushare {
namespace {

/// A step that takes no time would let a queue run empty at one instant, however long it is.
void check_batch(const BatchModel& model, const json::Reader& reader) {
  if (model.floor_s + model.floor_per_item_s + model.flop_per_unit + model.bytes_per_unit +
          model.weight_bytes ==
      0) {
    reader.fail(
        "a step would take no GPU time: give at least one of floor_s, floor_per_item_s, flop_per_unit, "
        "bytes_per_unit and weight_bytes");
  }
}

// An efficiency is needed where there is something that it divides.
void check_needed(const BatchModel& model, const json::Reader& reader) {
  const auto need = [&](bool needed, std::string_view key) {
    if (needed && !reader.has(key)) static_cast<void>(reader.at(key));
  };
  need(model.flop_per_unit > 0, "flop_efficiency");
  need(model.bytes_per_unit + model.weight_bytes > 0, "bandwidth_efficiency");
  need(model.working_set_bytes > 0, "reuse");
}

// The largest batch that the engine makes of waiting items.
int most_items(const Engine& engine) {
  const auto* fifo = std::get_if<FifoOptions>(&engine.options);
  return fifo != nullptr ? fifo->concurrency : std::get<BatchOptions>(engine.options).max_batch;
}

}  // namespace

Demand BatchModel::batch(double items, double units) const {
  Demand demand;
  if (items <= 0) return demand;
  OperatorGroup group;
  group.floor_s = floor_s + items * floor_per_item_s;
  group.flop = units * flop_per_unit;
  group.bytes = weight_bytes + units * bytes_per_unit;
  group.flop_efficiency = flop_efficiency;
  group.bandwidth_efficiency = bandwidth_efficiency;
  group.working_set_bytes = working_set_bytes;
  group.reuse = reuse;
  group.precision = precision;
  group.norm = static_cast<std::uint8_t>(norm);
  demand.host_before_s = host_before_s + items * host_per_item_s;
  demand.host_after_s = host_after_s;
  demand.launch_s = launch_s;
  demand.eager_launch_s = launch_s;
  demand.pcie_bytes = units * pcie_bytes_per_unit;
  demand.kernels = kernels;
  demand.add(group);
  return demand;
}

MemoryNeed ModelKind<BatchModel>::memory(const BatchModel& model, const Process& process) {
  const int items = most_items(process.engine);
  return with_context(model.weight_bytes, model.memory_bytes + items * model.memory_per_item_bytes, process);
}

std::span<const Field<BatchModel>> ModelKind<BatchModel>::fields() {
  using M = BatchModel;
  using gpushare::fields::kMay, gpushare::fields::kMust;
  static constexpr auto kTable = std::to_array<Field<M>>({
      {"unit", ReadByHand{}, {}, kMust, "What a step's cost grows with: texts, images, seconds of audio."},
      {"norm", ReadByHand{}, {}, kMay, "1 adds floor, arithmetic and memory; 2 is a smooth maximum."},
      {"precision", ReadByHand{}, {}, kMay},
      {"floor_s", &M::floor_s, json::kSpan, kMay},
      {"floor_per_item_s", &M::floor_per_item_s, json::kSpan, kMay},
      {"flop_per_unit", &M::flop_per_unit, json::kNonNegative, kMay},
      {"bytes_per_unit", &M::bytes_per_unit, json::kNonNegative, kMay},
      {"weight_bytes", &M::weight_bytes, json::kNonNegative, kMay, "Read once a step."},
      {"flop_efficiency", &M::flop_efficiency, json::kEfficiency, kMay},
      {"bandwidth_efficiency", &M::bandwidth_efficiency, json::kEfficiency, kMay},
      {"working_set_bytes", &M::working_set_bytes, json::kNonNegative, kMay,
       "What is read again, and found in L2 as far as it fits."},
      {"reuse", &M::reuse, json::kFraction, kMay,
       "Share of the bytes saved when the working set fits L2 whole."},
      {"host_before_s", &M::host_before_s, json::kSpan, kMay},
      {"host_after_s", &M::host_after_s, json::kSpan, kMay},
      {"host_per_item_s", &M::host_per_item_s, json::kSpan, kMay},
      {"launch_s", &M::launch_s, json::kSpan, kMay,
       "Host time of the launches, beside the GPU's work: a step takes at least so long. 0 if left out."},
      {"pcie_bytes_per_unit", &M::pcie_bytes_per_unit, json::kNonNegative, kMay,
       "Copied to the GPU before the step, over a link that all processes of the GPU share."},
      {"memory_bytes", &M::memory_bytes, json::kPositive, kMust},
      {"memory_per_item_bytes", &M::memory_per_item_bytes, json::kNonNegative, kMay},
      {"kernels", &M::kernels, json::kPositive, kMust},
  });
  return kTable;
}

void ModelKind<BatchModel>::read(json::Figures& figures, BatchModel& model) {
  const json::Reader& reader = figures.reader();
  read_figures(figures, fields(), model, [&](std::string_view name) {
    if (name == "unit") model.unit = models::read_text(reader.at(name));
    if (name == "norm") model.norm = static_cast<int>(reader.integer(name, 1, 1, 2));
    if (name == "precision" && reader.has(name)) model.precision = models::read_precision(reader.at(name));
  });
  check_needed(model, reader);
  check_batch(model, reader);
}

void ModelKind<BatchModel>::write_by_hand(const BatchModel& model, nlohmann::ordered_json& object) {
  object["unit"] = model.unit;
  object["norm"] = model.norm;
  object["precision"] = to_string(model.precision);
}

}  // namespace gpushare
