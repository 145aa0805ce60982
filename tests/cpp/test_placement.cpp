#include <doctest/doctest.h>

#include "scenario_documents.hpp"

namespace test_placement {

using namespace gpushare;
using namespace gpushare::test;

namespace {

// Services of the given sizes in GB, in a queue scenario.
Json sized(const std::string& sizes) {
  Json document = queue_document();
  document["services"] = Json::object();
  document["pipelines"]["visit"]["stages"] = Json::array();
  const Json gigabytes_of = parse(sizes);
  for (const auto& [name, gigabytes] : gigabytes_of.items()) {
    document["services"][name] = parse(R"({"model": {"kind": "synthetic", "gpu_s": 1}})");
    document["services"][name]["memory_bytes"] = gigabytes.get<double>() * 1e9;
    document["pipelines"]["visit"]["stages"].push_back(Json{{"name", name}, {"service", name}});
  }
  return document;
}

std::string placed(const Json& document, const std::string& mode) {
  return placement_of(read(document, mode));
}

}  // namespace

TEST_CASE("dedicated gives each replica a GPU, in the document's order") {
  const Json document = patched(voice_document(), R"({"services": {"llm": {"replicas": 2}}})");
  const Scenario scenario = read(document, "dedicated");
  CHECK(placement_of(scenario) == "whole=asr | whole=llm | whole=llm | whole=tts");
  CHECK(scenario.baseline_gpus == 4);
}

TEST_CASE("time-slicing puts the consolidated services on one GPU, last, and leaves the others alone") {
  const Scenario scenario = read(voice_document(), "time-slicing");
  CHECK(placement_of(scenario) == "whole=llm | whole=asr,tts+time-slicing");
  CHECK(scenario.baseline_gpus == 3);
  CHECK(scenario.mode == "time-slicing");
}

TEST_CASE("without a list every service is consolidated, and a number says how many replicas each has") {
  CHECK(placed(sized(R"({"a": 1, "b": 1})"), "time-slicing") == "whole=a,b+time-slicing");
  const Scenario scenario = read(queue_document(), "time-slicing:3");
  CHECK(placement_of(scenario) == "whole=server,server,server+time-slicing");
  CHECK(replicas_in(scenario)[0] == 3);
  CHECK(scenario.baseline_gpus == 1);  // what the service has of its own, not what the mode makes of it
}

TEST_CASE("MPS percentages go to the processes in order, and there must be one for each") {
  const Scenario scenario = read(voice_document(), "mps:30/70");
  CHECK(placement_of(scenario) == "whole=llm | whole=asr,tts+mps");
  const auto& processes = scenario.placement.gpus.at(1).partitions.at(0).processes;
  CHECK(processes[0].active_thread_percentage == 30);
  CHECK(processes[1].active_thread_percentage == 70);
  CHECK(read(voice_document(), "mps")
            .placement.gpus.at(1)
            .partitions.at(0)
            .processes[0]
            .active_thread_percentage == 100);
  CHECK(complaint(voice_document(), "mps:30/30/40") ==
        "s.json#/placement/mode: mode \"mps\": 3 percentages for 2 processes; give one for each process, in "
        "the order of the services");
  const Scenario alike = read(voice_document(), "mps:40%");
  for (const ProcessPlacement& process : alike.placement.gpus.at(1).partitions.at(0).processes)
    CHECK(process.active_thread_percentage == 40);
}

TEST_CASE("copies are written alike in every mode, and a bare number under MPS is told both its readings") {
  CHECK(placement_of(read(queue_document(), "mps:x3")) == "whole=server,server,server+mps");
  CHECK(placement_of(read(queue_document(), "time-slicing:x3")) ==
        placement_of(read(queue_document(), "time-slicing:3")));
  CHECK(complaint(queue_document(), "mps:120") ==
        "s.json: mode \"mps:120\": write \"mps:x120\" for 120 processes");
  CHECK(complaint(queue_document(), "mps:0.5") ==
        "s.json: mode \"mps:0.5\": write \"mps:0.5%\" for processes that are capped at 0.5 % each, "
        "or \"mps:50%\" for a share of 0.5");
  CHECK(placement_of(read(queue_document(), "mps:3x")) == placement_of(read(queue_document(), "mps:x3")));
  CHECK(placement_of(read(queue_document(), "time-slicing:3x")) ==
        placement_of(read(queue_document(), "time-slicing:3")));
  for (const char* several : {"mps;time-slicing", "time-slicing|mps", "mps+time-slicing"}) {
    CAPTURE(several);
    CHECK(complaint(queue_document(), several).find("several modes stand between commas") !=
          std::string::npos);
  }
  CHECK(complaint(queue_document(), "vgpu:2").find("; vGPUs take turns: \"time-slicing\"") !=
        std::string::npos);
  CHECK(complaint(queue_document(), "none").find("; one server on each GPU is \"dedicated\".") !=
        std::string::npos);
  CHECK(complaint(queue_document(), "mps:0") ==
        "s.json: mode \"mps:0\": expected processes such as mps:x4, or a cap of each such as mps:25%");
  CHECK(complaint(queue_document(), "2x3g.40gb").find("did you mean \"mig:2x3g.40gb\"?") !=
        std::string::npos);
  CHECK(complaint(queue_document(), "nvidia.com/mig-3g.40gb").find("did you mean \"mig:3g.40gb\"?") !=
        std::string::npos);
  CHECK(complaint(queue_document(), "mps:4") ==
        "s.json: mode \"mps:4\": write \"mps:x4\" for 4 processes, or \"mps:4%\" for processes that are "
        "capped at 4 % "
        "each");
  CHECK(complaint(queue_document(), "mps:x0") ==
        "s.json: mode \"mps:x0\": after \"mps:\" expected replicas, a whole number between 1 and 1000, found "
        "\"x0\"");
  CHECK(complaint(queue_document(), "mps:120%") ==
        "s.json: mode \"mps:120%\": after \"mps:\" expected percentages > 0 and <= 100 such as 50/50, found "
        "\"120\"");
}

TEST_CASE("a malformed mode says what is legal") {
  CHECK(complaint(queue_document(), "time-slicing:0") ==
        "s.json: mode \"time-slicing:0\": after \"time-slicing:\" expected replicas, a whole number between "
        "1 and 1000, or weights such as 25/75, found \"0\"");
  CHECK(complaint(queue_document(), "time-slicing:") ==
        "s.json: mode \"time-slicing:\": after \"time-slicing:\" expected replicas, a whole number between 1 "
        "and 1000, or weights such as 25/75, found \"\"");
  CHECK(complaint(queue_document(), "mps:50/101") ==
        "s.json: mode \"mps:50/101\": after \"mps:\" expected percentages > 0 and <= 100 such as 50/50, "
        "found \"101\"");
  CHECK(complaint(queue_document(), "mps:nan") ==
        "s.json: mode \"mps:nan\": after \"mps:\" expected percentages > 0 and <= 100 such as 50/50, found "
        "\"nan\"");
  CHECK(complaint(queue_document(), "mig:3g.40gb/mpi") ==
        "s.json: mode \"mig:3g.40gb/mpi\": after the layout expected \"/time-slicing\" or \"/mps\", found "
        "\"/mpi\"");
  CHECK(complaint(queue_document(), "mig:3g.40gb/mps:60/40") ==
        "s.json: mode \"mig:3g.40gb/mps:60/40\": on instances one percentage is of every process, as in "
        "/mps:50%; found several");
  CHECK(complaint(queue_document(), "mig:3g.40gb/mps:4").find("write \"mps:x4\" for 4 processes") !=
        std::string::npos);
  CHECK(complaint(queue_document(), "mig:") ==
        "s.json: mode \"mig:\": after \"mig:\" expected a layout such as 3g.40gb+3g.40gb");
  CHECK(complaint(queue_document(), "dedicated:2") ==
        "s.json: mode \"dedicated:2\": \"dedicated\" takes nothing after it");
  CHECK_THROWS_AS(read(queue_document(), "mig:5g.50gb"), LayoutError);
}

TEST_CASE("MIG instances take the services in turn, from the largest to the smallest") {
  const Json two = sized(R"({"a": 5, "b": 5})");
  CHECK(placed(two, "mig:3g.40gb+3g.40gb") == "3g.40gb@0=a 3g.40gb@4=b");
  CHECK(placed(two, "mig:4g.40gb+2g.20gb+1g.10gb") == "4g.40gb@0=a 2g.20gb@4=b 1g.10gb@6=a");
  CHECK(placed(two, "mig:7x1g.10gb") ==
        "1g.10gb@0=a 1g.10gb@1=b 1g.10gb@2=a 1g.10gb@3=b 1g.10gb@4=a 1g.10gb@5=b 1g.10gb@6=a");
  const Scenario seven = read(two, "mig:7x1g.10gb");
  CHECK(replicas_in(seven)[0] == 4);
  CHECK(replicas_in(seven)[1] == 3);
  CHECK(seven.baseline_gpus == 2);
}

TEST_CASE("4g comes before 3g, which has as much memory but fewer SMs") {
  CHECK(placed(sized(R"({"a": 5, "b": 5})"), "mig:4g.40gb@0+3g.40gb@4") == "4g.40gb@0=a 3g.40gb@4=b");
}

TEST_CASE("a service that does not fit an instance is passed over, and an instance nothing fits stays free") {
  const Json document = sized(R"({"small": 5, "large": 15})");
  CHECK(placed(document, "mig:3g.40gb@0+2g.20gb@4+1g.10gb@6") ==
        "3g.40gb@0=small 2g.20gb@4=large 1g.10gb@6=small");
  CHECK(placed(sized(R"({"large": 15})"), "mig:3g.40gb@0+1g.10gb@4+1g.10gb@5") ==
        "3g.40gb@0=large 1g.10gb@4= 1g.10gb@5=");
}

TEST_CASE("a service that only the largest instance holds goes there first, whoever's turn it is") {
  CHECK(placed(sized(R"({"small": 5, "large": 15})"), "mig:3g.40gb@0+1g.10gb@4") ==
        "3g.40gb@0=large 1g.10gb@4=small");
  CHECK(placed(sized(R"({"a": 5, "b": 15, "c": 35})"), "mig:3g.40gb@0+2g.20gb@4+1g.10gb@6") ==
        "3g.40gb@0=c 2g.20gb@4=b 1g.10gb@6=a");
}

TEST_CASE("processes without an instance of their own join where they get the most SMs") {
  const Json three = sized(R"({"a": 5, "b": 5, "c": 5})");
  CHECK(placed(three, "mig:3g.40gb+3g.40gb") == "3g.40gb@0=a,c+time-slicing 3g.40gb@4=b");
  CHECK(placed(three, "mig:3g.40gb+3g.40gb/mps") == "3g.40gb@0=a,c+mps 3g.40gb@4=b");
  CHECK(placed(three, "mig:7g.80gb") == "7g.80gb@0=a,b,c+time-slicing");
  CHECK(placed(three, "mig:whole") == "whole=a,b,c+time-slicing");
  const Json replicas = patched(sized(R"({"a": 5})"), R"({"services": {"a": {"replicas": 4}}})");
  CHECK(placed(replicas, "mig:4g.40gb@0+3g.40gb@4") ==
        "4g.40gb@0=a,a+time-slicing 3g.40gb@4=a,a+time-slicing");
}

TEST_CASE("instances take so many processes as the mode says, and caps as on a whole GPU") {
  const Json two = sized(R"({"a": 5, "b": 5})");
  CHECK(placed(two, "mig:3g.40gb+3g.40gb/time-slicing:2") ==
        "3g.40gb@0=a,a+time-slicing 3g.40gb@4=b,b+time-slicing");
  CHECK(placed(sized(R"({"a": 5})"), "mig:3g.40gb/mps:x3") == "3g.40gb@0=a,a,a+mps");
  CHECK(placed(sized(R"({"a": 15})"), "mig:3g.40gb+2g.20gb/mps:x2") == "3g.40gb@0=a,a+mps 2g.20gb@4=a");
  // More services than seats: every service is placed all the same.
  CHECK(placed(sized(R"({"a": 5, "b": 5, "c": 5})"), "mig:3g.40gb/time-slicing:2") ==
        "3g.40gb@0=a,b,c+time-slicing");
  const Scenario capped = read(two, "mig:3g.40gb+3g.40gb/mps:50%");
  for (const PartitionPlacement& partition : capped.placement.gpus.at(0).partitions) {
    CHECK(partition.sharing.mode == SharingMode::mps);
    CHECK(partition.processes.at(0).active_thread_percentage == 50);
  }
}

TEST_CASE("a mode is the same in any case, with blanks or underscores, and by the words that people use") {
  const Json two = sized(R"({"a": 5, "b": 5})");
  const std::pair<const char*, const char*> alike[] = {
      {"MPS", "mps"},
      {"mps 60/40", "mps:60/40"},
      {"MPS: x2", "mps:x2"},
      {"ts:2", "time-slicing:2"},
      {"Time Slicing", "time-slicing"},
      {"time_slicing:2", "time-slicing:2"},
      {" Dedicated ", "dedicated"},
      {"MIG:3G.40GB+3g.40gb", "mig:3g.40gb+3g.40gb"},
      {"MIG 3g.40gb+MIG 3g.40gb", "mig:3g.40gb+3g.40gb"},
      {"mig:nvidia.com/mig-3g.40gb*2/MPS:x2", "mig:3g.40gb+3g.40gb/mps:x2"},
      {"mig:9,9/ts:2", "mig:3g.40gb+3g.40gb/time-slicing:2"}};
  for (const auto& [written, known] : alike) {
    const std::string mode = written;
    CAPTURE(mode);
    CHECK(read(two, written).placement == read(two, known).placement);
  }
}

TEST_CASE("every service is placed before further replicas of another") {
  const Json document = patched(sized(R"({"a": 5, "b": 5})"), R"({"services": {"a": {"replicas": 2}}})");
  CHECK(placed(document, "mig:3g.40gb+3g.40gb") == "3g.40gb@0=a,a+time-slicing 3g.40gb@4=b");
}

TEST_CASE("a process that fits no instance is refused with the sum") {
  const std::string text = complaint(voice_document(), "mig:7x1g.10gb");
  CHECK(text ==
        "gpu1/1g.10gb@0: tts needs 14.6 GB (weights 0.8 + activations 13.8) of 10.2 GB (9.5 GiB); choose a "
        "partition of at least "
        "15 GB, which 7x1g.10gb has not");
  const Json crowd = sized(R"({"a": 30, "b": 30, "c": 30})");
  CHECK(complaint(crowd, "mig:3g.40gb+3g.40gb") ==
        "gpu0/3g.40gb@0: a 30.0 GB + c 30.0 GB = 60.0 GB of 42.1 GB (39.25 GiB); place fewer processes here "
        "or choose a larger "
        "partition; nor does c fit beside the others in another partition of 3g.40gb+3g.40gb");
}

TEST_CASE("a listed placement is taken as it stands") {
  Json document = sized(R"({"a": 5, "b": 5})");
  document["placement"] = parse(R"({"label": "mine", "gpus": [
    {"layout": "3g.40gb@0+3g.40gb@4", "partitions": [
      {"sharing": {"mode": "time-slicing", "slice_s": 0.001, "switch_preempted_s": 0, "switch_idle_s": 0.0001}, "processes": ["a", "b"]},
      {"sharing": "mps", "processes": [{"service": "b", "active_thread_percentage": 50, "memory_limit_bytes": 6e9}, "a"]}]},
    {"profile": "h100", "partitions": [{"processes": ["a"]}]}]})");
  const Scenario scenario = read(document);
  CHECK(scenario.mode == "mine");
  CHECK(placement_of(scenario) == "3g.40gb@0=a,b+time-slicing 3g.40gb@4=b,a+mps | whole=a");
  CHECK(replicas_in(scenario)[0] == 3);
  CHECK(replicas_in(scenario)[1] == 2);
  CHECK(scenario.baseline_gpus == 5);
  CHECK(scenario.placement.gpus[0].partitions[0].sharing.slice_s == 0.001);
  CHECK(scenario.placement.gpus[0].partitions[0].sharing.switch_preempted_s == 0);
  CHECK(scenario.placement.gpus[0].partitions[0].sharing.switch_idle_s == 0.0001);
  CHECK(scenario.placement.gpus[0].partitions[1].processes[0].active_thread_percentage == 50);
  CHECK(scenario.placement.gpus[0].partitions[1].processes[0].memory_limit_bytes == 6e9);
  CHECK(scenario.placement.gpus[1].profile().name == "h100");
  CHECK(read(document, "time-slicing").placement.gpus.size() == 1);  // a mode takes its place
}

