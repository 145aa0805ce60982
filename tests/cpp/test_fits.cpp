#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "scenario_documents.hpp"

namespace test_fits {

using namespace gpushare;
using namespace gpushare::test;
using doctest::Approx;
using Reason = Misfit::Reason;

namespace {

constexpr double kWhole = 85356183552.0;                     // 80 GiB less 518 MiB
constexpr double kThreeSlices = 39.25 * 1024 * 1024 * 1024;  // 3g.40gb

// Queues of the given sizes in GB; `placement` says where.
Scenario sized(const std::string& gigabytes, const std::string& placement) {
  Json document = queue_document();
  document["services"] = Json::object();
  document["pipelines"]["visit"]["stages"] = Json::array();
  const Json sizes = parse(gigabytes);
  for (const auto& [name, size] : sizes.items()) {
    document["services"][name] = parse(R"({"model": {"kind": "synthetic", "gpu_s": 1}})");
    document["services"][name]["memory_bytes"] = size.get<double>() * 1e9;
    document["pipelines"]["visit"]["stages"].push_back(Json{{"name", name}, {"service", name}});
  }
  document["placement"] = parse(placement);
  return read(document);
}

Json chat(const std::string& service) {
  Json document =
      patched(queue_document(), R"({"services": {"server": null, "llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"visit": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}, "sizes": {"output_tokens": 9}}]})");
  document["services"]["llm"].merge_patch(parse(service));
  return document;
}

Fit fit_of(const Scenario& scenario) { return fits(scenario.workload, scenario.placement); }

Misfit only_misfit(const Scenario& scenario) {
  const Fit fit = fit_of(scenario);
  REQUIRE(fit.misfits.size() == 1);
  return fit.misfits[0];
}

void check(const Misfit& found, Reason reason, int process, int service, double needed, double available) {
  CHECK(to_string(found.reason) == to_string(reason));
  CHECK(found.process == process);
  CHECK(found.service == service);
  CHECK(found.needed == Approx(needed));
  CHECK(found.available == Approx(available));
}

}  // namespace

TEST_CASE("what the processes leave of each partition is its memory less the sum of what they take") {
  const Fit fit =
      fit_of(sized(R"({"a": 10, "b": 20})",
                   R"({"gpus": [{"partitions": [{"sharing": "mps", "processes": ["a", "a", "b"]}]},
                                            {"layout": "3g.40gb@4", "partitions": [{"processes": ["b"]}]},
                                            {"partitions": [{}]}]})"));
  CHECK(fit.ok());
  REQUIRE(fit.parts.size() == 3);
  CHECK(fit.parts[0].free_bytes == Approx(kWhole - 40e9));
  CHECK(fit.parts[1].gpu == 1);
  CHECK(fit.parts[1].free_bytes == Approx(kThreeSlices - 20e9));
  CHECK(fit.parts[2].gpu == 2);
  CHECK(fit.parts[2].free_bytes == kWhole);
}

