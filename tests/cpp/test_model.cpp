#include "gpushare/model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gpushare/mig.hpp"
#include "gpushare/profile.hpp"

namespace test_model {

using namespace gpushare;
using doctest::Approx;

namespace {

const GpuProfile& a100() {
  static const GpuProfile profile = load_profile("a100");
  return profile;
}

Resources resources(const char* layout) {
  return resources_of(a100(), partitions(a100(), parse_layout(a100(), layout)).front());
}

StepTime on_a100(const Demand& demand, const char* layout = "whole") {
  return step_time(demand, a100(), resources(layout));
}

/// Host and GPU time of a step alone on an A100.
double total_s(const Demand& demand, const char* layout = "whole") {
  return demand.host_before_s + on_a100(demand, layout).gpu_s + demand.host_after_s;
}

double group_s(const Demand& demand, std::size_t group) {
  Demand alone;
  alone.add(demand.groups[group]);
  return on_a100(alone).gpu_s;
}

template <class Cost>
Cost cost(const char* name) {
  return std::get<Cost>(load_model(name).cost);
}

const WeightFormat& format(const LlmModel& model, Precision name) {
  return *std::find_if(model.formats.begin(), model.formats.end(),
                       [&](const WeightFormat& format) { return format.name == name; });
}

Demand decode(const LlmModel& model, const WeightFormat& format, double sequences, double context) {
  return model.iteration(format, 0, 0, 0, sequences, sequences * context, sequences);
}

Demand prefill(const LlmModel& model, const WeightFormat& format, double tokens) {
  return model.iteration(format, tokens, tokens * (tokens + 1) / 2, 0, 0, 0, 1);
}

}  // namespace

TEST_CASE("Llama 3.1 8B on A100 takes the sum of the kernels measured for it") {
  // NVIDIA aiconfigurator's vLLM 0.14 kernel tables of A100-SXM4-80GB with Vidur's elementwise operators, ms.
  struct Row {
    double sequences, context, measured_ms;
  };
  const std::vector<Row> decodes{
      {1, 256, 11.852},  {8, 256, 11.916},   {32, 256, 12.809},  {128, 256, 17.041},  {256, 256, 26.261},
      {1, 1024, 11.909}, {8, 1024, 12.447},  {32, 1024, 15.307}, {64, 1024, 17.535},  {128, 1024, 24.474},
      {8, 2048, 13.206}, {32, 2048, 18.913}, {64, 2048, 22.773}, {128, 2048, 34.138}, {1, 4096, 12.212},
      {8, 4096, 14.521}, {16, 4096, 17.331}, {32, 4096, 24.778}, {64, 4096, 33.181}};
  const std::vector<Row> prompts{{0, 128, 13.833},   {0, 256, 20.122},   {0, 512, 34.477},  {0, 1024, 64.933},
                                 {0, 2048, 127.322}, {0, 4096, 264.174}, {0, 8192, 575.411}};
  auto llama = cost<LlmModel>("llama-3.1-8b");
  llama.elementwise_floor_s = 0.83e-3;  // Vidur's operators are not fused, an engine's are
  const auto& fp16 = format(llama, Precision::fp16);
  std::vector<double> errors;
  const auto compare = [&](const Row& row, const Demand& demand) {
    const double error = on_a100(demand).gpu_s / (row.measured_ms * 1e-3) - 1;
    CAPTURE(row.sequences);
    CAPTURE(row.context);
    CHECK(std::abs(error) < 0.075);
    errors.push_back(std::abs(error));
  };
  for (const Row& row : decodes) compare(row, decode(llama, fp16, row.sequences, row.context));
  for (const Row& row : prompts) compare(row, prefill(llama, fp16, row.context));
  std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2),
                   errors.end());
  CHECK(errors[errors.size() / 2] < 0.02);
}