TEST_CASE("a listed placement that contradicts itself is refused") {
  const auto listed = [](const std::string& gpus) {
    Json document = sized(R"({"a": 5, "b": 5})");
    document["placement"]["gpus"] = parse(gpus);
    return complaint(document);
  };
  CHECK(listed(R"([{"partitions": [{"processes": ["a", "b"]}]}])") ==
        "s.json#/placement/gpus/0/partitions/0/processes: partition whole is exclusive but has 2 processes; "
        "choose \"time-slicing\" or "
        "\"mps\"");
  CHECK(listed(R"([{"partitions": [{"processes": ["a"]}]}])") ==
        "s.json#/placement: service \"b\" is placed on no GPU");
  CHECK(listed(R"([{"layout": "3g.40gb+3g.40gb", "partitions": [{"processes": ["a"]}]}])") ==
        "s.json#/placement/gpus/0/partitions: the layout has 2 partitions (3g.40gb@0, 3g.40gb@4), found 1 "
        "entries");
  CHECK(
      listed(
          R"([{"partitions": [{"sharing": "mps", "processes": [{"service": "a", "active_thread_percentage": 0}]}]}])") ==
      "s.json#/placement/gpus/0/partitions/0/processes/0/active_thread_percentage: expected a number > 0 and "
      "<= 100, found 0");
  CHECK(
      listed(
          R"([{"partitions": [{"sharing": "time-slicing", "processes": [{"service": "a", "memory_limit_bytes": 1}]}]}])") ==
      "s.json#/placement/gpus/0/partitions/0/processes/0/memory_limit_bytes: only processes that share by "
      "mps have it");
  CHECK(listed(R"([{"partitions": [{"sharing": {"mode": "mps", "slice_s": 1}, "processes": []}]}])") ==
        "s.json#/placement/gpus/0/partitions/0/sharing: unknown key \"slice_s\". Known keys: mode");
  CHECK(listed(R"([{"layout": "3g.40gb@2", "partitions": []}])").find("s.json#/placement/gpus/0/layout: ") ==
        0);
  Json document = sized(R"({"a": 5, "b": 5})");
  document["services"]["a"]["replicas"] = 2;
  document["placement"]["gpus"] = parse(R"([{"partitions": [{"sharing": "mps", "processes": ["a", "b"]}]}])");
  CHECK(complaint(document) ==
        "s.json#/services/a/replicas: 2 replicas, but the placement has 1 of its processes");
  document["placement"]["mode"] = "dedicated";
  CHECK(complaint(document) == "s.json#/placement: \"mode\" and \"gpus\" exclude each other");
}

