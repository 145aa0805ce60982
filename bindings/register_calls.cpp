#include <sstream>

#include "gpushare/calls.hpp"
#include "gpushare/errors.hpp"
#include "handles.hpp"

namespace gpushare::python {

namespace {

constexpr std::size_t kMostCalls = 1'000'000;

template <class T, class Value>
py::array_t<T> column(const std::vector<VoiceCall>& calls, Value value) {
  std::vector<T> values;
  for (const VoiceCall& call : calls)
    for (std::size_t i = 0; i < call.turns.size(); ++i) values.push_back(static_cast<T>(value(call, i)));
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::dict turns(const std::vector<VoiceCall>& calls) {
  py::dict columns;
  columns["call"] = column<std::int64_t>(calls, [](const auto& call, std::size_t) { return call.number; });
  columns["turn"] = column<std::int64_t>(calls, [](const auto&, std::size_t i) { return i; });
  const std::pair<const char*, std::uint32_t CallTurn::*> counts[] = {
      {"user_tokens", &CallTurn::user_tokens},
      {"prompt_tokens", &CallTurn::prompt_tokens},
      {"first_sentence_tokens", &CallTurn::first_sentence_tokens},
      {"reply_tokens", &CallTurn::reply_tokens}};
  for (const auto& [name, member] : counts)
    columns[name] = column<std::int64_t>(
        calls, [which = member](const auto& call, std::size_t i) { return call.turns[i].*which; });
  const std::pair<const char*, double CallTurn::*> seconds[] = {{"start_s", &CallTurn::start_s},
                                                                {"silence_s", &CallTurn::silence_s},
                                                                {"speech_s", &CallTurn::speech_s},
                                                                {"audio_s", &CallTurn::audio_s},
                                                                {"heard_s", &CallTurn::heard_s}};
  for (const auto& [name, member] : seconds)
    columns[name] = column<double>(
        calls, [which = member](const auto& call, std::size_t i) { return call.turns[i].*which; });
  return columns;
}

py::dict draw_calls(const std::string& recipe_json, std::uint64_t seed, double duration_s) {
  std::vector<VoiceCall> calls;
  {
    const py::gil_scoped_release release;
    const CallRecipe recipe = parse_call_recipe(recipe_json);
    ArrivalGenerator arrivals(recipe.arrivals, Stream(seed, 0, "arrivals/calls"));
    const Stream luck(seed, 0, "calls/calls");
    for (Time at = arrivals.next(); at != kNever && to_seconds(at) < duration_s; at = arrivals.next()) {
      const std::size_t number = calls.size();
      if (number == kMostCalls)
        throw TraceError("calls", "more than a million; lower duration_s or the rate");
      calls.push_back(draw_call(recipe, static_cast<std::int64_t>(number), to_seconds(at), luck.at(number)));
    }
  }
  if (calls.empty()) {
    std::ostringstream message;
    message << "none arrives in " << duration_s << " s";
    throw TraceError("calls", message.str());
  }
  return turns(calls);
}

}  // namespace

void register_calls(py::module_& module) {
  py::class_<CallsHandle>(module, "Calls", "Voice calls, as JSON lines have them: an object for each turn.")
      .def(py::init([](std::string_view text, const std::string& source) {
             const py::gil_scoped_release release;
             return CallsHandle{std::make_shared<const std::vector<VoiceCall>>(parse_calls(text, source))};
           }),
           py::arg("text"), py::arg("source") = "")
      .def_property_readonly(
          "turns", [](const CallsHandle& h) { return turns(*h.calls); }, "Their turns, as columns by name.")
      .def("__len__", [](const CallsHandle& h) { return h.calls->size(); })
      .def("__repr__",
           [](const CallsHandle& h) { return "<Calls: " + std::to_string(h.calls->size()) + ">"; });
  module.def("draw_calls", &draw_calls, py::arg("recipe"), py::arg("seed"), py::arg("duration_s"),
             "Turns of the calls of a recipe (JSON) that begin in duration_s, as columns by name.");
  module.def(
      "parse_calls",
      [](std::string_view text, const std::string& source) {
        std::vector<VoiceCall> calls;
        {
          const py::gil_scoped_release release;
          calls = parse_calls(text, source);
        }
        return turns(calls);
      },
      py::arg("text"), py::arg("source") = "", "Turns of a call file, as columns by name.");
}

}  // namespace gpushare::python
