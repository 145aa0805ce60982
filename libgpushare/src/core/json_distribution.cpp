
#include <cmath>

#include "core/json_reader.hpp"
#include "core/text.hpp"

namespace gpushare::json {
namespace {

std::vector<double> numbers(const Reader& array) {
  if (!array.is_array()) array.fail("expected an array of numbers >= 0");
  std::vector<double> out(array.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = array.at(i).number(kNonNegative);
  return out;
}

Distribution read_uniform(const Reader& r) {
  if (!r.has("low") && !r.has("high") && r.has("min") && r.has("max"))
    r.fail("a uniform lies between \"low\" and \"high\"; \"min\" and \"max\" cut what is drawn, of any kind");
  const double low = r.at("low").number(kNonNegative);
  return uniform(low, r.at("high").number({low}));
}

// Load generators give a standard deviation where the distribution has that of the logarithm.
void refuse_deviation(const Reader& r) {
  if (r.has("sigma") || !r.has("mean")) return;
  const double mean = r.at("mean").number(kPositive);
  for (const std::string_view word : {"std", "stddev", "sd", "standard_deviation"}) {
    if (!r.has(word)) continue;
    const double share = r.at(word).number(kNonNegative) / mean;
    r.fail(text::format(
        "a lognormal takes \"sigma\", the standard deviation of the logarithm, not \"{}\"; here that "
        "is {:.3f}",
        word, std::sqrt(std::log1p(share * share))));
  }
}

Distribution read_lognormal(const Reader& r) {
  refuse_deviation(r);
  const double sigma = r.at("sigma").number(kNonNegative);
  const auto mu = r.find("mu");
  const auto mean = r.find("mean");
  if (mu.has_value() == mean.has_value()) {
    r.fail(text::format("a lognormal needs either \"mean\" or \"mu\", found {}", mu ? "both" : "neither"));
  }
  return mu ? lognormal(mu->number(), sigma) : lognormal_with_mean(mean->number(kPositive), sigma);
}

Distribution read_empirical(const Reader& r) {
  const Reader values_reader = r.at("values");
  std::vector<double> values = numbers(values_reader);
  if (values.empty()) values_reader.fail("expected at least one value, found an empty array");
  const auto weights_reader = r.find("weights");
  if (!weights_reader) return empirical(std::move(values));
  std::vector<double> weights = numbers(*weights_reader);
  if (weights.size() != values.size()) {
    weights_reader->fail(text::format("expected one weight for each of the {} values, found {}",
                                      values.size(), weights.size()));
  }
  double total = 0;
  for (const double w : weights) total += w;
  if (!(total > 0 && total < std::numeric_limits<double>::infinity())) {
    weights_reader->fail(text::format("expected weights with a finite sum > 0, found a sum of {}", total));
  }
  return empirical(std::move(values), std::move(weights));
}

Distribution read_kind(const Reader& r) {
  constexpr std::int64_t kMostRanks = 10'000'000;
  switch (r.choice("kind", {"constant", "uniform", "exponential", "gamma", "weibull", "lognormal", "pareto",
                            "zipf", "empirical"})) {
    case 0:
      return constant(r.at("value").number(kNonNegative));
    case 1:
      return read_uniform(r);
    case 2:
      return exponential(r.at("mean").number(kNonNegative));
    case 3:
      return gamma(r.at("mean").number(kNonNegative), r.at("shape").number(kPositive));
    case 4:
      return weibull(r.at("scale").number(kPositive), r.at("shape").number(kPositive));
    case 5:
      return read_lognormal(r);
    case 6:
      return pareto(r.at("scale").number(kPositive), r.at("shape").number(kPositive));
    case 7:
      return zipf(r.at("exponent").number(kNonNegative),
                  static_cast<std::uint32_t>(r.at("count").integer(1, kMostRanks)));
    default:
      return read_empirical(r);
  }
}

}  // namespace

Distribution Reader::distribution() const {
  if (is_number()) return constant(number(kNonNegative));
  if (!is_object())
    fail_expecting_number(*this,
                          "a number >= 0 or a distribution such as {\"kind\": \"exponential\", \"mean\": 1}");
  Distribution d = read_kind(*this);
  d.low = number("min", d.low, kNonNegative);
  d.high = number("max", d.high, {d.low});
  finish();
  return d;
}

}  // namespace gpushare::json