TEST_CASE("a document's own mode is a merge patch, an empty one stands for its name") {
  const Json document = patched(voice_document(), R"({"modes": {
    "time-slicing": {},
    "small": {"services": {"llm": {"precision": "int4"}}, "placement": {"mode": "mps", "consolidate": ["asr", "llm", "tts"]}},
    "time-slicing:2": {"services": {"llm": {"precision": "int8"}}},
    "as-it-is": {"seed": 9}}})");
  CHECK(read(document).modes ==
        std::vector<std::string>{"time-slicing", "small", "time-slicing:2", "as-it-is"});
  CHECK(placement_of(read(document, "time-slicing")) == "whole=llm | whole=asr,tts+time-slicing");
  const Scenario small = read(document, "small");
  CHECK(small.mode == "small");
  CHECK(small.workload.services[1].precision == Precision::int4);
  CHECK(placement_of(small) == "whole=asr,llm,tts+mps");
  const Scenario two = read(document, "time-slicing:2");  // says nothing of the placement: its name does
  CHECK(two.workload.services[1].precision == Precision::int8);
  CHECK(placement_of(two) == "whole=llm | whole=asr,asr,tts,tts+time-slicing");
  const Scenario same = read(document, "as-it-is");
  CHECK(same.seed == 9);
  CHECK(same.mode == "as-it-is");
  CHECK(placement_of(same) == "whole=asr | whole=llm | whole=tts");
}