TEST_CASE("each reason comes with the bytes needed and the bytes there") {
  const double llama = 16.06e9 + 0.8e9 + 0.45e9 + 64 * 16 * 131072.0;  // with a cache of 1,024 tokens
  const auto listed = [](Json document, const std::string& processes) {
    document["placement"]["gpus"] =
        parse(R"([{"partitions": [{"sharing": "mps", "processes": )" + processes + "}]}]");
    return read(document);
  };
  check(only_misfit(read(chat(R"({"memory_bytes": 17e9})"))), Reason::cache, 0, 0, llama, 17e9);
  check(only_misfit(read(chat("{}"), "time-slicing:8")), Reason::cache, 0, 0, llama, 0.9 / 8 * kWhole);
  check(only_misfit(listed(chat("{}"), R"([{"service": "llm", "memory_limit_bytes": 18e9}])")), Reason::cache,
        0, 0, llama, 0.9 * 18e9);
  check(only_misfit(listed(chat(R"({"engine": {"kv_blocks": 10000}})"),
                           R"([{"service": "llm", "memory_limit_bytes": 30e9}])")),
        Reason::memory_limit, 0, 0, llama + (10000 - 64) * 16 * 131072.0, 30e9);
  check(only_misfit(read(chat(R"({"engine": {"gpu_memory_utilization": 0.5}})"), "time-slicing:3")),
        Reason::utilisation, -1, -1, 1.5 * kWhole, kWhole);
  check(only_misfit(sized(R"({"a": 1, "b": 50})",
                          R"({"gpus": [{"layout": "3g.40gb", "partitions": [{"sharing": "mps",
                              "processes": ["a", "b"]}]}]})")),
        Reason::partition, 1, 1, 50e9, kThreeSlices);
  check(only_misfit(sized(R"({"a": 30})", R"({"mode": "time-slicing:3"})")), Reason::sum, -1, -1, 90e9,
        kWhole);
  check(
      only_misfit(sized(R"({"a": 0.1})", R"({"gpus": [{"layout": "1g.10gb", "partitions": [{"sharing": "mps",
    "processes": ["a", "a", "a", "a", "a", "a", "a"]}]}]})")),
      Reason::mps_clients, -1, -1, 7, 6);
}

TEST_CASE("compute instances leave the same of the memory they share, and are refused once") {
  const Scenario scenario =
      sized(R"({"a": 25, "b": 20})", R"json({"gpus": [{"layout": "4g.40gb@0+3g.40gb@4(1c,2c)", "partitions":
            [{"processes": ["b"]}, {"processes": ["a"]}, {"processes": ["b"]}]}]})json");
  const Fit fit = fit_of(scenario);
  REQUIRE(fit.parts.size() == 3);
  CHECK(fit.parts[0].free_bytes == Approx(kThreeSlices - 20e9));
  CHECK(fit.parts[1].free_bytes == Approx(kThreeSlices - 45e9));
  CHECK(fit.parts[2].free_bytes == fit.parts[1].free_bytes);
  REQUIRE(fit.misfits.size() == 1);
  CHECK(place_of(fit.misfits[0], scenario.placement) == "gpu0/3g.40gb@4/1c.0");
  CHECK(explain(fit.misfits[0], scenario.workload, scenario.placement).find("a 25.0 GB + b 20.0 GB") == 0);
}

TEST_CASE("every GPU that does not fit is named, not the first alone") {
  const Scenario scenario =
      sized(R"({"a": 50})", R"({"gpus": [{"partitions": [{"sharing": "mps", "processes": ["a", "a"]}]},
            {"partitions": [{"processes": ["a"]}]}, {"layout": "3g.40gb", "partitions": [{"processes": ["a"]}]}]})");
  const Fit fit = fit_of(scenario);
  REQUIRE(fit.misfits.size() == 2);
  CHECK(place_of(fit.misfits[0], scenario.placement) == "gpu0/whole");
  CHECK(place_of(fit.misfits[1], scenario.placement) == "gpu2/3g.40gb@0");
  CHECK(fit.parts[0].free_bytes == Approx(kWhole - 100e9));
  CHECK(fit.parts[1].free_bytes == Approx(kWhole - 50e9));
  CHECK(fit.parts[2].free_bytes == Approx(kThreeSlices - 50e9));
}