TEST_CASE("an iteration's groups are products, elementwise operators and attention") {
  LlmModel model;
  model.flop_per_token = 10e9;
  model.head_flop = 1e9;
  model.attention_flop_per_pair = 5e5;
  model.elementwise_floor_s = 1e-3;
  model.elementwise_bytes_per_token = 8e6;
  model.attention_floor_s = 0.5e-3;
  model.attention_flop_efficiency = 0.5;
  model.kv_efficiency_base = 0.3;
  model.kv_efficiency_slope = 0.1;
  model.kv_efficiency_max = 0.8;
  model.kernels_per_step = 300;
  WeightFormat fp16;
  fp16.read_bytes = 12e9;
  fp16.kv_bytes_per_token = 1e5;
  fp16.gemm_bandwidth_efficiency = 0.7;
  fp16.gemm_flop_efficiency = 0.9;

  // 100 prompt tokens that attend 20,000 pairs over 150 cached tokens, beside 8 sequences of 2,000 tokens in all.
  const Demand demand = model.iteration(fp16, 100, 20000, 150, 8, 2000, 9);
  REQUIRE(demand.group_count == 3);
  CHECK(demand.kernels == 300);
  const auto& [products, elementwise, attention] = demand.groups;
  CHECK(products.flop == 108 * 10e9 + 9 * 1e9);
  CHECK(products.bytes == 12e9);
  CHECK(products.bandwidth_efficiency == 0.7);
  CHECK(products.flop_efficiency == 0.9);
  CHECK(products.norm == 2);
  CHECK(elementwise.floor_s == 1e-3);
  CHECK(elementwise.bytes == 108 * 8e6);
  CHECK(elementwise.norm == 2);
  CHECK(attention.floor_s == 0.5e-3);
  CHECK(attention.flop == 20000 * 5e5);
  CHECK(attention.bytes == 2150 * 1e5);
  CHECK(attention.bandwidth_efficiency == Approx(0.6));  // 0.3 + 0.1 log2 8
  CHECK(attention.norm == 1);

  CHECK(model.iteration(fp16, 0, 0, 0, 1, 10, 1).groups[2].bandwidth_efficiency == Approx(0.3));
  CHECK(model.iteration(fp16, 10, 55, 0, 0, 0, 0).groups[2].bandwidth_efficiency == Approx(0.3));
  CHECK(model.iteration(fp16, 0, 0, 0, 256, 10, 1).groups[2].bandwidth_efficiency == Approx(0.8));
}

TEST_CASE("an iteration without tokens demands nothing") {
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const Demand nothing = llama.iteration(llama.formats.front(), 0, 0, 0, 0, 0, 0);
  CHECK(nothing.group_count == 0);
  CHECK(on_a100(nothing).gpu_s == 0);
}

TEST_CASE("weight-only formats read one token's products in the time measured on A100") {
  // aiconfigurator, A100: 5.73 ms (int8) and 4.27 ms (int4), and 0.66 ms for the output layer in fp16.
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  CHECK(group_s(decode(llama, format(llama, Precision::int8), 1, 0), 0) == Approx(6.39e-3).epsilon(0.01));
  CHECK(group_s(decode(llama, format(llama, Precision::int4), 1, 0), 0) == Approx(4.93e-3).epsilon(0.01));
  for (const Precision name : {Precision::int8, Precision::int4})
    CHECK(format(llama, name).compute == Precision::fp16);
}

TEST_CASE("fp8 halves what a decode step reads, and a prompt's time where the card multiplies in FP8") {
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const auto h100 = load_profile("h100");
  const auto seconds = [&](const Demand& demand) {
    return step_time(demand, h100, {132, h100.bandwidth_bytes_per_s, h100.l2_bytes}).gpu_s;
  };
  const auto ratio = [&](const auto& step) {
    return seconds(step(format(llama, Precision::fp8))) / seconds(step(format(llama, Precision::fp16)));
  };
  CHECK(ratio([&](const WeightFormat& f) { return decode(llama, f, 64, 1024); }) ==
        Approx(0.55).epsilon(0.06));
  CHECK(ratio([&](const WeightFormat& f) { return prefill(llama, f, 2048); }) == Approx(0.65).epsilon(0.1));
  CHECK(load_profile("a100").flops(Precision::fp8) == 0);
}

TEST_CASE("fp8 weights are expanded in the products of a card that cannot multiply them") {
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const auto on = [&](const char* gpu) { return *llama.format_for(Precision::fp8, load_profile(gpu)); };
  CHECK(on("h100").compute == Precision::fp8);
  const WeightFormat expanded = on("a100");
  CHECK(expanded.compute == Precision::fp16);
  CHECK(expanded.weight_bytes == on("h100").weight_bytes);
  CHECK(expanded.kv_bytes_per_token == 2 * on("h100").kv_bytes_per_token);
  CHECK(group_s(decode(llama, expanded, 1, 0), 0) ==
        Approx(group_s(decode(llama, format(llama, Precision::int8), 1, 0), 0)).epsilon(0.001));
  // AccelMark, A100, vLLM 0.7.3, 100 at once: 67 sequences take 67 / 2,660 - 67 / 2,822 = 1.45 ms less than in bf16.
  const auto seconds = [&](const WeightFormat& f) { return on_a100(decode(llama, f, 67, 438)).gpu_s; };
  CHECK(seconds(format(llama, Precision::fp16)) - seconds(expanded) == Approx(1.45e-3).epsilon(0.05));
  CHECK(on_a100(prefill(llama, expanded, 2048)).gpu_s >
        on_a100(prefill(llama, llama.formats[0], 2048)).gpu_s);
}

