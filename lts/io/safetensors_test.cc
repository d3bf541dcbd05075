#include "lts/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <limits>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "tests/checkpoint_folder.h"

namespace lts {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string File(std::string_view header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  file += header;
  for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i);
  return file;
}

std::vector<StoredTensor> Parse(std::string& file) {
  return ParseSafetensors(std::as_writable_bytes(std::span(file)), "f.safetensors");
}

std::pair<ErrorCode, std::string> ErrorOf(std::string file) {
  try {
    Parse(file);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return {error.code(), error.what()};
  }
  ADD_FAILURE() << "accepted " << file;
  return {ErrorCode::kIo, ""};
}
// Of a file of 24 bytes of data with this header.
std::string MessageOf(std::string_view header) {
  const auto [code, message] = ErrorOf(File(header, 24));
  EXPECT_EQ(code, ErrorCode::kCorrupt) << message;
  EXPECT_THAT(message, StartsWith("f.safetensors: "));
  return message;
}

constexpr std::string_view kGood =
    R"({"b":{"dtype":"F16","shape":[2,2],"data_offsets":[16,24]},"__metadata__":{"format":"pt"},)"
    R"("a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}   )";

TEST(ParseSafetensors, ViewsTensorsInTheOrderOfTheirData) {
  std::string file = File(kGood, 24);
  const std::vector<StoredTensor> tensors = Parse(file);
  ASSERT_EQ(tensors.size(), 2);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].type, StoredType::kFloat32);
  EXPECT_THAT(tensors[0].shape, ElementsAre(4));
  EXPECT_EQ(tensors[1].name, "b");
  EXPECT_EQ(tensors[1].type, StoredType::kFloat16);
  EXPECT_THAT(tensors[1].strides, ElementsAre(2, 1));
  EXPECT_EQ(reinterpret_cast<char*>(tensors[1].bytes.data()), file.data() + file.size() - 8);
  EXPECT_EQ(tensors[1].bytes.size(), 8);
}

TEST(ParseSafetensors, TakesScalarsAndEmptyTensors) {
  std::string file = File(
      R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})",
      4);
  EXPECT_EQ(Parse(file).size(), 2);
  std::string none = File("{}", 0);
  EXPECT_TRUE(Parse(none).empty());
}

TEST(ParseSafetensors, RejectsOffsetPastEndOfFile) {
  EXPECT_THAT(MessageOf(R"({"a":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}})"),
              AllOf(HasSubstr("tensor 'a'"), HasSubstr("28"), HasSubstr("has 24")));
}

TEST(ParseSafetensors, RejectsHolesAndOverlapsAndBytesOfNoTensor) {
  EXPECT_THAT(MessageOf(R"({"a":{"dtype":"U8","shape":[23],"data_offsets":[1,24]}})"),
              HasSubstr("begins at byte 1"));
  EXPECT_THAT(MessageOf(R"({"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},
                            "b":{"dtype":"U8","shape":[9],"data_offsets":[15,24]}})"),
              AllOf(HasSubstr("'b'"), HasSubstr("ends at 16")));
  EXPECT_THAT(MessageOf(R"({"a":{"dtype":"U8","shape":[20],"data_offsets":[0,20]}})"),
              HasSubstr("end at byte 20"));
  EXPECT_THAT(MessageOf("{}"), HasSubstr("end at byte 0"));
}

TEST(ParseSafetensors, RejectsSizesThatContradictTheShape) {
  EXPECT_THAT(MessageOf(R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,24]}})"),
              AllOf(HasSubstr("[5] of F32 take 20 bytes"), HasSubstr("gives it 24")));
  for (const std::string_view shape :
       {"[4294967296,4294967296]", "[9223372036854775807]", "[0,9223372036854775807,3]"}) {
    EXPECT_THAT(MessageOf(std::string(R"({"a":{"dtype":"F32","shape":)") + std::string(shape) +
                          R"(,"data_offsets":[0,24]}})"),
                HasSubstr("'a'"));
  }
}