TEST_CASE("memory is lacking where something in it does not fit and nowhere else, whatever is placed where") {
  Json document = voice_document();
  document["services"]["small"] =
      parse(R"({"model": "embedding-0.3b", "engine": {"kind": "dynamic-batching", "max_batch": 10}})");
  document["services"]["int4"] = parse(R"({"model": "llama-3.1-8b", "precision": "int4"})");
  document["services"]["half"] =
      parse(R"({"model": "llama-3.1-8b", "engine": {"gpu_memory_utilization": 0.5}})");
  document["placement"]["gpus"] = parse(
      R"([{"partitions": [{"sharing": "mps", "processes": ["asr", "llm", "tts", "small", "int4", "half"]}]}])");
  document["placement"].erase("mode");
  document["placement"].erase("consolidate");
  const Scenario scenario = read(document);
  const auto profile = scenario.placing.gpu;
  const auto states = all_states(*profile);
  std::mt19937 luck(7);
  const auto below = [&](std::size_t most) { return static_cast<int>(luck() % most); };
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    Placement placement;
    placement.gpus = {empty_gpu(cut_gpu(profile, states[luck() % states.size()])),
                      empty_gpu(cut_gpu(profile))};
    for (GpuPlacement& gpu : placement.gpus)
      for (PartitionPlacement& part : gpu.partitions) {
        part.sharing.mode = SharingMode::mps;
        for (int i = below(3); i > 0; --i)
          part.processes.push_back({below(6), 100, below(5) == 0 ? 1e9 * (5 + below(40)) : 0});
      }
    const Fit fit = fits(scenario.workload, placement);
    refused += !fit.ok();
    for (const Fit::Part& part : fit.parts) {
      const bool lacking = std::any_of(fit.misfits.begin(), fit.misfits.end(), [&](const Misfit& misfit) {
        return misfit.gpu == part.gpu && misfit.partition == part.partition;
      });
      CHECK((part.free_bytes < 0) == lacking);
      const GpuPlacement& gpu = placement.gpus[static_cast<std::size_t>(part.gpu)];
      const auto needs = memory_needs(scenario.workload.services, gpu);
      double left = gpu.parts()[static_cast<std::size_t>(part.partition)].memory_bytes;
      for (const MemoryNeed& need : needs[static_cast<std::size_t>(part.partition)]) left -= need.total;
      if (!lacking) CHECK(part.free_bytes == Approx(left).epsilon(1e-12));
      if (lacking) CHECK(part.free_bytes <= left + 1);
    }
    if (fit.ok()) {
      CHECK_NOTHROW(check_memory(scenario.workload, placement));
    } else {
      CHECK_THROWS_AS(check_memory(scenario.workload, placement), MemoryError);
    }
  }
  CHECK(refused > 500);
  CHECK(refused < 2500);
}

TEST_CASE("a mode as a value places as the document in that mode does, for every scenario that is shipped") {
  for (const std::string& name : scenario_names()) {
    for (const std::string& mode : load_scenario(name).modes) {
      CAPTURE(name);
      CAPTURE(mode);
      const Scenario scenario = load_scenario(name, mode);
      if (scenario.control) continue;  // its pools place it, and no mode
      const std::string word = Json::parse(scenario.document)["placement"]["mode"];
      const Placement placed =
          place(parse_mode(word, *scenario.placing.gpu), scenario.workload, scenario.placing);
      CHECK(placed == scenario.placement);
      CHECK(fits(scenario.workload, placed).ok());
      CHECK_NOTHROW(check_placement(scenario.workload, placed));
    }
  }
}

TEST_CASE("parse_mode names what is legal") {
  const GpuProfile a100 = load_profile("a100");
  const PlacementMode mode = parse_mode("mig:3g+1g/mps", a100);
  CHECK(mode.kind == PlacementMode::Kind::mig);
  CHECK(mode.layout == parse_layout(a100, "3g.40gb+1g.10gb"));
  CHECK(mode.sharing == SharingMode::mps);
  CHECK(parse_mode("mps:40/60", a100).percentages == std::vector<double>{40, 60});
  CHECK(parse_mode("mps:40%/60%", a100).percentages == std::vector<double>{40, 60});
  CHECK(parse_mode("mig-3g.40gb", a100).layout == parse_layout(a100, "3g.40gb"));
  CHECK_THROWS_WITH_AS(
      static_cast<void>(parse_mode("time-slcing", a100)),
      doctest::Contains("unknown mode \"time-slcing\"; did you mean \"time-slicing\"? Modes: "
                        "dedicated, time-slicing[:REPLICAS|:WEIGHT/WEIGHT...], "
                        "mps[:xREPLICAS|:PERCENT%|:PERCENT/PERCENT...], "
                        "mig:LAYOUT[/time-slicing[:PROCESSES]|/mps[:xPROCESSES|:PERCENT%]]"),
      ScenarioError);
  CHECK_THROWS_AS(static_cast<void>(parse_mode("mig:5g", a100)), LayoutError);
}

