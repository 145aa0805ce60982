#include <doctest/doctest.h>

#include "gpushare/simulation.hpp"
#include "scenario_documents.hpp"

namespace test_nodes {

using namespace gpushare;
using namespace gpushare::test;
using doctest::Approx;

namespace {

// A queue with a process on each GPU of two nodes.
Json two_nodes(const std::string& first, const std::string& second) {
  Json document = queue_document();
  document["placement"]["nodes"] = parse("[" + first + ", " + second + "]");
  return document;
}

const std::string kServer = R"("gpus": [{"partitions": [{"processes": ["server"]}]}])";

// An LLM over two GPUs, a process on each of the GPUs listed by node.
Json split(const std::vector<int>& gpus_by_node) {
  Json document = patched(queue_document(), R"({
    "services": {"server": null, "llm": {"model": "llama-3.1-8b", "tensor_parallel": 2}},
    "pipelines": {"visit": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1},
                 "sizes": {"input_tokens": 100, "output_tokens": 20}}]})");
  const Json gpu = parse(R"({"partitions": [{"processes": ["llm"]}]})");
  for (const int gpus : gpus_by_node) {
    Json node = Json::object();
    for (int i = 0; i < gpus; ++i) node["gpus"].push_back(gpu);
    document["placement"]["nodes"].push_back(node);
  }
  return document;
}

}  // namespace

TEST_CASE("a placement may list nodes with their hosts, links and GPUs") {
  const Scenario scenario = read(
      two_nodes(R"({"name": "rack1", "host": {"cores": 8}, )" + kServer + "}",
                R"({"interconnect": {"latency_s": 2e-5, "bandwidth_bytes_per_s": 2e10}, )" + kServer + "}"));
  REQUIRE(scenario.placement.nodes.size() == 2);
  CHECK(scenario.placement.nodes[0].host_cores == 8);
  CHECK(scenario.placement.nodes[1].host_cores == 0);
  CHECK(node_name(scenario.placement, 0) == "rack1");
  CHECK(node_name(scenario.placement, 1) == "node1");
  REQUIRE(scenario.placement.gpus.size() == 2);
  CHECK(scenario.placement.gpus[0].node == 0);
  CHECK(scenario.placement.gpus[1].node == 1);
  CHECK(link_of(scenario.placement, scenario.placement.gpus[0]) ==
        scenario.placement.gpus[0].profile().interconnect);
  CHECK(link_of(scenario.placement, scenario.placement.gpus[1]).latency_s == 2e-5);
  CHECK(scenario.baseline_gpus == 2);
  CHECK(placement_of(scenario) == "whole=server | whole=server");
  CHECK(read(parse(scenario.document)).placement == scenario.placement);
}

TEST_CASE("a mode takes the place of listed nodes, and gives way to them") {
  Json document = two_nodes("{" + kServer + "}", "{" + kServer + "}");
  CHECK(read(document, "time-slicing:3").placement.nodes.size() == 1);
  document["modes"]["spread"]["placement"] = document["placement"];
  document["placement"] = parse(R"({"mode": "dedicated"})");
  const Scenario spread = read(document, "spread");
  CHECK(spread.placement.nodes.size() == 2);
  CHECK(parse_scenario(spread.document, "dedicated").placement.nodes.size() == 1);
}

TEST_CASE("nodes that contradict themselves or the document are refused where they stand") {
  const std::string node = "{" + kServer + "}";
  CHECK(complaint(two_nodes(R"({"name": "a", )" + kServer + "}", R"({"name": "a", )" + kServer + "}")) ==
        "s.json#/placement/nodes/1: two nodes are called \"a\"; give each a \"name\" of its own");
  CHECK(complaint(two_nodes(node, R"({"gpus": []})")) ==
        "s.json#/placement/nodes/1/gpus: a node needs at least one GPU");
  CHECK(complaint(two_nodes(node, R"({"name": "", )" + kServer + "}")) ==
        "s.json#/placement/nodes/1/name: a node's name must not be empty");
  CHECK(complaint(two_nodes(node, R"({"host": {"cores": 0}, )" + kServer + "}"))
            .find("s.json#/placement/nodes/1/host/cores: expected") == 0);
  Json document = two_nodes(node, node);
  document["host"] = parse(R"({"cores": 4})");
  CHECK(
      complaint(document) ==
      "s.json#/placement/nodes: nodes have a \"host\" each, and the document has one for all; remove that (a "
      "mode sets it to null)");
  document.erase("host");
  document["placement"]["gpus"] = parse("[]");
  CHECK(complaint(document) == "s.json#/placement: \"gpus\" and \"nodes\" exclude each other");
  document["placement"] = parse(R"({"nodes": []})");
  CHECK(complaint(document) == "s.json#/placement/nodes: a placement needs at least one node");
}

