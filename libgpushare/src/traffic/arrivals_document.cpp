#include "traffic/arrivals_document.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "core/also_called.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "traffic/arrivals_parts.hpp"

namespace gpushare::arrivals {
namespace {

using json::Reader;
using Kind = ArrivalProcess::Kind;
using Gaps = ArrivalProcess::Gaps;
using Numbers = std::vector<double>;

constexpr json::Range kRate{0, 1e9, true};
constexpr json::Range kRateOrNone{0, 1e9, false};
constexpr json::Range kShape{0.001, 1e9, false};
constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;
constexpr double kServeGenWindow = 600;
constexpr std::int64_t kMostArrivals = 100'000'000;

Numbers numbers(const Reader& list, json::Range range) {
  if (!list.is_array() || list.size() == 0) list.fail("expected an array of numbers, not empty");
  Numbers values;
  for (std::size_t i = 0; i < list.size(); ++i) values.push_back(list.at(i).number(range));
  return values;
}

Numbers as_many(const Reader& list, std::size_t rates, json::Range range) {
  Numbers values = numbers(list, range);
  if (values.size() != rates)
    list.fail(text::format("{} entries for {} rates_per_s; give one for each", values.size(), rates));
  return values;
}

Numbers rates(const Reader& reader) {
  const Reader list = reader.at("rates_per_s");
  Numbers values = numbers(list, kRateOrNone);
  if (std::all_of(values.begin(), values.end(), [](double rate) { return rate <= 0; }))
    list.fail("every rate is zero: no request would ever arrive");
  return values;
}

/// How many requests come, where they are counted and not timed.
void read_count(const Reader& reader, ArrivalProcess& p) {
  if (const auto count = reader.find("count"))
    p.count = static_cast<std::uint64_t>(count->integer(1, kMostArrivals));
}

/// The habits of load generators, each of which removes the variance of counts.
void read_convention(const Reader& reader, ArrivalProcess& p) {
  const auto convention = reader.find("convention");
  if (!convention) return read_count(reader, p);
  switch (convention->choice({"vllm-bench", "inference-perf", "servegen"})) {
    case 0:  // the last of the prompts is sent at their number over the rate
      p.count = static_cast<std::uint64_t>(reader.at("count").integer(1, kMostArrivals));
      p.window_s = static_cast<double>(p.count) / p.rate_per_s;
      break;
    case 1:  // a stage has exactly its rate times its length
      p.window_s = reader.at("stage_s").number(json::kSpanAboveNone);
      p.count = static_cast<std::uint64_t>(std::llround(std::max(p.rate_per_s * p.window_s, 1.0)));
      p.window_s = static_cast<double>(p.count) / p.rate_per_s;
      break;
    default:
      p.window_s = reader.number("window_s", kServeGenWindow, json::kSpanAboveNone);
      break;
  }
}

void read_gap_shapes(const Reader& reader, ArrivalProcess& p) {
  if (const auto shapes = reader.find("gap_shapes")) p.gap_shapes = as_many(*shapes, p.rates.size(), kShape);
  if (const auto kinds = reader.find("gap_kinds")) {
    if (!kinds->is_array() || kinds->size() != p.rates.size() || p.gap_shapes.empty())
      kinds->fail("expected an array of one kind for each of rates_per_s, beside gap_shapes");
    for (std::size_t i = 0; i < kinds->size(); ++i)
      p.gap_kinds.push_back(static_cast<Gaps>(kinds->at(i).choice({"gamma", "weibull"})));
  }
}

void read_piecewise(const Reader& reader, ArrivalProcess& p) {
  p.rates = rates(reader);
  const Reader starts = reader.at("starts_s");
  p.starts_s = as_many(starts, p.rates.size(), json::kNonNegative);
  const auto disorder = std::adjacent_find(p.starts_s.begin(), p.starts_s.end(), std::greater_equal<>());
  if (disorder != p.starts_s.end())
    starts.fail(text::format("starts must ascend, found {} before {}", *disorder, *(disorder + 1)));
  p.period_s = reader.number("period_s", 0, json::kSpanAboveNone);
  if (p.period_s > 0 && p.period_s <= p.starts_s.back())
    reader.at("period_s")
        .fail(text::format("a period of {} s ends before the last piece starts at {} s", p.period_s,
                           p.starts_s.back()));
  read_gap_shapes(reader, p);
  if (const auto fill = reader.find("fill_windows"); fill && fill->boolean()) {
    if (p.period_s <= 0) fill->fail("the last piece has no end to fill; add a period_s");
    p.window_s = p.period_s;
  }
}

struct Piece {
  double start_s, rate, gap_shape;
  Gaps gaps;
};

// Pieces as they follow each other from a time of the process on; before the first one nothing comes.
std::vector<Piece> pieces_from(const ArrivalProcess& p, double clock_s) {
  std::vector<Piece> pieces;
  if (p.starts_s.front() > 0) pieces.push_back({0, 0, 1, Gaps::gamma});
  for (std::size_t i = 0; i < p.rates.size(); ++i)
    pieces.push_back({p.starts_s[i], p.rates[i], p.gap_shapes.empty() ? 1 : p.gap_shapes[i],
                      p.gap_kinds.empty() ? Gaps::gamma : p.gap_kinds[i]});
  const auto next =
      std::find_if(pieces.begin(), pieces.end(), [&](const Piece& piece) { return piece.start_s > clock_s; });
  const Piece now = *(next - 1);
  std::vector<Piece> turned(next - 1, pieces.end());
  if (p.period_s > 0) {
    turned.insert(turned.end(), pieces.begin(), next - 1);
    if (now.start_s < clock_s) turned.push_back(now);
  }
  for (std::size_t i = 0; i < turned.size(); ++i) {
    double& start_s = turned[i].start_s;
    const bool again = i >= static_cast<std::size_t>(pieces.end() - next) + 1;
    start_s = i == 0 ? 0 : start_s - clock_s + (again ? p.period_s : 0);
  }
  return turned;
}

/// Where the run begins, of a process that follows the clock.
void read_clock(const Reader& reader, ArrivalProcess& p) {
  const double given = reader.number("clock_s", 0, json::kSpan);
  const double clock_s = p.period_s > 0 ? std::fmod(given, p.period_s) : given;
  if (clock_s == 0) return;
  const std::vector<Piece> pieces = pieces_from(p, clock_s);
  const bool shaped = !p.gap_shapes.empty(), mixed = !p.gap_kinds.empty();
  p.rates.clear(), p.starts_s.clear(), p.gap_shapes.clear(), p.gap_kinds.clear();
  for (const Piece& piece : pieces) {
    p.rates.push_back(piece.rate);
    p.starts_s.push_back(piece.start_s);
    if (shaped) p.gap_shapes.push_back(piece.gap_shape);
    if (mixed) p.gap_kinds.push_back(piece.gaps);
  }
  if (std::all_of(p.rates.begin(), p.rates.end(), [](double rate) { return rate <= 0; }))
    reader.at("clock_s").fail(text::format("no request would ever arrive after {} s", clock_s));
}

void read_mmpp(const Reader& reader, ArrivalProcess& p) {
  p.rates = rates(reader);
  const Reader list = reader.at("transitions_per_s");
  if (!list.is_array() || list.size() != p.rates.size())
    list.fail(text::format("expected {} rows, one for each of rates_per_s", p.rates.size()));
  for (std::size_t i = 0; i < list.size(); ++i)
    p.transitions.push_back(as_many(list.at(i), p.rates.size(), kRateOrNone));
}

/// A mean rate times the factors of the hours of a day and, where given, of the days of a week.
void read_diurnal(const Reader& reader, ArrivalProcess& p) {
  const double mean = reader.at("rate_per_s").number(kRate);
  const Numbers hours = numbers(reader.at("hourly"), json::kNonNegative);
  const auto daily = reader.find("daily");
  const Numbers days = daily ? numbers(*daily, json::kNonNegative) : Numbers{1};
  if (24 % hours.size() != 0)
    reader.at("hourly").fail(
        text::format("{} factors; a day has 24 hours, or 1 to 12 equal parts", hours.size()));
  if (daily && days.size() != 7) daily->fail(text::format("{} factors; a week has 7 days", days.size()));
  const double sum =
      std::accumulate(hours.begin(), hours.end(), 0.0) * std::accumulate(days.begin(), days.end(), 0.0);
  if (!(sum > 0)) reader.at("hourly").fail("every factor is zero: no request would ever arrive");
  const double part_s = kDay / static_cast<double>(hours.size());
  p.kind = Kind::piecewise;
  p.period_s = kDay * static_cast<double>(days.size());
  const double unit = mean * static_cast<double>(hours.size() * days.size()) / sum;
  for (const double day : days) {
    for (const double hour : hours) {
      p.starts_s.push_back(static_cast<double>(p.rates.size()) * part_s);
      p.rates.push_back(unit * day * hour);
    }
  }
}

/// Quiet most of the time, low in the night and high in the day, with spikes at even distances.
void read_spikes(const Reader& reader, ArrivalProcess& p) {
  const double low = reader.at("low_per_s").number(kRateOrNone);
  const double high = reader.at("high_per_s").number(kRate);
  const double spike = reader.at("spike_per_s").number(kRate);
  const double length_s = reader.number("spike_s", kServeGenWindow, json::kSpanAboveNone);
  const double share = reader.number("spike_share", 0.3, {0, 1, true});
  const double period_s = reader.number("period_s", kDay, json::kSpanAboveNone);
  if (high < low) reader.at("high_per_s").fail(text::format("{} is below low_per_s, {}", high, low));
  const double spikes = std::round(period_s * share / length_s);
  if (share >= 1 || spikes < 1 || spikes > 100'000)
    reader.fail(
        text::format("{} spikes in a period; spike_share x period_s / spike_s must be 1 to 100000, "
                     "and spike_share below 1",
                     spikes));
  const double cycle_s = period_s / spikes;
  p.kind = Kind::piecewise;
  p.period_s = period_s;
  for (int i = 0; i < spikes; ++i) {
    const double wave = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * (i + 0.5) / spikes);
    p.starts_s.push_back(i * cycle_s);
    p.rates.push_back(low + (high - low) * wave);
    p.starts_s.push_back((i + 1 - share) * cycle_s);
    p.rates.push_back(spike);
  }
}

void read_clients(const Reader& reader, ArrivalProcess& p) {
  const Reader clients = reader.at("clients");
  if (!clients.is_array() || clients.size() == 0) clients.fail("expected an array of arrivals, not empty");
  for (std::size_t i = 0; i < clients.size(); ++i) {
    p.clients.push_back(read(clients.at(i)));
    if (p.clients.back().kind == Kind::mixture) clients.at(i).fail("a mixture cannot be part of a mixture");
  }
}

void read_renewal(const Reader& reader, ArrivalProcess& p) {
  p.rate_per_s = reader.at("rate_per_s").number(kRate);
  if (p.kind != Kind::poisson) p.shape = reader.at("shape").number(kShape);
  read_convention(reader, p);
}

void read_members(const Reader& reader, ArrivalProcess& p) {
  switch (p.kind) {
    case Kind::constant:
      p.rate_per_s = reader.at("rate_per_s").number(kRate);
      return read_count(reader, p);
    case Kind::poisson:
    case Kind::gamma:
    case Kind::weibull:
      return read_renewal(reader, p);
    case Kind::on_off:
      p.rates = rates(reader);
      p.hold_s = as_many(reader.at("hold_s"), p.rates.size(), json::kSpanAboveNone);
      return;
    case Kind::piecewise:
      return read_piecewise(reader, p);
    case Kind::gamma_poisson:
      p.rate_per_s = reader.at("rate_per_s").number(kRate);
      p.shape = reader.at("shape").number(kShape);
      p.block_s = reader.number("block_s", p.block_s, json::kSpanAboveNone);
      p.gap_shape = reader.number("gap_shape", p.gap_shape, kShape);
      return;
    case Kind::mmpp:
      return read_mmpp(reader, p);
    case Kind::mixture:
      return read_clients(reader, p);
  }
}

// How open traffic with that many requests a second is written.
std::string poisson(double rate) {
  return R"("arrivals": {"kind": "poisson", "rate_per_s": )" + text::format("{}", rate) + "}";
}

}  // namespace

ArrivalProcess read(const Reader& reader) {
  constexpr std::size_t kDiurnal = 9, kSpikes = 10;
  ArrivalProcess p;
  const std::size_t kind = reader.choice("kind", kKinds);
  if (kind == kDiurnal) {
    read_diurnal(reader, p);
  } else if (kind == kSpikes) {
    read_spikes(reader, p);
  } else {
    p.kind = static_cast<Kind>(kind);
    read_members(reader, p);
  }
  if (p.kind == Kind::piecewise) read_clock(reader, p);
  reader.finish();
  return p;
}

void refuse_as_traffic(const Reader& traffic) {
  const auto kind = traffic.find("kind");
  if (!kind || !kind->is_string()) return;
  const std::string word = kind->string();
  if (std::find(kKinds.begin(), kKinds.end(), word) != kKinds.end())
    kind->fail("\"" + word +
               "\" is a kind of arrivals; write \"kind\": \"open\", \"arrivals\": {\"kind\": \"" + word +
               "\", ...}");
}

ArrivalProcess read_of(const Reader& traffic) {
  const auto arrivals = traffic.find("arrivals");
  if (arrivals && arrivals->is_number()) arrivals->fail("expected an object: " + poisson(arrivals->number()));
  if (arrivals) return read(*arrivals);
  const std::vector<std::string> others = traffic.unknown_keys();
  const auto rate = std::find_if(others.begin(), others.end(), [&](const std::string& key) {
    return (key == "rate_per_s" || json::also_called(key, "rate_per_s")) && traffic.at(key).is_number();
  });
  if (rate != others.end())
    traffic.fail(text::format("the required key \"arrivals\" is missing; instead of \"{}\" write {}", *rate,
                              poisson(traffic.at(*rate).number())));
  return read(traffic.at("arrivals"));
}

}  // namespace gpushare::arrivals

namespace gpushare {

ArrivalProcess parse_arrivals(std::string_view json, const std::string& source) {
  const json::Thrower thrower = [](std::string where, const std::string& what) {
    throw ScenarioError(std::move(where), what);
  };
  const nlohmann::json document = json::parse(json, source, thrower);
  ArrivalProcess process = arrivals::read(json::Reader(document, source, thrower));
  arrivals::check(process);
  return process;
}

}  // namespace gpushare