TEST_CASE("int4 wins with few sequences, loses with a hundred and evens out over long prompts") {
  // AccelMark, A100, vLLM 0.7.3: W4A16 41 % faster with 8 in flight, 34 % slower with 100; host time included there.
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const auto seconds = [&](Precision name, double sequences) {
    return on_a100(decode(llama, format(llama, name), sequences, 438)).gpu_s;
  };
  const double host_s = 3e-3;  // at 8 in flight: 14.87 ms measured with bf16 less the kernels
  const double gain = (seconds(Precision::fp16, 8) + host_s) / (seconds(Precision::int4, 8) + host_s);
  CHECK(gain == Approx(1.41).epsilon(0.05));
  CHECK(seconds(Precision::int4, 100) > 1.34 * seconds(Precision::fp16, 100));
  const double fp16 = on_a100(prefill(llama, format(llama, Precision::fp16), 2048)).gpu_s;
  for (const Precision name : {Precision::int8, Precision::int4}) {
    const double weight_only = on_a100(prefill(llama, format(llama, name), 2048)).gpu_s;
    CHECK(weight_only > fp16);
    CHECK(weight_only < 1.05 * fp16);
  }
}

TEST_CASE("int8 costs about the same just below and just above the batch that expands the weights") {
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const auto& int8 = format(llama, Precision::int8);
  const double edge = int8.dequantisation.from_tokens;
  REQUIRE(edge > 1);
  const Demand below = decode(llama, int8, edge - 1, 0);
  const Demand at = decode(llama, int8, edge, 0);
  CHECK(at.groups[0].bytes == below.groups[0].bytes + int8.dequantisation.extra_bytes);
  CHECK(group_s(at, 0) == Approx(group_s(below, 0)).epsilon(0.05));
}

TEST_CASE("fp16 does not fit an instance 1g.10gb of an A100, and int4 leaves room for a cache") {
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const double memory = partitions(a100(), parse_layout(a100(), "7x1g.10gb")).front().memory_bytes;
  CHECK(format(llama, Precision::fp16).weight_bytes > memory);
  const auto& int4 = format(llama, Precision::int4);
  const double cache = 0.9 * memory - int4.weight_bytes - llama.activation_bytes - a100().context_bytes;
  CHECK(cache > 1700 * int4.kv_bytes_per_token);  // a prompt of 1,200 and its completion of 500 tokens
}

TEST_CASE("Nemotron Nano VL runs the steps of Llama 3.1 8B and holds an encoder beside it") {
  const auto llama = cost<LlmModel>("llama-3.1-8b");
  const auto nemotron = cost<LlmModel>("nemotron-nano-vl-8b");
  REQUIRE(nemotron.formats.size() == 1);
  const auto& fp16 = format(llama, Precision::fp16);
  CHECK(nemotron.formats[0].weight_bytes == Approx(fp16.weight_bytes + 1.3e9));
  CHECK(on_a100(decode(nemotron, nemotron.formats[0], 32, 1024)).gpu_s ==
        on_a100(decode(llama, fp16, 32, 1024)).gpu_s);
}

TEST_CASE("a Parakeet step has the mean chunk latency that NIM shows on A100") {
  // NVIDIA NIM ASR 1.4.0, 160 ms chunks: 17.2 + 0.755 N ms fits 1 and 16 to 64 streams within 0.5 ms.
  const auto parakeet = cost<StreamingAsrModel>("parakeet-1.1b");
  for (const double streams : {1.0, 8.0, 16.0, 32.0, 48.0, 64.0}) {
    CAPTURE(streams);
    CHECK(total_s(parakeet.chunk(streams, 0.16)) == Approx(17.2e-3 + 0.755e-3 * streams).epsilon(0.05));
  }
  // 960 ms chunks: 20 ms with 1 stream, 80 ms with 64; not used in the fit.
  CHECK(total_s(parakeet.chunk(1, 0.96)) == Approx(20e-3).epsilon(0.10));
  CHECK(total_s(parakeet.chunk(64, 0.96)) == Approx(80e-3).epsilon(0.10));
}

