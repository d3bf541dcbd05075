#include "lts/io/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "lts/base/error.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ParseShardIndex, GivesTheFileOfEachTensor) {
  EXPECT_THAT(ParseShardIndex(R"({"metadata": {"total_size": 4},
                                  "weight_map": {"b": "2.bin", "a": "1.bin", "c": "1.bin"}})",
                              "index"),
              ElementsAre(Pair("a", "1.bin"), Pair("b", "2.bin"), Pair("c", "1.bin")));
  EXPECT_THAT(ParseShardIndex(R"({"weight_map": {}})", "index"), IsEmpty());
}

std::optional<ErrorCode> CodeOf(std::string_view text, std::string_view part) {
  try {
    ParseShardIndex(text, "a.index.json");
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("a.index.json"), HasSubstr(part)));
    return error.code();
  }
  return std::nullopt;
}

TEST(ParseShardIndex, RejectsWhatIsNoIndex) {
  EXPECT_EQ(CodeOf("{", "line 1"), ErrorCode::kInvalidArgument);
  for (const char* text : {"[]", "{}", R"({"weight_map": []})"}) {
    EXPECT_EQ(CodeOf(text, "'weight_map'"), ErrorCode::kCorrupt) << text;
  }
}

TEST(ParseShardIndex, RejectsFilesThatAreNotBesideTheIndex) {
  for (const std::string file : {R"("../x")", R"("/etc/passwd")", R"("")", R"(".")", R"("..")",
                                 R"("a/b")", R"("a\u0000b")", "7", "null"}) {
    EXPECT_EQ(CodeOf(R"({"weight_map": {"w": )" + file + "}}", "tensor 'w'"), ErrorCode::kCorrupt)
        << file;
  }
}

// Later messages hold the name of the file: they must stay one line.
TEST(ParseShardIndex, RejectsFileNamesThatDoNotPrint) {
  for (const std::string file : {R"("a\nb")", R"("a\u001b[31mb")", R"("a\u2028b")"}) {
    EXPECT_EQ(CodeOf(R"({"weight_map": {"w": )" + file + "}}", "tensor 'w'"), ErrorCode::kCorrupt)
        << file;
  }
  EXPECT_EQ(CodeOf(R"({"weight_map": {"w": ")" + std::string(256, 'a') + "\"}}", "tensor 'w'"),
            ErrorCode::kCorrupt);
  EXPECT_EQ(ParseShardIndex(R"({"weight_map": {"w": "modèle.bin"}})", "index").at("w"),
            "modèle.bin");
}

}  // namespace
}  // namespace lts