TEST_CASE("a mode applied to what another mode left starts from the original document") {
  const Json document = patched(voice_document(), R"({"modes": {
    "small": {"services": {"llm": {"precision": "int4", "replicas": 2}}, "seed": 5, "placement": {"mode": "mps", "consolidate": ["asr"]}},
    "listed": {"placement": {"gpus": [{"partitions": [{"sharing": "time-slicing", "processes": ["asr", "llm", "tts"]}]}]}}}})");
  const Scenario small = read(document, "small");
  const Scenario listed = parse_scenario(small.document, "listed");
  CHECK(listed.workload.services[1].precision == Precision::fp16);
  CHECK(listed.seed == 1);
  CHECK(placement_of(listed) == "whole=asr,llm,tts+time-slicing");
  const Scenario back = parse_scenario(listed.document, "time-slicing");
  CHECK(placement_of(back) == "whole=llm | whole=asr,tts+time-slicing");
  CHECK(nlohmann::json::parse(back.document) ==
        nlohmann::json::parse(read(document, "time-slicing").document));
  CHECK(nlohmann::json::parse(parse_scenario(small.document, "small").document) ==
        nlohmann::json::parse(small.document));
}

TEST_CASE("modes that cannot be applied are refused where they stand") {
  const auto modes = [](const std::string& text, const std::string& mode = {}) {
    Json document = voice_document();
    document["modes"] = parse(text);
    return complaint(document, mode);
  };
  CHECK(modes(R"({"quick": {}})") ==
        "s.json#/modes/quick: an empty patch stands for a mode of the grammar (dedicated, "
        "time-slicing[:REPLICAS|:WEIGHT/WEIGHT...], "
        "mps[:xREPLICAS|:PERCENT%|:PERCENT/PERCENT...], "
        "mig:LAYOUT[/time-slicing[:PROCESSES]|/mps[:xPROCESSES|:PERCENT%]]), and \"quick\" is "
        "none");
  CHECK(modes(R"({"x": 1})") ==
        "s.json#/modes/x: expected a merge patch (an object; {} for a mode of the grammar)");
  CHECK(modes(R"({"x": {"placement": {"mode": "y"}}})", "x")
            .find("s.json#/modes/x/placement/mode: this mode must be placed by") == 0);
  CHECK(modes(R"({"x": {"srvices": {}}})", "x")
            .find("s.json: unknown key \"srvices\"; did you mean \"services\"?") == 0);
  CHECK(modes(R"({"time-slicing": {}})", "y")
            .find("unknown mode \"y\". This document's modes: time-slicing. Any document has") !=
        std::string::npos);
}

TEST_CASE("an undo that breaks the document is refused, not followed") {
  Json document = voice_document();
  document["placement"] = parse(R"({"mode": "mps", "label": "mine", "undo": {"placement": "none"}})");
  CHECK(complaint(document) == "accepted");  // nothing is taken back
  CHECK(complaint(document, "dedicated").find("s.json#/placement: expected an object such as") == 0);
  document["placement"]["undo"] = 7;
  CHECK(complaint(document) == "s.json#/placement/undo: expected a merge patch (an object)");
}

}  // namespace test_placement
