#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"
#include "summaries.hpp"

namespace test_figure_names {

// How figures are named, and bounds of them written.

namespace {

using namespace gpushare;
using test::numbered, test::two_pipelines;

std::string error_of(const Summary& summary, std::string_view name) {
  try {
    return "found " + resolve_figure(summary, name);
  } catch (const FigureError& error) {
    return error.what();
  }
}

std::string bound_error(const Summary& summary, std::string_view text) {
  try {
    return "read as " + parse_bound(summary, text).name;
  } catch (const FigureError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a name may lack what stands before a dot where the rest is unique") {
  const Summary one = numbered();
  CHECK(resolve_figure(one, "preemptions") == "llm.preemptions");
  CHECK(resolve_figure(one, "voice.e2e_latency_p95_s") == "e2e_latency_p95_s");  // its only pipeline
  CHECK(error_of(one, "voice.llm.rejected").starts_with("unknown figure"));  // a service's, of no pipeline
  CHECK(resolve_figure(one, "rejected") == "rejected");  // a name by itself, though llm.rejected ends with it
  const Summary two = two_pipelines();
  CHECK(resolve_figure(two, "chat.llm.ttft_mean_s") == "chat.llm.ttft_mean_s");
  CHECK(resolve_figure(two, "tts.latency_mean_s") == "voice.tts.latency_mean_s");
  CHECK(resolve_figure(two, "latency_mean_s") == "voice.tts.latency_mean_s");  // not of e2e_latency: no dot
  CHECK(resolve_figure(two, "itl_mean_s") == "llm.itl_mean_s");
  CHECK(figure(two, "tts.latency_mean_s") == 4);
  CHECK(resolve_figure(std::vector<std::string>{"a.b", "c"}, "b") == "a.b");
}

TEST_CASE(
    "a pipeline that is called as its only stage is said once, unless another visits a stage of that name") {
  nlohmann::json document = nlohmann::json::parse(R"({
    "name": "two", "gpu": "a100", "duration_s": 1,
    "services": {"llm": {"model": "llama-3.1-8b"}, "embed": {"model": "embedding-0.3b"}},
    "pipelines": {"llm": {"stages": [{"name": "llm", "service": "llm"}]},
                  "embed": {"stages": [{"name": "embed", "service": "embed"}]}},
    "traffic": [
      {"pipeline": "llm", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1},
       "sizes": {"input_tokens": 9, "output_tokens": 9}},
      {"pipeline": "embed", "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1},
       "sizes": {"input_tokens": 9, "output_tokens": 9}}],
    "placement": {"mode": "dedicated"}})");
  const auto meant = [&](std::string_view text) {
    const Scenario scenario = parse_scenario(document.dump());
    return resolve_figure(figure_names(scenario.workload, scenario.placement), text);
  };
  CHECK(meant("llm.ttft_p95_s") == "llm.ttft_p95_s");
  CHECK(meant("llm.llm.ttft_p95_s") == "llm.ttft_p95_s");
  CHECK(meant("embed.embed.latency_p95_s") == "embed.latency_p95_s");
  CHECK(meant("llm.e2e_latency_p95_s") == "llm.e2e_latency_p95_s");
  CHECK_THROWS_AS(static_cast<void>(meant("llm.llm.rejected")), FigureError);
  document["pipelines"]["embed"]["stages"].push_back(
      {{"name", "llm"}, {"service", "llm"}, {"after", "embed"}});
  CHECK(meant("llm.llm.ttft_p95_s") == "llm.llm.ttft_p95_s");
  CHECK(meant("embed.llm.ttft_p95_s") == "embed.llm.ttft_p95_s");
  CHECK_THROWS_WITH_AS(static_cast<void>(meant("llm.ttft_p95_s")), doctest::Contains("is ambiguous"),
                       FigureError);
}

TEST_CASE("an ambiguous name lists the choices") {
  CHECK(error_of(two_pipelines(), "llm.ttft_mean_s") ==
        "figure \"llm.ttft_mean_s\" is ambiguous: chat.llm.ttft_mean_s, voice.llm.ttft_mean_s");
  CHECK(error_of(numbered(), "busy") == "figure \"busy\" is ambiguous: gpu0/3g.40gb@0.busy, llm.busy");
  Summary many = numbered();
  many.partitions.assign(13, many.partitions[0]);
  for (std::size_t i = 0; i < 13; ++i) many.partitions[i].name = "gpu" + std::to_string(i) + "/whole";
  const std::string error = error_of(many, "switching");
  CHECK(error.ends_with("gpu8/whole.switching, gpu9/whole.switching and 3 more"));
}

TEST_CASE("an unknown name gets the nearest, or the first that there are") {
  CHECK(error_of(numbered(), "request_thruput") ==
        "unknown figure \"request_thruput\"; nearest: request_throughput");
  CHECK(
      error_of(numbered(), "e2e_latency_p95") ==
      "unknown figure \"e2e_latency_p95\"; nearest: e2e_latency_p95_s, e2e_latency_p90_s, e2e_latency_p99_s, "
      "e2e_latency_p50_s, e2e_latency_max_s, e2e_latency_mean_s, e2e_latency_count");
  CHECK(error_of(numbered(), "qqqqqqqq") ==
        "unknown figure \"qqqqqqqq\"; known: duration_s, arrived, completed, rejected, failed, timed_out, "
        "retried, skipped, unfinished, late and 74 more");
  CHECK(error_of(numbered(), "e2e.p95") == "unknown figure \"e2e.p95\"; nearest: e2e_latency_p95_s");
  CHECK(error_of(numbered(), "llm.batch") == "unknown figure \"llm.batch\"; nearest: llm.mean_batch");
  CHECK(error_of(numbered(), "").starts_with("unknown figure \"\"; known: "));
  CHECK_THROWS_AS(static_cast<void>(figure(numbered(), "no such thing")), FigureError);
}

TEST_CASE("what other tools call a figure is told by our name, and never taken for it") {
  const Summary one = numbered();
  std::vector<std::string> names;
  for_each_figure(one, [&](const Figure& figure) { names.push_back(figure.name); });
  for (const std::string& name : names) {
    if (!name.ends_with("_p95_s")) continue;
    const std::string stem = name.substr(0, name.size() - 6);
    for (const std::string& said : {"p95(" + stem + ")", "p95_" + stem, stem + "_p95_ms"}) {
      CAPTURE(said);
      CHECK(error_of(one, said) == "unknown figure \"" + said + "\"; did you mean \"" + name + "\"?");
    }
  }
  CHECK(error_of(one, "e2e_p95").find("did you mean \"e2e_latency_p95_s\"?") != std::string::npos);
  CHECK(error_of(one, "e2e_latency_median").find("did you mean \"e2e_latency_p50_s\"?") != std::string::npos);
  CHECK(error_of(one, "qps").find("did you mean \"request_throughput\"?") != std::string::npos);
  CHECK(error_of(one, "error_rate").find("did you mean \"success_rate\"?") != std::string::npos);
  CHECK(parse_bound(one, "e2e_latency_p95=1500 milliseconds").value == 1.5);
  CHECK(bound_error(one, "e2e_latency_p95=0,5s").find("decimals stand behind a point") != std::string::npos);
}

TEST_CASE("a bound carries a unit, and then the name need not") {
  const auto bound = [](std::string_view text, const Summary& summary = numbered()) {
    return parse_bound(summary, text);
  };
  const FigureBound latency = bound("e2e_latency_p95=500ms");
  CHECK(latency.name == "e2e_latency_p95_s");
  CHECK(latency.value == 0.5);
  CHECK(latency.at_most);
  CHECK(bound("e2e_latency_p95_s = 0.5").value == 0.5);
  CHECK(bound("e2e_latency_p95_s<=500us").value == 500e-6);
  CHECK(bound("e2e_latency_p95=20ns").value == 20e-9);
  CHECK(bound("e2e_latency_p95=1.5min").value == 90);
  CHECK(bound("e2e_latency_p95=2h").value == 7200);
  CHECK(bound("e2e_latency_p95=1e-1s").value == 0.1);
  CHECK(bound("vram_used<=40GB").name == "vram_used_bytes");
  CHECK(bound("vram_used<=40GB").value == 40e9);
  CHECK(bound("vram_used<=512 MiB").value == 512.0 * 1024 * 1024);
  CHECK(bound("memory_used<=3kB").name == "gpu0/3g.40gb@0.memory_used_bytes");
  CHECK(bound("success_rate=99%").value == 0.99);
  CHECK(!bound("success_rate=99%").at_most);
  CHECK(bound("success_rate=0.99").value == 0.99);
  CHECK(bound("gpu_busy<=80%").at_most);
  CHECK(!bound("gpu_busy>=20%").at_most);
  CHECK(bound("request_throughput=1200/min").value == 20);
  CHECK(bound("request_throughput=20req/s").value == 20);
  CHECK(bound("request_throughput>=20 requests/s").value == 20);
  CHECK(bound("output_token_throughput=3600tok/h").value == 1);
  CHECK(bound("cost_per_month=$5000").value == 5000);
  CHECK(bound("gpus_used=2").at_most);
  CHECK(bound("vram_used<=2Gi").value == 2.0 * 1024 * 1024 * 1024);
  CHECK(bound("tts.latency_mean=1s", two_pipelines()).name == "voice.tts.latency_mean_s");
  CHECK(parse_bound(std::vector<std::string>{"llm.ttft_p95_s"}, "ttft_p95=250ms").value == 0.25);
  CHECK(bound("E2E_Latency_P95=500ms").name == "e2e_latency_p95_s");
  for (const char* mu : {"\u00b5s", "\u03bcs"})
    CHECK(bound(std::string("e2e_latency_p95=500") + mu).value == 500e-6);
  for (const char* most : {"gpu_busy<80%", "gpu_busy < 80 %", "gpu_busy \u2264 80%"})
    CHECK(bound(most).at_most);
  for (const char* least : {"gpu_busy>20%", "gpu_busy\u226520%"}) CHECK_FALSE(bound(least).at_most);
}

TEST_CASE("a bound that cannot be meant says why") {
  const Summary summary = numbered();
  CHECK(bound_error(summary, "e2e_latency_p95=0.5") ==
        "bound \"e2e_latency_p95=0.5\": expected a unit, as in e2e_latency_p95=500ms; or seconds, as in "
        "e2e_latency_p95_s=0.5");
  CHECK(bound_error(summary, "vram_used<=40") ==
        "bound \"vram_used<=40\": expected a unit, as in vram_used<=40GB; or bytes, as in "
        "vram_used_bytes<=40e9");
  CHECK(bound_error(summary, "e2e_latency_p95=1s,rejected=5") ==
        "bound \"e2e_latency_p95=1s,rejected=5\": expected one bound; write the others by themselves, as in "
        "--slo "
        "A=1s --slo B=2s");
  CHECK(bound_error(summary, "e2e_latency_p95=-1s") ==
        "bound \"e2e_latency_p95=-1s\": e2e_latency_p95_s is never below 0; found -1");
  CHECK(bound_error(summary, "e2e_latency_p95_s") ==
        "bound \"e2e_latency_p95_s\": expected a figure and its bound, such as llm.ttft_p95=500ms or "
        "success_rate>=99%");
  CHECK(bound_error(summary, "=5").find("expected a figure and its bound") != std::string::npos);
  CHECK(bound_error(summary, "rejected<=few") ==
        "bound \"rejected<=few\": expected a number after <=, found \"few\"");
  CHECK(bound_error(summary, "rejected=inf").find("expected a number after =") != std::string::npos);
  CHECK(bound_error(summary, "e2e_latency_p95_s=5GB") ==
        "bound \"e2e_latency_p95_s=5GB\": e2e_latency_p95_s takes a plain number or one with ns, us, ms, s, "
        "min, "
        "h, found \"GB\"");
  CHECK(bound_error(summary, "e2e_latency_p95=30%")
            .find("e2e_latency_p95_s takes a plain number or one with ns") != std::string::npos);
  CHECK(bound_error(summary, "vram_used<=5s").find("vram_used_bytes takes a plain number or one with B") !=
        std::string::npos);
  CHECK(bound_error(summary, "e2e_latency_p95=1s<2s").find("expected one bound") != std::string::npos);
  CHECK(bound_error(summary, "rejected=5%") ==
        "bound \"rejected=5%\": rejected takes a plain number, found \"%\"");
  CHECK(bound_error(summary, "request_throughput=20tok/s").find("takes a plain number or one with /s") !=
        std::string::npos);
  CHECK(bound_error(summary, "success_rate=99") ==
        "bound \"success_rate=99\": success_rate is a share of 1; found 99");
  CHECK(bound_error(summary, "gpu_busy=80%") ==
        "bound \"gpu_busy=80%\": neither more nor less of gpu_busy is better; write <= or >=");
  CHECK(bound_error(two_pipelines(), "llm.ttft_mean=1s") ==
        "figure \"llm.ttft_mean\" is ambiguous: chat.llm.ttft_mean_s, voice.llm.ttft_mean_s");
}

TEST_CASE("several pipelines have latencies by name, the only one's leave it out") {
  Scenario scenario = load_scenario("voice-light", "dedicated");
  const Summary one = simulate(scenario).summary;
  CHECK(one.latency("tts.first_audio") != nullptr);
  CHECK(figure(one, scenario.workload.pipelines[0].name + ".tts.first_audio_p95_s") ==
        one.latency("tts.first_audio")->p95);
  scenario.workload.pipelines.push_back(scenario.workload.pipelines[0]);
  scenario.workload.pipelines[0].name = "first";
  scenario.workload.pipelines[1].name = "second";
  scenario.workload.traffic.push_back(scenario.workload.traffic[0]);
  scenario.workload.traffic.back().name = "more";
  scenario.workload.traffic.back().pipeline = 1;
  const Summary two = simulate(scenario).summary;
  CHECK(figure(two, "first.tts.first_audio_p95_s") == two.latency("first.tts.first_audio")->p95);
  CHECK(error_of(two, "tts.first_audio_p95_s") ==
        "figure \"tts.first_audio_p95_s\" is ambiguous: first.tts.first_audio_p95_s, "
        "second.tts.first_audio_p95_s");
  CHECK(resolve_figure(two, "tts.first_chunk_p95_s") == "tts.first_chunk_p95_s");  // the service's, of both
}

}  // namespace test_figure_names
