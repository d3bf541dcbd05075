#include "lts/data/token_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <vector>

#include "lts/data/data_test_support.h"
#include "lts/data/token_writer.h"

namespace lts {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

class TokenDatasetTest : public DataFolder {
 protected:
  std::string Data() const { return Path("data"); }
  // Two documents to train on, one to validate.
  DatasetManifest WriteSmall(std::int64_t vocab_size = 300) const {
    TokenWriter writer(Data(), vocab_size, 7);
    writer.Append(Split::kTrain, Ids{1, 2, 299}, 10);
    writer.Append(Split::kValidation, Ids{4}, 3);
    writer.Append(Split::kTrain, Ids{5}, 2);
    Json made_from = Json::MakeObject();
    made_from["seed"] = 1;
    return writer.Finish(made_from);
  }
};

Ids ReadAll(const TokenDataset& data, Split split) {
  Ids ids(static_cast<std::size_t>(data.tokens(split)));
  data.Read(split, 0, ids);
  return ids;
}

TEST_F(TokenDatasetTest, GivesBackDocumentsWithEndOfTextAfterEach) {
  const DatasetManifest written = WriteSmall();
  const TokenDataset data = TokenDataset::Open(Data());
  EXPECT_EQ(data.manifest(), written);
  EXPECT_EQ(data.vocab_size(), 300);
  EXPECT_EQ(data.end_of_text(), 7);
  EXPECT_THAT(ReadAll(data, Split::kTrain), ElementsAre(1, 2, 299, 7, 5, 7));
  EXPECT_THAT(ReadAll(data, Split::kValidation), ElementsAre(4, 7));
  EXPECT_EQ(data.tokens(Split::kTest), 0);
  EXPECT_EQ(data.manifest()[Split::kTrain].documents, 2);
  EXPECT_DOUBLE_EQ(data.bytes_per_token(Split::kTrain), 12.0 / 6);
  EXPECT_DOUBLE_EQ(data.bytes_per_token(Split::kTest), 0);
  EXPECT_NO_THROW(data.CheckHashes());
  EXPECT_FALSE(fs::exists(Path("data/train.bin.partial")));
}

TEST_F(TokenDatasetTest, IsLittleEndianOfTwoBytesAndOfFourWhereIdsNeedThem) {
  WriteSmall();
  EXPECT_EQ(ReadFile(Path("data/train.bin")),
            std::string("\x01\x00\x02\x00\x2B\x01\x07\x00\x05\x00\x07\x00", 12));
  TokenWriter writer(Path("wide"), 65537, 0);
  writer.Append(Split::kTest, Ids{65536}, 1);
  writer.Finish(Json::MakeObject());
  EXPECT_EQ(ReadFile(Path("wide/test.bin")), std::string("\x00\x00\x01\x00\x00\x00\x00\x00", 8));
  EXPECT_THAT(ReadAll(TokenDataset::Open(Path("wide")), Split::kTest), ElementsAre(65536, 0));
}

TEST_F(TokenDatasetTest, ReadsWithinASplitAndNotBeyond) {
  WriteSmall();
  const TokenDataset data = TokenDataset::Open(Data());
  Ids two(2);
  data.Read(Split::kTrain, 4, two);
  EXPECT_THAT(two, ElementsAre(5, 7));
  EXPECT_NO_THROW(data.Read(Split::kTrain, 6, {}));
  for (const std::int64_t offset : {std::int64_t{5}, std::int64_t{-1}, std::int64_t{1} << 62}) {
    EXPECT_THAT(
        MessageOf(ErrorCode::kInvalidArgument, [&] { data.Read(Split::kTrain, offset, two); }),
        HasSubstr("expected to stay within its 6"));
  }
}

TEST_F(TokenDatasetTest, RefusesFilesOfAnotherSize) {
  WriteSmall();
  Write("data/train.bin", "12345");
  EXPECT_THAT(MessageOf(ErrorCode::kCorrupt, [&] { TokenDataset::Open(Data()); }),
              HasSubstr("train.bin: got 5 bytes, expected 12 (6 tokens of uint16)"));
  fs::remove(Path("data/train.bin"));
  EXPECT_THAT(MessageOf(ErrorCode::kNotFound, [&] { TokenDataset::Open(Data()); }),
              HasSubstr("train.bin"));
}

TEST_F(TokenDatasetTest, FindsChangedTokens) {
  WriteSmall();
  std::string bytes = ReadFile(Path("data/train.bin"));
  bytes[1] = 1;  // 257: still an id
  Write("data/train.bin", bytes);
  EXPECT_THAT(MessageOf(ErrorCode::kCorrupt, [&] { TokenDataset::Open(Data()).CheckHashes(); }),
              HasSubstr("train.bin: got SHA-1"));
  bytes[1] = 2;  // 513: none
  Write("data/train.bin", bytes);
  EXPECT_THAT(
      MessageOf(ErrorCode::kCorrupt, [&] { ReadAll(TokenDataset::Open(Data()), Split::kTrain); }),
      HasSubstr("got token id 513"));
}

TEST_F(TokenDatasetTest, IsNoneBeforeItIsFinished) {
  {
    TokenWriter writer(Data(), 300, 7);
    writer.Append(Split::kTrain, Ids{1}, 1);
    writer.Save();
  }
  EXPECT_THAT(MessageOf(ErrorCode::kNotFound, [&] { TokenDataset::Open(Data()); }),
              HasSubstr("no data.json"));
  EXPECT_THAT(MessageOf(ErrorCode::kNotFound, [&] { TokenDataset::Open(Path("nowhere")); }),
              HasSubstr("nowhere"));
}

TEST_F(TokenDatasetTest, StaysWholeWhileItsSuccessorIsWritten) {
  WriteSmall();
  {
    TokenWriter writer(Data(), 300, 7);
    writer.Append(Split::kTrain, Ids{9}, 1);
    writer.Save();
  }
  EXPECT_NO_THROW(TokenDataset::Open(Data()).CheckHashes());
}

TEST_F(TokenDatasetTest, GoesOnAfterWhatWasSaved) {
  TokenWriter::State saved;
  {
    TokenWriter writer(Data(), 300, 7);
    writer.Append(Split::kTrain, Ids{1, 2, 299}, 10);
    saved = writer.Save();
    writer.Append(Split::kTrain, Ids{100, 101}, 9);  // lost with the process
    writer.Append(Split::kTest, Ids{100, 101}, 9);
    writer.Save();
  }
  TokenWriter writer(Data(), 300, 7, saved);
  EXPECT_EQ(writer.state(), saved);
  writer.Append(Split::kValidation, Ids{4}, 3);
  writer.Append(Split::kTrain, Ids{5}, 2);
  const DatasetManifest resumed = writer.Finish(Json::MakeObject());
  fs::remove_all(Data());
  DatasetManifest uninterrupted = WriteSmall();
  uninterrupted.made_from = Json::MakeObject();
  EXPECT_EQ(resumed, uninterrupted);
}

TEST_F(TokenDatasetTest, DoesNotGoOnWhereLessIsLeftThanWasSaved) {
  TokenWriter::State saved;
  {
    TokenWriter writer(Data(), 300, 7);
    writer.Append(Split::kTrain, Ids{1, 2, 299}, 10);
    saved = writer.Save();
  }
  Write("data/train.bin.partial", "12");
  EXPECT_THAT(MessageOf(ErrorCode::kCorrupt, [&] { TokenWriter(Data(), 300, 7, saved); }),
              HasSubstr("got 2 bytes, expected at least the 8"));
  fs::remove(Path("data/train.bin.partial"));
  EXPECT_THAT(MessageOf(ErrorCode::kCorrupt, [&] { TokenWriter(Data(), 300, 7, saved); }),
              HasSubstr("train.bin.partial"));
}

TEST_F(TokenDatasetTest, RefusesIdsThatNoTokenHas) {
  TokenWriter writer(Data(), 300, 7);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument,
                        [&] {
                          writer.Append(Split::kTrain, Ids{1, 300}, 1);
                        }),
              HasSubstr("token 1: got id 300, expected 0 to 299"));
  EXPECT_THROW(writer.Append(Split::kTrain, Ids{-1}, 1), Error);
  EXPECT_EQ(writer.state(), TokenWriter::State{});
}

