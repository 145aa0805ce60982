#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "gpushare/gpushare.hpp"
#include "scenario_documents.hpp"

namespace test_moe {

// Mixtures of experts: a token reads and multiplies a part of the weights, and all of them are resident.

namespace {

using namespace gpushare;
using doctest::Approx;

LlmModel mixtral() { return std::get<LlmModel>(load_model("mixtral-8x7b").cost); }

const WeightFormat& fp16_of(const LlmModel& model) {
  return *std::find_if(model.formats.begin(), model.formats.end(),
                       [](const WeightFormat& format) { return format.name == Precision::fp16; });
}

OperatorGroup products_of(const LlmModel& model, double tokens) {
  return model.iteration(fp16_of(model), 0, 0, 0, tokens, 100 * tokens, tokens).groups[0];
}

double decode_s(const LlmModel& model, double tokens) {
  const GpuProfile gpu = load_profile("a100");
  Demand products;
  products.add(products_of(model, tokens));
  return step_time(products, gpu, resources_of(gpu, partitions(gpu, {})[0])).gpu_s;
}

test::Json mixtral_document(const std::string& service) {
  return test::patched(
      test::queue_document(),
      R"({"services": {"server": {"model": "mixtral-8x7b", "engine": {"kind": "continuous-batching"})" +
          service + R"(}}, "traffic": [{"kind": "open",
                             "arrivals": {"kind": "poisson", "rate_per_s": 1},
                             "sizes": {"input_tokens": 100, "output_tokens": 50}}]})");
}

}  // namespace

TEST_CASE("one token reads the experts it calls on, and many tokens read all of them") {
  const LlmModel model = mixtral();
  const WeightFormat& format = fp16_of(model);
  const double dense = format.read_bytes - format.expert_bytes;
  CHECK(products_of(model, 1).bytes == Approx(dense + format.expert_bytes * 2 / 8));
  CHECK(products_of(model, 2).bytes == Approx(dense + format.expert_bytes * (1 - 0.75 * 0.75)));
  CHECK(products_of(model, 8).bytes == Approx(dense + format.expert_bytes * 0.899887));
  CHECK(products_of(model, 200).bytes == Approx(format.read_bytes));
}

TEST_CASE("the expected number of experts is that of tokens which choose evenly") {
  // Enumerated: two tokens that each choose 1 of 3 meet 1 expert in 3 of 9 cases and 2 in 6.
  LlmModel model;
  model.experts = 3;
  model.experts_per_token = 1;
  CHECK(3 * model.experts_called(2) == Approx((3 * 1 + 6 * 2) / 9.0));
  CHECK(model.experts_called(0) == 0);
  CHECK(LlmModel{}.experts_called(1) == 1);
}

TEST_CASE("products count the experts that a token meets") {
  const LlmModel model = mixtral();
  // 12.88e9 parameters are active, of which the input embedding multiplies nothing.
  CHECK(products_of(model, 1).flop == Approx(2 * (12.88e9 - 0.131e9)).epsilon(0.001));
  CHECK(products_of(model, 10).flop == Approx(10 * products_of(model, 1).flop));
}

TEST_CASE("a small batch of a mixture grows with the experts it reads, a dense one hardly") {
  const LlmModel model = mixtral();
  for (const double tokens : {2.0, 4.0, 8.0}) {
    CAPTURE(tokens);
    const double bytes = products_of(model, tokens).bytes / products_of(model, 1).bytes;
    CHECK(decode_s(model, tokens) / decode_s(model, 1) == Approx(bytes).epsilon(0.01));
  }
  CHECK(decode_s(model, 8) > 3 * decode_s(model, 1));
  const LlmModel dense = std::get<LlmModel>(load_model("llama-3.1-8b").cost);
  CHECK(decode_s(dense, 8) < 1.02 * decode_s(dense, 1));
}

TEST_CASE("all experts are resident: the model needs two cards that a token of it would not") {
  const Scenario two = test::read(mixtral_document(R"(, "tensor_parallel": 2)"));
  const auto needs = memory_needs(two.workload.services, two.placement.gpus[0]);
  CHECK(needs[0][0].weights == Approx(93.405e9 / 2).epsilon(0.001));
  CHECK_THROWS_WITH_AS(check_memory(test::read(mixtral_document(""))), doctest::Contains("weights 93.4"),
                       MemoryError);
  CHECK_THROWS_WITH_AS(check_memory(test::read(mixtral_document(""))),
                       doctest::Contains("a tensor_parallel of 2"), MemoryError);
}

TEST_CASE("experts that do not add up are refused where they stand") {
  const auto complaint = [](const std::string& patch) {
    auto document = test::parse(R"({"name": "m", "kind": "llm"})");
    const auto figure = [](double value) {
      return test::Json{{"value", value}, {"source", "made up"}, {"grade", "assumed"}};
    };
    for (const char* key : {"layers", "hidden", "flop_per_token", "head_flop", "attention_flop_per_pair",
                            "elementwise_floor_s", "elementwise_bytes_per_token", "attention_floor_s",
                            "attention_flop_efficiency", "kv_efficiency_base", "kv_efficiency_slope",
                            "kv_efficiency_max", "kernels_per_step", "activation_bytes"})
      document[key] = figure(1);
    document["layers"]["value"] = document["hidden"]["value"] = 1;
    auto& format = document["formats"]["fp16"];
    format["compute"] = "fp16";
    for (const char* key : {"weight_bytes", "read_bytes", "kv_bytes_per_token"}) format[key] = figure(10);
    for (const char* key : {"gemm_bandwidth_efficiency", "gemm_flop_efficiency"}) format[key] = figure(0.5);
    try {
      static_cast<void>(parse_model(test::patched(document, patch).dump(), "m.json"));
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string eight = R"("experts": {"value": 8, "source": "s", "grade": "assumed"})";
  const std::string two = R"("experts_per_token": {"value": 2, "source": "s", "grade": "assumed"})";
  const std::string bytes =
      R"("formats": {"fp16": {"expert_bytes": {"value": 9, "source": "s", "grade": "assumed"}}})";
  CHECK(complaint("{}") == "accepted");
  CHECK(complaint("{" + eight + "," + two + "," + bytes + "}") == "accepted");
  CHECK(complaint("{" + eight + "}").find("come together") != std::string::npos);
  CHECK(complaint("{" + eight + "," + two + "}").find("m.json#/formats/fp16: the model has experts") == 0);
  CHECK(complaint("{" + bytes + "}").find("needs the model's \"experts\"") != std::string::npos);
  CHECK(complaint(R"({"experts": {"value": 1, "source": "s", "grade": "assumed"}, )" + two + "}")
            .find("m.json#/experts") == 0);
  CHECK(complaint(R"({"experts_per_token": {"value": 9, "source": "s", "grade": "assumed"}, )" + eight + "," +
                  bytes + "}")
            .find("9 experts for each token, but a layer has 8") != std::string::npos);
}

}  // namespace test_moe
