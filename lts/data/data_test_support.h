// What the tests of data sets share: a folder of the test's own and the message of an error.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/files.h"

namespace lts {

// Gone afterwards.
class DataFolder : public ::testing::Test {
 protected:
  DataFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lts_data_XXXXXX").string();
    LTS_CHECK(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~DataFolder() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }

  std::string folder_;
};

// Of the error that `call` throws, whose code must be `code`.
inline std::string MessageOf(ErrorCode code, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace lts
