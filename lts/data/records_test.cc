#include "lts/data/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "lts/data/data_test_support.h"
#include "lts/data/npy.h"

namespace lts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Texts = std::vector<std::string>;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  LTS_CHECK(::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(::deflateBound(&stream, text.size()) + 64, '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  LTS_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string Zstd(const std::string& text, int window_log = 0) {
  ZSTD_CCtx* const context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the zstd program does
  std::string packed(::ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  // In two steps, so that the frame's header does not know the size and keeps the window.
  ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
  ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
  LTS_CHECK(::ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) == 0);
  ::ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  return packed;
}

// As numpy.save writes it.
std::string Npy(const std::string& descr, const std::string& shape, const std::string& data) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
         data;
}

std::vector<Record> Read(const std::string& bytes, FileKind kind, const RecordOptions& options = {},
                         bool named = true) {
  const auto reader =
      RecordsOf(ByteSourceOver(bytes, "x"), {.path = "x", .named = named, .kind = kind}, options);
  std::vector<Record> records;
  while (std::optional<Record> record = reader->Next()) records.push_back(*std::move(record));
  EXPECT_EQ(reader->stored_bytes_read(),
            reader->skipped() ? reader->stored_bytes_read() : std::ssize(bytes));
  return records;
}

Texts TextsOf(const std::vector<Record>& records) {
  Texts texts;
  for (const Record& record : records) texts.push_back(record.bytes);
  return texts;
}

Texts ReadTexts(const std::string& bytes, const RecordOptions& options = {}) {
  return TextsOf(Read(bytes, FileKind::kText, options));
}

TEST(TextRecords, AreWholeFilesByDefault) {
  EXPECT_THAT(ReadTexts("one\n\ntwo\n"), ElementsAre("one\n\ntwo\n"));
  EXPECT_THAT(ReadTexts(""), ElementsAre());
}

TEST(TextRecords, AreCutAtBlankLinesAndLoseNothing) {
  const std::string text = "a line\nanother\n\nthird\n\nfourth line\nand more\nend";
  const Texts parts = ReadTexts(text, {.document_bytes = 10});
  EXPECT_THAT(parts, ElementsAre("a line\nanother\n\n", "third\n\nfourth line\n", "and more\nend"));
}

TEST(TextRecords, AreCutBetweenCharactersWhereNoLineEnds) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "日";
  std::string joined;
  for (const std::string& part : ReadTexts(text, {.document_bytes = 10})) {
    EXPECT_EQ(part.size() % 3, 0U);
    EXPECT_LE(part.size(), 20U);
    joined += part;
  }
  EXPECT_EQ(joined, text);
}

TEST(TextRecords, EndAtSeparators) {
  const RecordOptions options{.separator = "<|endoftext|>", .document_bytes = 4};
  EXPECT_THAT(
      ReadTexts("one\n\nmore\n<|endoftext|>\ntwo<|endoftext|><|endoftext|>\r\nthree\n", options),
      ElementsAre("one\n\nmore", "two", "three"));
  std::string long_text(300000, 'x');  // the separator across two reads
  EXPECT_THAT(ReadTexts(long_text + "<|endoftext|>y", options), ElementsAre(long_text, "y"));
}

TEST(TextRecords, AreNotMadeOfBinaryFiles) {
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument,
                        [] {
                          Read(std::string("\x7f"
                                           "ELF\0\0",
                                           6),
                               FileKind::kText);
                        }),
              HasSubstr("zero bytes"));
  EXPECT_TRUE(Read(std::string("\x7f"
                               "ELF\0\0",
                               6),
                   FileKind::kText, {}, false)
                  .empty());
}

TEST(LineRecords, AreLinesWithTheirNumbers) {
  const std::vector<Record> records = Read("{\"a\": 1}\r\n\n  \n{\"a\": 2}", FileKind::kJsonLines);
  EXPECT_THAT(TextsOf(records), ElementsAre("{\"a\": 1}\r", "{\"a\": 2}"));
  EXPECT_EQ(records[1].number, 4);
}

TEST(LineRecords, HaveALongestLine) {
  const std::string bomb = Gzip(std::string((std::size_t{65} << 20), ' '));
  EXPECT_LT(bomb.size(), 100000U);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { Read(bomb, FileKind::kJsonLines); }),
              HasSubstr("line 1: longer than 67108864 bytes"));
}

TEST(TokenRecords, EndAtEndOfText) {
  const std::string data("\x05\0\x06\0\0\0\0\0\x07\0", 10);
  const std::vector<Record> records = Read(Npy("<u2", "(5,)", data), FileKind::kTokens);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_THAT(records[0].ids, ElementsAre(5, 6));
  EXPECT_THAT(records[1].ids, ElementsAre(7));
  const std::string wide("\x05\0\x01\0\x06\0\0\0", 8);
  EXPECT_THAT(Read(Npy("<u4", "(1, 2)", wide), FileKind::kTokens)[0].ids, ElementsAre(65541, 6));
  EXPECT_EQ(
      Read(Npy("<u2", "(5,)", data), FileKind::kTokens, {.document_bytes = 4, .end_of_text = 9})
          .size(),
      5U);
}

TEST(TokenRecords, AreAsManyAsTheShapeSays) {
  EXPECT_THAT(
      MessageOf(ErrorCode::kCorrupt, [] { Read(Npy("<u2", "(3,)", "abcde"), FileKind::kTokens); }),
      HasSubstr("ends before the last 1 of its 3 elements"));
  EXPECT_THAT(
      MessageOf(ErrorCode::kCorrupt, [] { Read(Npy("<u2", "(1,)", "abcd"), FileKind::kTokens); }),
      HasSubstr("goes on after the 1 elements"));
  EXPECT_THAT(MessageOf(ErrorCode::kCorrupt,
                        [] { Read(Npy("<u2", "(1000000000000,)", "ab"), FileKind::kTokens); }),
              HasSubstr("ends before"));
}

