// Where there is no libFuzzer: `fuzz_x FOLDER...` replays the inputs of the folders, and `fuzz_x --mutate RUNS FOLDER...`
// runs so many mutations of them, always the same ones. The input in hand is kept in `fuzz-input` when one ends the program.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Inputs = std::vector<std::string>;

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

Inputs read_folder(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  Inputs inputs;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

/// An input near those given: bytes changed, cut, doubled, joined with another's.
std::string mutated(const Inputs& inputs, std::mt19937_64& luck) {
  static const Inputs kPieces = {"{",
                                 "}",
                                 "[",
                                 "]",
                                 "\"",
                                 ",",
                                 ":",
                                 "\n",
                                 "\r\n",
                                 "-1",
                                 "0",
                                 "1.5",
                                 "NaN",
                                 "1e999",
                                 "null",
                                 "true",
                                 "99999999999999999999",
                                 std::string(1, '\0'),
                                 "\xff",
                                 std::string(3000, '[')};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(luck() % n); };
  std::string input = inputs[below(inputs.size())];
  for (std::size_t left = 1 + below(4); left > 0; --left) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = std::min(input.size() - at, std::size_t{1} << below(8));
    switch (below(5)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(below(256));
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 3:
        input.insert(at, input.substr(at, length));
        break;
      default: {
        const std::string& other = inputs[below(inputs.size())];
        input.replace(at, length, other, below(other.size() + 1), std::size_t{1} << below(12));
      }
    }
  }
  return input;
}

void mutate(const Inputs& inputs, std::uint64_t runs) {
  const char* const kInHand = "fuzz-input";
  std::mt19937_64 luck(1);
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::string input = mutated(inputs, luck);
    std::ofstream(kInHand, std::ios::binary) << input;
    run(input);
  }
  std::remove(kInHand);
  std::cout << runs << " mutations run\n";
}

}  // namespace

int main(int argc, char** argv) {
  const bool mutates = argc > 2 && std::string(argv[1]) == "--mutate";
  Inputs inputs;
  for (int i = mutates ? 3 : 1; i < argc; ++i) {
    const Inputs found = read_folder(argv[i]);
    inputs.insert(inputs.end(), found.begin(), found.end());
  }
  for (const std::string& input : inputs) run(input);
  std::cout << inputs.size() << " inputs replayed\n";
  if (mutates && !inputs.empty()) mutate(inputs, std::stoull(argv[2]));
  return inputs.empty() ? 2 : 0;
}
