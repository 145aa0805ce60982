// The synthetic conversation hour of gpushare/trace.hpp against the published statistics of the trace it stands for:
// AzureLLMInferenceTrace_conv, Azure/AzurePublicDataset, CC-BY-4.0; Patel et al., Splitwise, ISCA'24.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <span>
#include <vector>

#include "gpushare/errors.hpp"
#include "gpushare/statistics.hpp"
#include "gpushare/trace.hpp"

namespace test_trace_azure {

namespace {

using namespace gpushare;

constexpr std::uint64_t kSeeds = 40;

std::vector<TraceSummary> synthetic_hours() {
  std::vector<TraceSummary> hours;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) hours.push_back(inspect(azure_conversation_like(seed)));
  return hours;
}

Moments over(const std::vector<TraceSummary>& hours, double TraceSummary::*field) {
  Moments moments;
  for (const TraceSummary& hour : hours) moments.add(hour.*field);
  return moments;
}

/// The measured figure lies between the 5 % and the 95 % quantile of the synthetic hours.
void check_in_band(const std::vector<TraceSummary>& hours, double TraceSummary::*field, double measured) {
  std::vector<double> values;
  values.reserve(hours.size());
  for (const TraceSummary& hour : hours) values.push_back(hour.*field);
  CAPTURE(quantile(values, 0.05));
  CAPTURE(quantile(values, 0.95));
  CHECK(measured > quantile(values, 0.05));
  CHECK(measured < quantile(values, 0.95));
}

double correlation(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
    ab += (a[i] - mean_a) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

TEST_CASE("synthetic conversation hours arrive at the rate and with the burstiness of the trace") {
  const auto hours = synthetic_hours();
  // Block rates of CV 1/sqrt(22) over 58 blocks: an hour's mean rate deviates by 2.8 %, that of 40 hours by 0.44 %.
  CHECK(over(hours, &TraceSummary::rate_per_s).mean == doctest::Approx(5.53).epsilon(4 * 0.0044));
  CHECK(over(hours, &TraceSummary::rate_per_s).standard_deviation() / 5.53 ==
        doctest::Approx(0.028).epsilon(0.45));
  CHECK(over(hours, &TraceSummary::duration_s).min > 3'495);
  CHECK(over(hours, &TraceSummary::duration_s).max <= 3501.7);
  check_in_band(hours, &TraceSummary::gap_cv, 1.094);
  check_in_band(hours, &TraceSummary::dispersion_1s, 1.385);
  check_in_band(hours, &TraceSummary::dispersion_10s, 3.86);
  check_in_band(hours, &TraceSummary::dispersion_60s, 16.1);
}

TEST_CASE("synthetic conversation hours have the token lengths of the trace") {
  const auto hours = synthetic_hours();
  const auto mean = [&](double TraceSummary::*field) { return over(hours, field).mean; };
  // 775,000 lengths: standard errors are below 0.12 %; the quantile table itself is within 0.3 % of the means.
  CHECK(mean(&TraceSummary::input_mean) == doctest::Approx(1154.7).epsilon(0.008));
  CHECK(mean(&TraceSummary::input_p50) == doctest::Approx(1020).epsilon(0.01));
  CHECK(mean(&TraceSummary::input_p90) == doctest::Approx(2734).epsilon(0.03));
  CHECK(over(hours, &TraceSummary::input_max).max <= 14'050);
  CHECK(over(hours, &TraceSummary::input_max).max > 10'000);
  CHECK(mean(&TraceSummary::output_mean) == doctest::Approx(211.1).epsilon(0.008));
  CHECK(mean(&TraceSummary::output_p50) == doctest::Approx(129).epsilon(0.02));
  CHECK(mean(&TraceSummary::output_p99) == doctest::Approx(601).epsilon(0.02));
  CHECK(over(hours, &TraceSummary::output_max).max == 1'000);
  for (const TraceSummary& hour : hours) CHECK(hour.empty_outputs == 0);
}

TEST_CASE(
    "a synthetic 19,366 requests hold 4.1 million generated tokens, anticorrelated with their contexts") {
  Trace trace = azure_conversation_like(7, 40'000);
  REQUIRE(trace.size() > 10 * 19'366);
  const double generated = std::accumulate(trace.output_tokens.begin(), trace.output_tokens.end(), 0.0);
  // 4,088,665 in the trace; the sample of about 221,000 has a standard error of 0.17 %, the table a bias of 0.3 %.
  CHECK(generated / static_cast<double>(trace.size()) * 19'366 == doctest::Approx(4'088'665).epsilon(0.01));
  CHECK(correlation(trace.input_tokens, trace.output_tokens) == doctest::Approx(-0.112).epsilon(0.1));
  std::vector<double> outputs(trace.output_tokens.begin(), trace.output_tokens.end());
  CHECK(quantile(outputs, 0.95) == doctest::Approx(451).epsilon(0.02));
}

TEST_CASE("a synthetic trace is a pure function of its arguments, and a longer one begins with the shorter") {
  const Trace hour = azure_conversation_like(3, 600);
  const Trace again = azure_conversation_like(3, 600);
  CHECK(hour.arrival_s == again.arrival_s);
  CHECK(hour.input_tokens == again.input_tokens);
  CHECK(hour.output_tokens == again.output_tokens);
  CHECK(hour.arrival_s.front() == 0);
  const Trace longer = azure_conversation_like(3, 1'200);
  REQUIRE(longer.size() > hour.size());
  CHECK(std::equal(hour.arrival_s.begin(), hour.arrival_s.end(), longer.arrival_s.begin()));
  CHECK(std::equal(hour.output_tokens.begin(), hour.output_tokens.end(), longer.output_tokens.begin()));
  CHECK(azure_conversation_like(4, 600).arrival_s != hour.arrival_s);
  CHECK(inspect(azure_conversation_like(5, 36'000, 20)).rate_per_s == doctest::Approx(20).epsilon(0.04));
  CHECK_THROWS_WITH_AS((void)azure_conversation_like(1, -1),
                       "azure_conversation_like: duration_s: expected a number > 0, found -1", TraceError);
  CHECK_THROWS_WITH_AS((void)azure_conversation_like(1, 10, 0),
                       "azure_conversation_like: rate_per_s: expected a number > 0, found 0", TraceError);
}

TEST_CASE("the published trace itself has the statistics that the synthetic one is held to") {
  const char* data = std::getenv("GPUSHARE_DATA");
  const std::filesystem::path path =
      std::filesystem::path(data ? data : "") / "public/azure/AzureLLMInferenceTrace_conv.csv";
  if (!data || !std::filesystem::exists(path)) {
    MESSAGE("skipped: GPUSHARE_DATA names no folder with public/azure/AzureLLMInferenceTrace_conv.csv");
    return;
  }
  const Trace trace = load_trace(path.string());
  CHECK(trace.name == "AzureLLMInferenceTrace_conv");
  const TraceSummary summary = inspect(trace);
  CHECK(summary.requests == 19'366);
  CHECK(summary.duration_s == doctest::Approx(3501.7).epsilon(1e-5));
  CHECK(summary.rate_per_s == doctest::Approx(5.53).epsilon(1e-3));
  CHECK(summary.gap_cv == doctest::Approx(1.094).epsilon(5e-4));
  CHECK(summary.dispersion_1s == doctest::Approx(1.385).epsilon(5e-4));
  CHECK(summary.dispersion_10s == doctest::Approx(3.86).epsilon(2e-3));
  CHECK(summary.dispersion_60s == doctest::Approx(16.1).epsilon(2e-3));
  CHECK(summary.ties == 0);
  CHECK(summary.empty_outputs == 0);
  CHECK(summary.input_mean == doctest::Approx(1154.7).epsilon(1e-5));
  CHECK(summary.input_p50 == 1020);
  CHECK(summary.input_p90 == doctest::Approx(2734).epsilon(1e-3));
  CHECK(summary.input_max == 14'050);
  CHECK(summary.output_mean == doctest::Approx(211.1).epsilon(2e-4));
  CHECK(summary.output_p50 == 129);
  CHECK(summary.output_max == 1'000);
  CHECK(std::accumulate(trace.output_tokens.begin(), trace.output_tokens.end(), 0) == 4'088'665);
  CHECK(correlation(trace.input_tokens, trace.output_tokens) == doctest::Approx(-0.112).epsilon(0.01));
}

}  // namespace

}  // namespace test_trace_azure