TEST_CASE("a chunk is encoded with its padding, and its weights are read once a step") {
  StreamingAsrModel model;
  model.flop_per_audio_s = 10e9;
  model.padding_s = 3.84;
  model.weight_bytes = 2e9;
  model.floor_s = 9e-3;
  model.host_before_s = 2e-3;
  model.host_after_s = 5e-3;
  model.host_per_stream_s = 0.1e-3;
  model.segments = 12;
  model.kernels = 1500;
  const Demand demand = model.chunk(5, 0.16);
  CHECK(demand.groups[0].flop == Approx(5 * 4 * 10e9));
  CHECK(demand.groups[0].bytes == 2e9);
  CHECK(demand.groups[0].floor_s == 9e-3);
  CHECK(demand.host_before_s == Approx(2.5e-3));
  CHECK(demand.host_after_s == 5e-3);
  CHECK(demand.segments == 12);
  CHECK(demand.kernels == 1500);
  CHECK(model.chunk(0, 0.16).group_count == 0);
}

TEST_CASE("Magpie's frames and vocoding give the real-time factor that NIM shows on A100") {
  // NVIDIA NIM Magpie TTS performance table, A100: seconds of audio made in a second, all streams together.
  struct Row {
    double streams, real_time_factor;
  };
  const auto magpie = cost<AutoregressiveTtsModel>("magpie-tts");
  const double audio_s = 6.57;  // mean of LJSpeech, whose strings the table's load speaks
  for (const Row& row : std::vector<Row>{
           {1, 10.24}, {2, 19.2}, {4, 37.05}, {8, 59.38}, {16, 87.97}, {32, 110.35}, {64, 140.66}}) {
    // A stream's chunk of 2.5 frames is due after 2 of 5 frame steps.
    const double vocoding_s = total_s(magpie.vocode(row.streams / 2.5, row.streams));
    const double frame_s = total_s(magpie.frame(row.streams)) + vocoding_s;
    const double prefill_s = row.streams * total_s(magpie.prefill(1)) / (audio_s * magpie.frames_per_s);
    CAPTURE(row.streams);
    CHECK(row.streams / (frame_s * magpie.frames_per_s) == Approx(row.real_time_factor).epsilon(0.08));
    // The same with one text encoding for each sentence, which holds up the streams that run.
    CHECK(row.streams / ((frame_s + prefill_s) * magpie.frames_per_s) ==
          Approx(row.real_time_factor).epsilon(0.08));
  }
}

TEST_CASE("synthesis demands grow with streams and frames, and stand still without them") {
  AutoregressiveTtsModel model;
  model.prefill_floor_s = 3e-3;
  model.prefill_per_stream_s = 1e-3;
  model.frame_floor_s = 2e-3;
  model.frame_flop = 1e9;
  model.frame_bytes = 20e6;
  model.weight_bytes = 0.8e9;
  model.frame_weight_bytes = 0.2e9;
  model.vocoder_floor_s = 0.6e-3;
  model.vocoder_flop_per_frame = 2e9;
  model.vocoder_bytes_per_frame = 15e6;
  model.host_per_step_s = 1e-3;
  model.host_per_stream_s = 0.1e-3;
  model.kernels_per_frame = 230;
  model.kernels_per_vocode = 60;

  const Demand prefill = model.prefill(4);
  CHECK(prefill.groups[0].floor_s == Approx(7e-3));
  CHECK(prefill.groups[0].bytes == 0.8e9);
  CHECK(prefill.host_before_s == Approx(1.4e-3));
  const Demand frame = model.frame(4);
  CHECK(frame.groups[0].floor_s == 2e-3);
  CHECK(frame.groups[0].flop == 4e9);
  CHECK(frame.groups[0].bytes == Approx(0.28e9));
  CHECK(frame.host_before_s == Approx(1.4e-3));
  CHECK(frame.kernels == 230);
  const Demand vocode = model.vocode(2, 10);
  CHECK(vocode.groups[0].floor_s == 1.2e-3);
  CHECK(vocode.groups[0].flop == 20e9);
  CHECK(vocode.groups[0].bytes == 150e6);
  CHECK(vocode.host_before_s == 0);
  CHECK(vocode.kernels == 120);

  for (const Demand& nothing : {model.prefill(0), model.frame(0), model.vocode(0, 0)}) {
    CHECK(nothing.group_count == 0);
    CHECK(nothing.host_before_s == 0);
  }
}