TEST(ParseSafetensors, RejectsBrokenDescriptions) {
  for (const std::string_view tensor : {R"(3)", R"({})", R"({"dtype":"F32","shape":[6]})",
                                        R"({"dtype":"F32","shape":[-6],"data_offsets":[0,24]})",
                                        R"({"dtype":"F32","shape":6,"data_offsets":[0,24]})",
                                        R"({"dtype":"F32","shape":[6.5],"data_offsets":[0,24]})",
                                        R"({"dtype":"F32","shape":[6],"data_offsets":[24,0]})",
                                        R"({"dtype":"F32","shape":[6],"data_offsets":[0,24,24]})",
                                        R"({"dtype":"F32","shape":[6],"data_offsets":[-1,24]})",
                                        R"({"dtype":32,"shape":[6],"data_offsets":[0,24]})"}) {
    EXPECT_THAT(MessageOf("{\"a\":" + std::string(tensor) + "}"), HasSubstr("tensor 'a'"))
        << tensor;
  }
  const auto [code, message] =
      ErrorOf(File(R"({"a":{"dtype":"F4","shape":[6],"data_offsets":[0,24]}})", 24));
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THAT(message, HasSubstr("unknown dtype 'F4'"));
}

TEST(ParseSafetensors, RejectsTwoTensorsOfOneName) {
  EXPECT_THAT(MessageOf(R"({"a":{"dtype":"U8","shape":[12],"data_offsets":[0,12]},
                            "a":{"dtype":"U8","shape":[12],"data_offsets":[12,24]}})"),
              HasSubstr("'a'"));
}

TEST(ParseSafetensors, RejectsBrokenHeaders) {
  for (const std::string_view header :
       {"", "[]", "{", "null", "{} x", R"({"__metadata__":3})", R"({"__metadata__":{"a":3}})"}) {
    EXPECT_FALSE(MessageOf(header).empty()) << header;
  }
  std::string long_header = File(kGood, 24);
  const std::uint64_t length = std::numeric_limits<std::uint64_t>::max();
  std::memcpy(long_header.data(), &length, sizeof(length));
  EXPECT_THAT(ErrorOf(long_header).second, HasSubstr("18446744073709551615"));
}

TEST(ParseSafetensors, RejectsAFileCutAnywhere) {
  const std::string file = File(kGood, 24);
  for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
    EXPECT_EQ(ErrorOf(file.substr(0, bytes)).first, ErrorCode::kCorrupt) << bytes;
  }
}

TEST(ReadSafetensors, NamesTheFileThatIsNotThere) {
  try {
    ReadSafetensors("/no/such/model.safetensors");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("/no/such/model.safetensors"));
  }
}

TEST(SafetensorsWriter, WritesWhatIsReadBackAligned) {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  const std::vector<float> first(32, 1.5F);
  const std::vector<float> second{1, 2, 3};
  SafetensorsWriter writer(path, {{"first", {2, 16}}, {"second", {3}}});
  writer.Append(first);
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.Append(second);
  writer.Commit();
  const StoredTensors stored = ReadSafetensors(path);
  ASSERT_EQ(stored.tensors.size(), 2);
  EXPECT_THAT(stored.tensors[0].shape, ElementsAre(2, 16));
  for (const StoredTensor& tensor : stored.tensors) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % 64, 0) << tensor.name;
  }
  EXPECT_EQ(std::memcmp(stored.tensors[0].bytes.data(), first.data(), 128), 0);
  EXPECT_EQ(std::memcmp(stored.tensors[1].bytes.data(), second.data(), 12), 0);
  EXPECT_THAT(ReadFile(path), HasSubstr(R"("__metadata__":{"format":"pt"})"));
}

TEST(SafetensorsWriter, LeavesNothingWithoutCommit) {
  const TemporaryFolder folder;
  {
    SafetensorsWriter writer(folder / "m.safetensors", {{"a", {1}}});
    writer.Append(std::vector<float>{1});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriterDeathTest, RefusesValuesOfAnotherNumber) {
  const TemporaryFolder folder;
  SafetensorsWriter writer(folder / "m.safetensors", {{"a", {3}}});
  EXPECT_DEATH(writer.Append(std::vector<float>{1}), "counts_");
  EXPECT_DEATH(writer.Commit(), "counts_");
}

}  // namespace
}  // namespace lts