TEST_CASE("every way of sharing but exclusive use is a mode, and one of MIG's instances") {
  const GpuProfile a100 = load_profile("a100");
  for (const std::string& name : sharing_modes()) {
    CAPTURE(name);
    if (name == "exclusive") {
      CHECK_THROWS_AS(static_cast<void>(parse_mode(name, a100)), ScenarioError);
      CHECK_THROWS_AS(static_cast<void>(parse_mode("mig:3g+1g/" + name, a100)), ScenarioError);
      continue;
    }
    const PlacementMode mode = parse_mode(name, a100);
    CHECK(mode.kind == PlacementMode::Kind::shared);
    CHECK(to_string(mode.sharing) == name);
    CHECK(to_string(parse_mode("mig:3g+1g/" + name, a100).sharing) == name);
    CHECK(mode_grammar().find(name + "[:") != std::string::npos);
  }
}

TEST_CASE("placements are equal that put the same processes on the same partitions of the same GPUs") {
  const Scenario scenario = load_scenario("voice-heavy", "mig:3g.40gb+3g.40gb");
  CHECK(scenario.placement == load_scenario("voice-heavy", "mig:3g.40gb+3g.40gb").placement);
  const auto differs = [&](auto change) {
    Placement other = scenario.placement;
    change(other);
    return other != scenario.placement;
  };
  CHECK(differs([](Placement& p) { p.nodes[0].host_cores = 7; }));
  CHECK(differs([](Placement& p) { p.nodes[0].link = InterconnectConstants{1e-5, 1e9}; }));
  CHECK(differs([](Placement& p) { p.gpus[0].node = 1; }));
  CHECK(differs([](Placement& p) { p.gpus[1].partitions[0].sharing.slice_s = 0.001; }));
  CHECK(differs([](Placement& p) { p.gpus[1].partitions[1].processes[0].active_thread_percentage = 50; }));
  CHECK(differs([](Placement& p) {
    p.gpus[0].cut = cut_gpu(std::make_shared<const GpuProfile>(load_profile("h100")));
  }));
  CHECK(differs([](Placement& p) {
    p.gpus[1].cut = cut_gpu(p.gpus[1].cut->profile, parse_layout(p.gpus[1].profile(), "4g.40gb@0+3g.40gb@4"));
  }));
}

TEST_CASE("a placement that cannot run is refused, whatever the memory") {
  const Scenario scenario = load_scenario("voice-heavy", "mps");
  const auto refusal = [&](auto change) -> std::string {
    Placement other = scenario.placement;
    change(other);
    try {
      check_placement(scenario.workload, other);
    } catch (const ScenarioError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(refusal([](Placement&) {}) == "accepted");
  CHECK(refusal([](Placement& p) { p.gpus[1].partitions[0].sharing.mode = SharingMode::exclusive; }) ==
        "gpu1/whole: the partition is exclusive but has 2 processes; choose \"time-slicing\" or \"mps\"");
  CHECK(refusal([](Placement& p) { p.gpus[1].partitions[0].processes.pop_back(); }) ==
        "tts: service \"tts\" is placed on no GPU");
  CHECK(refusal([](Placement& p) { p.gpus[0].partitions[0].processes[0].service = 3; }) ==
        "gpu0/whole: a process of service number 3, but the workload has 3");
  CHECK(refusal([](Placement& p) { p.gpus[0].partitions.resize(2); }) ==
        "gpu0: 2 partitions are placed, but the layout has 1");
  CHECK(refusal([](Placement& p) { p.gpus[0].node = 1; }) ==
        "gpu0: it is on node number 1, but the placement has 1");
}

}  // namespace test_fits