TEST_CASE("each node has cores of its own: a process does not wait for those of another host") {
  // Two processes that take 2 s of host time for each request of 1 s, both users at once.
  Json document = patched(queue_document(), R"({
    "services": {"server": {"model": {"gpu_s": 1, "host_before_s": 2}, "routing": "round-robin"}},
    "traffic": [{"kind": "closed", "users": 2, "hold_s": 1e-6}]})");
  document["duration_s"] = 100;
  const auto slowest = [&](const std::string& placement, const std::string& host) {
    Json changed = document;
    changed["placement"] = parse(placement);
    if (!host.empty()) changed["host"] = parse(host);
    return simulate(read(changed)).summary.latency("e2e_latency")->max;
  };
  const std::string one = R"({"host": {"cores": 1}, )" + kServer + "}";
  CHECK(slowest(R"({"mode": "dedicated"})", {}) == Approx(6));  // one process: 3 for each
  const std::string both = R"({"gpus": [{"partitions": [{"processes": ["server"]}]},
                                        {"partitions": [{"processes": ["server"]}]}]})";
  CHECK(slowest(both, R"({"cores": 1})") == Approx(5));  // 2 for the first, then 2 + 1
  CHECK(slowest(R"({"nodes": [)" + one + ", " + one + "]}", {}) == Approx(3));
}

TEST_CASE("ranks of a replica are on one node") {
  const Scenario scenario = read(split({2, 2}));
  CHECK(replicas_in(scenario)[0] == 2);
  CHECK(simulate(scenario).summary.services[0].replicas == 2);
  CHECK(
      complaint(split({1, 1})) ==
      "s.json#/placement: service \"llm\" has tensor_parallel 2: the 1 process on node0 do not make replicas "
      "of 2, each on 2 different GPUs of one node: GPUs of different nodes do not reach each other");
  CHECK(complaint(split({3, 1})).find("the 3 processes on node0 do not make replicas of 2") !=
        std::string::npos);
}

TEST_CASE("a node's link takes the place of its GPUs' own") {
  Json document = split({2});
  const auto latency = [&] { return simulate(read(document)).summary.latency("llm.latency")->mean; };
  const double own = latency();
  document["placement"]["nodes"][0]["interconnect"] =
      parse(R"({"latency_s": 1e-3, "bandwidth_bytes_per_s": 1e10})");
  CHECK(latency() > 2 * own);  // 64 all-reduces of 1 ms an iteration
}

TEST_CASE("prices are one for all GPUs or one for each kind, and every kind in use needs one") {
  Json document = queue_document();
  document["placement"] = parse(R"({"gpus": [{"partitions": [{"processes": ["server"]}]},
    {"profile": "h100", "partitions": [{"processes": ["server"]}]}, {"profile": "a30", "partitions": [{}]}]})");
  document["price_per_gpu_hour"] = 2.5;
  CHECK(price_per_hour(read(document).workload.prices, read(document).placement) == 5);
  document["price_per_gpu_hour"] = parse(R"({"a100": 2, "h100": 4.5})");  // nothing is on the a30
  const Scenario scenario = read(document);
  CHECK(price_per_hour(scenario.workload.prices, scenario.placement) == 6.5);
  CHECK(simulate(scenario).summary.cost_per_month == Approx(6.5 * 720));
  document["price_per_gpu_hour"] = parse(R"({"a100": 2})");
  CHECK(complaint(document) == "s.json#/price_per_gpu_hour: GPU h100 has no price, but a100 has");
  document["price_per_gpu_hour"] = parse(R"({"a100": -2})");
  CHECK(complaint(document).find("s.json#/price_per_gpu_hour/a100: expected a number >= 0") == 0);
  document["price_per_gpu_hour"] = Json::object();
  CHECK(complaint(document) ==
        "s.json#/price_per_gpu_hour: expected a number, or a price for each kind of GPU by its name");
}

}  // namespace test_nodes
