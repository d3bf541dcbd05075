// The checkpoints of tests/checkpoints (tools/make_checkpoints.py writes them), for tests.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lts/base/error.h"
#include "lts/base/json.h"

namespace lts {

inline std::string CheckpointFolder(const std::string& name) {
  return std::string(LTS_SOURCE_DIR) + "/tests/checkpoints/" + name;
}

// What Hugging Face Transformers computes from a checkpoint, in float64.
struct ExpectedLogits {
  std::vector<std::int32_t> tokens;  // [T]
  std::vector<float> logits;         // [T, V]
};

inline ExpectedLogits ReadExpectedLogits(const std::string& name) {
  const Json json = ReadJsonFile(CheckpointFolder(name) + "/expected.json");
  ExpectedLogits expected;
  for (const Json& token : json.Find("tokens")->AsArray()) {
    expected.tokens.push_back(static_cast<std::int32_t>(token.AsInt()));
  }
  for (const Json& row : json.Find("logits")->AsArray()) {
    for (const Json& logit : row.AsArray()) {
      expected.logits.push_back(static_cast<float>(logit.AsDouble()));
    }
  }
  return expected;
}

// An empty folder that goes with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    path_ = (std::filesystem::temp_directory_path() / "lts_test_XXXXXX").string();
    LTS_CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace lts
