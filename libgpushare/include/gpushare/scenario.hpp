#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gpushare/control.hpp"
#include "gpushare/faults.hpp"
#include "gpushare/figures.hpp"
#include "gpushare/fits.hpp"
#include "gpushare/placement.hpp"
#include "gpushare/workload.hpp"

/// Scenarios as documents: data handed over beside them, reading, other modes and placements.
namespace gpushare {

// ---- Data beside a document ----

/// A file that a document names.
struct InputFile {
  enum class Kind : std::uint8_t { trace, calls };
  Kind kind = Kind::trace;
  std::string path;
  // Of a trace, as TraceOptions has them.
  std::string format = "auto";
  std::string time_unit = "auto";
  std::int32_t block_tokens = 0;
  std::int32_t output_tokens = 0;
  std::string columns{};

  friend auto operator<=>(const InputFile&, const InputFile&) = default;
};

/// What a document names and does not hold. Traffic takes what has its name; a file that is not here is read when the
/// document is.
struct Inputs {
  using CallsPointer = std::shared_ptr<const std::vector<VoiceCall>>;

  std::map<std::string, std::shared_ptr<const Trace>> traces;  ///< by the name of the traffic
  std::map<std::string, CallsPointer> calls;                   ///< likewise
  std::map<InputFile, std::shared_ptr<const Trace>> trace_files;
  std::map<std::string, CallsPointer> call_files;  ///< by path
  /// Legal as a trace's "format". A program that reads more than the library hands such files over.
  std::vector<std::string> trace_formats = gpushare::trace_formats();
};

// ---- Documents ----

struct Scenario;

/// A scenario's document in one of its modes, parsed but not read: its files may be handed over.
class ScenarioDocument {
 public:
  /// By file path or by name ("voice-heavy"), with the document's own placement or another mode: a mode of the document,
  /// or one of mode_grammar(). Relative paths in it (traces, models) start at its folder. Throws ScenarioError.
  [[nodiscard]] static ScenarioDocument load(const std::string& name_or_path, const std::string& mode = {});
  /// The same of a text; `source` names it in messages.
  [[nodiscard]] static ScenarioDocument parse(std::string_view json, const std::string& mode = {},
                                              const std::string& source = {}, const std::string& folder = {});

  /// Another mode of the document as it was given.
  [[nodiscard]] ScenarioDocument in_mode(const std::string& mode) const;
  /// Other "objectives", in every mode; `json` is that member.
  [[nodiscard]] ScenarioDocument with_objectives(std::string_view json) const;
  /// The JSON as it was given, before any mode, but for paths, which are absolute.
  [[nodiscard]] std::string given() const;
  /// JSON with the mode applied and paths made absolute. It gives the same scenario when it is read again.
  [[nodiscard]] std::string text() const;
  /// The traces and calls that its traffic names by path.
  [[nodiscard]] std::vector<InputFile> files() const;
  /// Reads it. What it has in common with the document of `like`, and that one's inputs, are taken from there.
  /// Throws ScenarioError with source and JSON pointer, and what the models, profiles, layouts and inputs in it throw.
  [[nodiscard]] Scenario read(const Inputs& inputs = {}, const Scenario* like = nullptr) const;

 private:
  struct Content;
  explicit ScenarioDocument(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  friend Scenario with_placement(const Scenario&, Placement, const std::string&);
  friend Scenario with_faults(const Scenario&, std::string_view);

  std::shared_ptr<const Content> content_;
};

// ---- Scenarios ----

/// A workload and where it runs, with a seed: one document.
struct Scenario {
  std::string name;
  std::string description;
  std::string mode;  ///< as shown in tables: "dedicated", "mig:3g.40gb+3g.40gb", ...
  Workload workload;
  Placement placement;
  std::vector<Fault> faults;
  std::optional<Control> control;  ///< nullopt: the fleet stays as it is placed
  PlacementOptions placing;        ///< what its modes place on and let share
  int baseline_gpus = 0;           ///< GPUs of the dedicated placement, for `gpus_freed`
  std::uint64_t seed = 1;
  std::vector<std::string> modes;            ///< the document's own named modes, in its order
  std::string document;                      ///< the JSON it was read from, with the mode applied
  std::optional<ScenarioDocument> original;  ///< nullopt: it was made by hand
  Inputs inputs;                             ///< that it was read with, and the files it names
};

/// ScenarioDocument::load(name_or_path, mode).read(inputs)
[[nodiscard]] Scenario load_scenario(const std::string& name_or_path, const std::string& mode = {},
                                     const Inputs& inputs = {});
/// ScenarioDocument::parse(json, mode, source, folder).read(inputs)
[[nodiscard]] Scenario parse_scenario(std::string_view json, const std::string& mode = {},
                                      const std::string& source = {}, const std::string& folder = {},
                                      const Inputs& inputs = {});
[[nodiscard]] Scenario parse_scenario(std::string_view json, const Inputs& inputs);
[[nodiscard]] std::vector<std::string> scenario_names();

/// The scenario in another mode of its document, with its inputs. Throws ScenarioError when it was made by hand.
[[nodiscard]] Scenario with_mode(const Scenario& scenario, const std::string& mode);
/// The scenario on another placement, without control, which tables call `label`. Throws what check_placement throws, and ScenarioError for a
/// fault of a replica that is not placed.
[[nodiscard]] Scenario with_placement(const Scenario& scenario, Placement placement,
                                      const std::string& label = "custom");

/// The scenario with other faults, as a document has them, of what its placement has; other modes of it keep theirs.
/// Throws ScenarioError with the JSON pointer.
[[nodiscard]] Scenario with_faults(const Scenario& scenario, std::string_view json);

/// The scenario with a service changed by a merge patch (RFC 7396): {"precision": "int8"}. Throws ScenarioError as reading
/// does, for a service that does not exist, and when the scenario was made by hand.
[[nodiscard]] Scenario with_service(const Scenario& scenario, const std::string& service,
                                    std::string_view json);

// ---- Objectives ----

/// The figures that its runs have, by their canonical names; with latencies that nobody may come to have.
[[nodiscard]] inline std::vector<std::string> figure_names(const Scenario& scenario) {
  return figure_names(scenario.workload, scenario.placement, !scenario.faults.empty(),
                      scenario.control.has_value());
}
/// Objectives as a document has them, of such a scenario: {"llm.ttft_p95_s": 0.5, "success_rate": {"at_least": 0.99}}.
/// Throws ScenarioError with `source` and the JSON pointer.
[[nodiscard]] Objectives parse_objectives(std::string_view json, const Scenario& scenario,
                                          const std::string& source = {});
/// The inverse.
[[nodiscard]] std::string objectives_document(const Objectives& objectives);
/// The scenario with other objectives, in its document and every mode of it too. Throws ScenarioError as parse_objectives.
[[nodiscard]] Scenario with_objectives(const Scenario& scenario, std::string_view json);
[[nodiscard]] Scenario with_objectives(const Scenario& scenario, const Objectives& objectives);

// ---- Placements ----

/// A placement as a document has it: {"nodes": [...]}; `services` are the names that its indices stand for. Throws
/// ProfileError for a profile that was not loaded by name or path.
[[nodiscard]] std::string placement_document(const Placement& placement,
                                             const std::vector<std::string>& services);
/// The inverse. Throws ScenarioError with `source` and the JSON pointer.
[[nodiscard]] Placement parse_placement(std::string_view json, const std::vector<std::string>& services,
                                        const std::string& source = {});

/// Its placement's; see there.
inline void check_memory(const Scenario& scenario) { check_memory(scenario.workload, scenario.placement); }

}  // namespace gpushare
