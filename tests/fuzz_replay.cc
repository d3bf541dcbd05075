// Runs a fuzz target without libFuzzer, in every build: each file of the corpus folders named on the command
// line, the empty input, and seeded byte mutations of each file. Crashes and escaped exceptions end the test.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutationsPerFile = 300;

void Run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string Mutated(std::string bytes, std::mt19937& rng) {
  const int edits = 1 + static_cast<int>(rng() % 4);
  for (int i = 0; i < edits; ++i) {
    const std::size_t at = bytes.empty() ? 0 : rng() % bytes.size();
    switch (rng() % 4) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(rng());
        break;
      case 1:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<char>(rng()));
        break;
      case 2:
        if (!bytes.empty()) bytes.erase(at, 1 + rng() % 8);
        break;
      default:
        bytes.insert(at, bytes.substr(at, rng() % 16));
        break;
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::mt19937 rng(20261122);
  long runs = 1;
  long files = 0;
  try {
    Run("");
    for (int i = 1; i < argc; ++i) {
      if (!std::filesystem::is_directory(argv[i])) continue;
      std::vector<std::filesystem::path> paths;
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
        paths.push_back(entry.path());
      }
      std::sort(paths.begin(), paths.end());  // the same mutations on every machine
      for (const auto& path : paths) {
        std::ifstream in(path, std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(in)), {});
        Run(bytes);
        for (int m = 0; m < kMutationsPerFile; ++m) Run(Mutated(bytes, rng));
        runs += 1 + kMutationsPerFile;
        ++files;
      }
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fuzz target let an exception escape: %s\n", e.what());
    return 1;
  }
  std::printf("%ld inputs from %ld corpus files\n", runs, files);
  if (files == 0) {
    std::fprintf(stderr, "no corpus file found: a fuzz target needs tests/corpus/<name>/\n");
    return 1;
  }
  return 0;
}