TEST_CASE("Magpie's engines hold 8, 32 and 64 streams, and the largest does not fit 3g.40gb") {
  const auto magpie = cost<AutoregressiveTtsModel>("magpie-tts");
  REQUIRE(magpie.batch_profiles.size() == 3);
  CHECK(magpie.batch_profiles[0].batch == 8);
  CHECK(magpie.batch_profiles[1].batch == 32);
  CHECK(magpie.batch_profiles[2].batch == 64);
  const double memory = partitions(a100(), parse_layout(a100(), "3g.40gb+3g.40gb")).front().memory_bytes;
  CHECK(magpie.batch_profiles[1].memory_bytes < memory);
  CHECK(magpie.batch_profiles[2].memory_bytes > memory);
}

TEST_CASE("FastPitch and HiFi-GAN take 15, 38 and 69 ms for 1, 4 and 8 sentences of 8.05 s") {
  // NVIDIA DeepLearningExamples, A100-80GB, fp16.
  const auto model = cost<BatchModel>("fastpitch-hifigan");
  CHECK(model.unit == "audio_s");
  CHECK(total_s(model.batch(1, 8.05)) == Approx(15e-3).epsilon(0.03));
  CHECK(total_s(model.batch(4, 32.2)) == Approx(38e-3).epsilon(0.03));
  CHECK(total_s(model.batch(8, 64.4)) == Approx(69e-3).epsilon(0.03));
}

TEST_CASE("YOLOS-small takes 88.15 ms on the whole GPU and 342.4 ms on 1g.10gb") {
  // nos, GPU sharing comparison, A100-80GB.
  const auto model = cost<BatchModel>("yolos-small");
  CHECK(total_s(model.batch(1, 1)) == Approx(88.15e-3).epsilon(0.002));
  CHECK(total_s(model.batch(1, 1), "7x1g.10gb") == Approx(342.4e-3).epsilon(0.002));
}

TEST_CASE("a batch demands what its items and its units add up to") {
  BatchModel model;
  model.floor_s = 1e-3;
  model.floor_per_item_s = 2e-3;
  model.flop_per_unit = 3e9;
  model.bytes_per_unit = 4e6;
  model.weight_bytes = 5e8;
  model.flop_efficiency = 0.5;
  model.bandwidth_efficiency = 0.7;
  model.working_set_bytes = 6e6;
  model.reuse = 0.25;
  model.host_before_s = 1e-4;
  model.host_after_s = 2e-4;
  model.host_per_item_s = 3e-4;
  model.launch_s = 6e-3;
  model.pcie_bytes_per_unit = 1000;
  model.kernels = 50;
  model.norm = 2;
  model.precision = Precision::tf32;
  const Demand demand = model.batch(3, 40);
  const OperatorGroup& group = demand.groups[0];
  CHECK(demand.group_count == 1);
  CHECK(group.floor_s == Approx(7e-3));
  CHECK(group.flop == Approx(120e9));
  CHECK(group.bytes == Approx(5e8 + 160e6));
  CHECK(group.flop_efficiency == 0.5);
  CHECK(group.bandwidth_efficiency == 0.7);
  CHECK(group.working_set_bytes == 6e6);
  CHECK(group.reuse == 0.25);
  CHECK(group.norm == 2);
  CHECK(group.precision == Precision::tf32);
  CHECK(demand.host_before_s == Approx(1e-3));
  CHECK(demand.host_after_s == 2e-4);
  CHECK(demand.launch_s == 6e-3);
  CHECK(demand.pcie_bytes == 40000);
  CHECK(demand.kernels == 50);
  CHECK(model.batch(0, 0).group_count == 0);
}

TEST_CASE("a text takes the embedder about a millisecond more in a large batch") {
  // 161 GFLOP at 45 % of 312 TFLOP/s is 1.15 ms.
  const auto model = cost<BatchModel>("embedding-0.3b");
  const double slope = on_a100(model.batch(65, 65)).gpu_s - on_a100(model.batch(64, 64)).gpu_s;
  CHECK(slope == Approx(1.15e-3).epsilon(0.05));
}

}  // namespace test_model