TEST(NpyHeader, RefusesOtherArraysByName) {
  const auto message = [](ErrorCode code, const std::string& bytes) {
    return MessageOf(code, [&] { ParseNpyHeader(bytes, "x.npy"); });
  };
  EXPECT_THAT(message(ErrorCode::kUnsupported, Npy("<f4", "(1,)", "")), HasSubstr("'<f4'"));
  EXPECT_THAT(message(ErrorCode::kUnsupported, Npy(">u2", "(1,)", "")), HasSubstr("'>u2'"));
  EXPECT_THAT(message(ErrorCode::kInvalidArgument, "PK\x03\x04"), HasSubstr("is no .npy file"));
  EXPECT_THAT(message(ErrorCode::kInvalidArgument, Npy("<u2", "(-1,)", "")),
              HasSubstr("at least 0"));
  EXPECT_THAT(message(ErrorCode::kInvalidArgument, Npy("<u2", "(4294967296, 4294967296, 2)", "")),
              HasSubstr("overflow"));
  std::string fortran = Npy("<u2", "(1,)", "");
  fortran.replace(fortran.find("False"), 5, "True ");
  EXPECT_THAT(message(ErrorCode::kUnsupported, fortran), HasSubstr("C order"));
  EXPECT_THAT(message(ErrorCode::kInvalidArgument, Npy("<u2", "(1,)", "").substr(0, 40)),
              HasSubstr("length"));
}

class PackedRecords : public ::testing::TestWithParam<bool> {
 protected:
  static std::string Packed(const std::string& text) {
    return GetParam() ? Gzip(text) : Zstd(text);
  }
};

TEST_P(PackedRecords, AreThoseOfTheFile) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i) + "\n";
  EXPECT_THAT(ReadTexts(Packed(text), {.document_bytes = 0}), ElementsAre(text));
  EXPECT_THAT(ReadTexts(Packed("one ") + Packed("two")), ElementsAre("one two"));
}

TEST_P(PackedRecords, AreRefusedWhenCutOrBroken) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919 % 100003) + "\n";
  const std::string packed = Packed(text);
  EXPECT_THAT(
      MessageOf(ErrorCode::kCorrupt, [&] { ReadTexts(packed.substr(0, packed.size() - 9)); }),
      HasSubstr("ends before its end"));
  std::string broken = packed;
  for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 64; ++i) broken[i] = '\x5A';
  EXPECT_THROW(ReadTexts(broken), Error);
  EXPECT_THROW(ReadTexts(packed + "tail"), Error);
}

// 200 MB of one letter: what is in memory is a record.
TEST_P(PackedRecords, MayUnpackToAnyLength) {
  const std::string block(std::size_t{50} << 20, 'x');
  const std::string packed = Packed(block);
  const std::string bomb = packed + packed + packed + packed;
  EXPECT_LT(bomb.size(), 1000000U);
  const auto reader = RecordsOf(ByteSourceOver(bomb, "x"), {.path = "x"}, {});
  std::size_t total = 0;
  while (const std::optional<Record> record = reader->Next()) {
    EXPECT_LE(record->bytes.size(), 131072U);
    total += record->bytes.size();
  }
  EXPECT_EQ(total, 4 * block.size());
}
INSTANTIATE_TEST_SUITE_P(Formats, PackedRecords, ::testing::Bool(),
                         [](const auto& format) { return format.param ? "Gzip" : "Zstd"; });

TEST(ZstdRecords, BoundTheWindow) {
  EXPECT_THAT(MessageOf(ErrorCode::kUnsupported, [] { ReadTexts(Zstd("some text", 29)); }),
              HasSubstr("zstd"));
}

TEST(FileKinds, AreKnownByName) {
  EXPECT_EQ(KindOf("a.txt"), FileKind::kText);
  EXPECT_EQ(KindOf("a/b.jsonl"), FileKind::kJsonLines);
  EXPECT_EQ(KindOf("b.ndjson.gz"), FileKind::kJsonLines);
  EXPECT_EQ(KindOf("c.npy.zst"), FileKind::kTokens);
  EXPECT_EQ(KindOf("README"), FileKind::kText);
}

class ListInputsTest : public DataFolder {
 protected:
  Texts Names(const std::vector<std::string>& paths) const {
    Texts names;
    for (const InputFile& file : ListInputs(paths)) {
      names.push_back(file.path.substr(folder_.size() + 1) + (file.named ? " named" : ""));
    }
    return names;
  }
};

TEST_F(ListInputsTest, WalksFoldersInOrderWithoutHiddenFilesAndLinks) {
  Write("b.txt", "b");
  Write("a/z.txt", "z");
  Write("a/c/y.jsonl", "y");
  Write("a/.hidden", "h");
  Write("a/.git/x", "x");
  Write("a/empty", "");
  std::filesystem::create_symlink(Path("b.txt"), Path("a/link"));
  EXPECT_THAT(Names({Path("b.txt"), Path("a")}),
              ElementsAre("b.txt named", "a/c/y.jsonl", "a/z.txt"));
  EXPECT_THAT(MessageOf(ErrorCode::kNotFound, [&] { ListInputs({Path("nowhere")}); }),
              HasSubstr("nowhere"));
  std::filesystem::create_directory(Path("nothing"));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { ListInputs({Path("nothing")}); }),
              HasSubstr("no file in it"));
}

}  // namespace
}  // namespace lts
