#include "core/number_words.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace test_number_words {

using gpushare::number_meant;

TEST_CASE("a text in place of a number is told as the number that it means, in the unit of its key") {
  struct Slip {
    const char *written, *key, *told;
  };
  for (const Slip& slip : std::vector<Slip>{
           {"600", "duration_s", "; write 600, without quotation marks"},
           {"131,072", "max_model_len", "; write 131072, without quotation marks"},
           {"32k", "max_model_len", "; write 32000, or 32768 if it is in units of 1024"},
           {"8K", "max_num_batched_tokens", "; write 8000, or 8192 if it is in units of 1024"},
           {"1.5k", "input_tokens", "; write 1500"},
           {"100k", "input_tokens", "; write 100000"},
           {"2M", "input_tokens", "; write 2000000"},
           {"10m", "duration_s", "; write 600, in seconds"},
           {"1 h", "duration_s", "; write 3600, in seconds"},
           {"22:00", "at_s", "; write 79200, in seconds"},
           {"06:30:15", "from_s", "; write 23415, in seconds"},
           {"22:75:1:1", "at_s", ""},
           {"50ms", "max_queue_delay_s", "; write 0.05, in seconds"},
           {"120/min", "rate_per_s", "; write 2"},
           {"30 rps", "rate_per_s", "; write 30"},
           {"90%", "gpu_memory_utilization", "; write 0.9 where a share of 1 is meant"},
       }) {
    CAPTURE(slip.written);
    CHECK(number_meant(slip.written, slip.key) == slip.told);
  }
}

TEST_CASE("a text that means no number of its key is told nothing") {
  for (const char* written : {"", "auto", "many", "k", "10 parsecs", "1.2.3", "-", "1,23,4", "10m/s"})
    CHECK(number_meant(written, "duration_s").empty());
  CHECK(number_meant("10ms", "max_model_len").empty());
  CHECK(number_meant("10k", "rate_per_s").empty());
}

}  // namespace test_number_words
