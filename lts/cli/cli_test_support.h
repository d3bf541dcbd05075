// What the tests of commands share: a call of `lts`, what it gave back, and a folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lts/cli/app.h"

namespace lts::cli {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

// `lts ARGS...` in this process, with no terminal and `input` on its standard input.
inline Outcome Lts(const std::vector<std::string>& args, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Context context{in, out, err, Terminal{}};
  context.command_line = "lts";
  std::vector<std::string> all = {"lts"};
  all.insert(all.end(), args.begin(), args.end());
  Outcome outcome;
  outcome.code = Run(all, context);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

// An error is exactly one line on err, nothing on out, exit code 2.
inline void ExpectBadInput(const Outcome& outcome, const std::string& part) {
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, ::testing::HasSubstr(part));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

// A folder of the test's own, gone afterwards.
class CliFolder : public ::testing::Test {
 protected:
  CliFolder() {
    folder_ = std::filesystem::temp_directory_path() /
              ("lts_cli_test_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  ~CliFolder() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return Path(name);
  }

  std::filesystem::path folder_;
};

// An architecture of 64 tokens at most.
inline constexpr const char* kSmall =
    R"({"arch_type": "gpt2", "n_layer": 2, "d_model": 64, "d_inner": 128, "n_head": 2,
  "vocab_size": 100, "max_sequence_length": 64, "dropatt": 0.0})";

// The folder of a small tokenizer of GPT-2's kind.
inline const std::string kTokenizer = std::string(LTS_SOURCE_DIR) + "/tests/goldens/tokenizer/gpt2";

}  // namespace lts::cli
