#include "traces/trace_names.hpp"

#include <algorithm>
#include <array>

namespace gpushare {
namespace {

constexpr std::array<std::string_view, 7> kInputNames = {
    "input_tokens",  "num_prefill_tokens", "ContextTokens", "Request tokens",
    "prompt_tokens", "input_length",       "input_toks"};
constexpr std::array<std::string_view, 7> kOutputNames = {
    "output_tokens",     "num_decode_tokens", "GeneratedTokens", "Response tokens",
    "completion_tokens", "output_length",     "output_toks"};

struct Known {
  std::string_view name;  // lower case, words not separated
  TraceRole role;
  int rank = 0;
};
// Beside those of the published formats, names of logs and benchmarks. A log has more than one time: that of the start
// counts before that of the line, which may be the end, and both before that of the record.
constexpr auto kKnownNames = std::to_array<Known>({
    {"arrival", TraceRole::arrival},
    {"arrivaltime", TraceRole::arrival},
    {"arrivedat", TraceRole::arrival},
    {"timestamp", TraceRole::arrival, 2},
    {"time", TraceRole::arrival, 2},
    {"start", TraceRole::arrival, kStartOfLog},
    {"starttime", TraceRole::arrival, kStartOfLog},
    {"starttimeunix", TraceRole::arrival, kStartOfLog},
    {"startutc", TraceRole::arrival, kStartOfLog},
    {"startedat", TraceRole::arrival, kStartOfLog},
    {"starttimestamp", TraceRole::arrival, kStartOfLog},
    {"requeststart", TraceRole::arrival, kStartOfLog},
    {"requeststarttime", TraceRole::arrival, kStartOfLog},
    {"requesttimestamp", TraceRole::arrival, kStartOfLog},
    {"requestedat", TraceRole::arrival, kStartOfLog},
    {"requestcreatedat", TraceRole::arrival, kStartOfLog},
    {"receivedat", TraceRole::arrival, kStartOfLog},
    {"sentat", TraceRole::arrival, kStartOfLog},
    {"submittedat", TraceRole::arrival, kStartOfLog},
    {"submittime", TraceRole::arrival, kStartOfLog},
    {"queuedat", TraceRole::arrival, kStartOfLog},
    {"ts", TraceRole::arrival, 2},
    {"@timestamp", TraceRole::arrival, 2},
    {"datetime", TraceRole::arrival, 2},
    {"timeiso8601", TraceRole::arrival, 2},
    {"timelocal", TraceRole::arrival, 2},
    {"eventtime", TraceRole::arrival, 2},
    {"eventtimestamp", TraceRole::arrival, 2},
    {"logtime", TraceRole::arrival, 2},
    {"requestts", TraceRole::arrival, kStartOfLog},
    {"processedtime", TraceRole::arrival, kRecordOfLog},
    {"timegenerated", TraceRole::arrival, 2},
    {"createdat", TraceRole::arrival, kRecordOfLog},
    {"created", TraceRole::arrival, kRecordOfLog},
    {"carriedat", TraceRole::arrival, kCarrierOfLog},
    {"inputsequencelength", TraceRole::input},
    {"inputlen", TraceRole::input},
    {"inputtokencount", TraceRole::input},
    {"inputusage", TraceRole::input},
    {"usage.input", TraceRole::input, 1},
    {"usagedetails.input", TraceRole::input, 1},
    {"numinputtokens", TraceRole::input},
    {"numprompttokens", TraceRole::input},
    {"promptlen", TraceRole::input},
    {"promptlength", TraceRole::input},
    {"prompttokencount", TraceRole::input},
    {"tokensprompt", TraceRole::input},
    {"prefilltokens", TraceRole::input},
    {"prefilllen", TraceRole::input},
    {"promptevalcount", TraceRole::input},
    {"isl", TraceRole::input},
    {"requnits", TraceRole::input},
    {"in", TraceRole::input, kBareWord},
    {"prefill", TraceRole::input, kBareWord},
    {"cachereadinputtokens", TraceRole::cache_read},
    {"cachereadinputtokencount", TraceRole::cache_read},
    {"cachecreationinputtokens", TraceRole::cache_written},
    {"cachewriteinputtokens", TraceRole::cache_written},
    {"cachewriteinputtokencount", TraceRole::cache_written},
    {"outputsequencelength", TraceRole::output},
    {"outputlen", TraceRole::output},
    {"outputtokencount", TraceRole::output},
    {"outputusage", TraceRole::output},
    {"usage.output", TraceRole::output, 1},
    {"usagedetails.output", TraceRole::output, 1},
    {"numoutputtokens", TraceRole::output},
    {"numgeneratedtokens", TraceRole::output},
    {"generationtokens", TraceRole::output},
    {"completiontokencount", TraceRole::output},
    {"candidatestokencount", TraceRole::output},
    {"tokenscompletion", TraceRole::output},
    {"decodetokens", TraceRole::output},
    {"decodelen", TraceRole::output},
    {"genlen", TraceRole::output},
    {"genlength", TraceRole::output},
    {"generationlength", TraceRole::output},
    {"newtokens", TraceRole::output},
    {"evalcount", TraceRole::output},
    {"osl", TraceRole::output},
    {"resunits", TraceRole::output},
    {"out", TraceRole::output, kBareWord},
    {"decode", TraceRole::output, kBareWord},
    {"session", TraceRole::session},
    {"sessionid", TraceRole::session},
    {"parent", TraceRole::parent},
    {"delay", TraceRole::delay},
    {"toolduration", TraceRole::pause},
    {"images", TraceRole::images},
    {"numimages", TraceRole::images},
    {"hashids", TraceRole::hash_ids},
    {"blocktokens", TraceRole::block_tokens},
    {"textinput", TraceRole::text},
    {"text", TraceRole::text},
    {"chatid", TraceRole::chat},
    {"parentchatid", TraceRole::parent_chat},
    {"date", TraceRole::day},
    {"day", TraceRole::day, 1},
    {"end", TraceRole::ended},
    {"endtime", TraceRole::ended},
    {"endedat", TraceRole::ended},
    {"endtimestamp", TraceRole::ended},
    {"finishedat", TraceRole::ended},
    {"finishtime", TraceRole::ended},
    {"completedat", TraceRole::ended},
    {"requestend", TraceRole::ended},
    {"requestendtime", TraceRole::ended},
    {"responseat", TraceRole::ended},
    {"respondedat", TraceRole::ended},
    {"latency", TraceRole::took},
    {"totallatency", TraceRole::took},
    {"e2elatency", TraceRole::took},
    {"requestlatency", TraceRole::took},
    {"duration", TraceRole::took},
    {"totalduration", TraceRole::took},
    {"requestduration", TraceRole::took},
    {"responsetime", TraceRole::took},
    {"totaltime", TraceRole::took},
    {"elapsed", TraceRole::took},
    {"elapsedtime", TraceRole::took},
    {"totaltokens", TraceRole::total},
    {"totaltokencount", TraceRole::total},
    {"tokenstotal", TraceRole::total},
    {"subrequests", TraceRole::requests},
    {"turns", TraceRole::requests},
});

}  // namespace

TraceColumn known_column(std::string_view name) {
  const auto is = [&](std::string_view known) { return loosely_same(known, name); };
  if (std::any_of(kInputNames.begin(), kInputNames.end(), is)) return {TraceRole::input};
  if (std::any_of(kOutputNames.begin(), kOutputNames.end(), is)) return {TraceRole::output};
  for (const Known& known : kKnownNames)
    if (is(known.name)) return {known.role, 1, false, known.rank};
  return {};
}

std::vector<std::string> input_names() { return {kInputNames.begin(), kInputNames.end()}; }

std::vector<std::string> output_names() { return {kOutputNames.begin(), kOutputNames.end()}; }

}  // namespace gpushare