TEST_F(TokenDatasetTest, AFullDiskLeavesNoDataSet) {
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const std::string message = MessageOf(ErrorCode::kIo, [&] {
    TokenWriter writer(Data(), 300, 7);
    const rlimit limit{4096, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    writer.Append(Split::kTrain, Ids(5000, 1), 5000);
    writer.Finish(Json::MakeObject());
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("train.bin.partial: cannot write"));
  EXPECT_THROW(TokenDataset::Open(Data()), Error);
}

Json SmallManifest() {
  DatasetManifest manifest{.vocab_size = 300, .end_of_text = 7};
  for (SplitInfo& split : manifest.splits) {
    split = {"x.bin", 6, 2, 12, std::string(40, 'a')};
  }
  return ManifestToJson(manifest);
}

TEST(DatasetManifest, ReadsBackEqual) {
  const DatasetManifest manifest = ParseManifest(SmallManifest(), "data.json");
  EXPECT_EQ(manifest[Split::kTest].tokens, 6);
  EXPECT_EQ(ManifestToJson(manifest), SmallManifest());
}

TEST(DatasetManifest, NamesTheFieldThatIsWrong) {
  const auto expect = [](const std::function<void(Json&)>& spoil, const char* part) {
    Json json = SmallManifest();
    spoil(json);
    EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { ParseManifest(json, "d/data.json"); }),
                testing::AllOf(HasSubstr("d/data.json"), HasSubstr(part)));
  };
  expect([](Json& j) { j["vocab_size"] = 0; }, "'vocab_size'");
  expect([](Json& j) { j["end_of_text"] = 300; }, "'end_of_text'");
  expect([](Json& j) { j["dtype"] = "uint32"; }, "expected uint16 for 300 token ids");
  expect([](Json& j) { j["splits"]["test"] = Json(); }, "'test'");
  expect([](Json& j) { j["splits"]["test"]["tokens"] = -1; }, "'tokens'");
  expect([](Json& j) { j["splits"]["test"]["documents"] = 7; }, "at most its 6 tokens");
  expect([](Json& j) { j["splits"]["test"]["file"] = "../x"; }, "a file beside it");
  expect([](Json& j) { j["splits"]["test"]["sha1"] = "A"; }, "40 hex digits");
  Json other = SmallManifest();
  other["format"] = "lts-tokens-9";
  EXPECT_THAT(MessageOf(ErrorCode::kUnsupported, [&] { ParseManifest(other, "data.json"); }),
              HasSubstr("another version"));
}

}  // namespace
}  // namespace lts
