#include "lts/io/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/io/pickle.h"
#include "lts/io/zip_file.h"
#include "tests/checkpoint_folder.h"

namespace lts {
namespace {

using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::span<std::byte> Bytes(std::string& text) { return std::as_writable_bytes(std::span(text)); }

template <typename T>
std::string Raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// A zip archive of stored entries; CRCs are 0, as nobody looks.
std::string Zip(const std::vector<std::pair<std::string, std::string>>& files,
                std::uint16_t method = 0, std::uint16_t flags = 0) {
  std::string archive;
  std::string directory;
  for (const auto& [name, contents] : files) {
    const auto offset = static_cast<std::uint32_t>(archive.size());
    const auto size = static_cast<std::uint32_t>(contents.size());
    const std::string common = Raw(std::uint16_t{20}) + Raw(flags) + Raw(method) +
                               std::string(8, '\0') + Raw(size) + Raw(size) +
                               Raw(static_cast<std::uint16_t>(name.size())) + Raw(std::uint16_t{0});
    archive += "PK\3\4" + common + name + contents;
    directory +=
        "PK\1\2" + Raw(std::uint16_t{20}) + common + std::string(10, '\0') + Raw(offset) + name;
  }
  const auto count = static_cast<std::uint16_t>(files.size());
  return archive + directory + "PK\5\6" + std::string(4, '\0') + Raw(count) + Raw(count) +
         Raw(static_cast<std::uint32_t>(directory.size())) +
         Raw(static_cast<std::uint32_t>(archive.size())) + Raw(std::uint16_t{0});
}

std::string Text(std::string_view text) {
  return "X" + Raw(static_cast<std::uint32_t>(text.size())) + std::string(text);
}
std::string Int(std::int32_t value) { return "J" + Raw(value); }
std::string Ints(const std::vector<std::int64_t>& values) {
  std::string tuple = "(";
  for (const std::int64_t value : values) tuple += "\x8a\x08" + Raw(value);
  return tuple + "t";
}

struct TensorPickle {
  std::string type = "FloatStorage";
  std::int32_t elements = 6;
  std::int32_t offset = 0;
  std::vector<std::int64_t> shape = {2, 3};
  std::vector<std::int64_t> strides = {3, 1};
};

std::string Tensor(const TensorPickle& tensor) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + Text("storage") + "ctorch\n" + tensor.type +
         "\n" + Text("0") + Text("cpu") + Int(tensor.elements) + "tQ" + Int(tensor.offset) +
         Ints(tensor.shape) + Ints(tensor.strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}
std::string StateDict(const std::string& items) { return "\x80\x02}(" + items + "u."; }
// An archive of a state_dict and storage "0", 24 bytes: 0, 1, 2, 3, 4, 5.
std::string Archive(const std::string& pickle) {
  std::string storage;
  for (int i = 0; i < 6; ++i) storage += Raw(static_cast<float>(i));
  return Zip({{"a/data.pkl", pickle}, {"a/byteorder", "little"}, {"a/data/0", storage}});
}

std::pair<ErrorCode, std::string> ErrorOf(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return {error.code(), error.what()};
  }
  return {ErrorCode::kIo, "no error"};
}
std::pair<ErrorCode, std::string> ErrorOf(std::string file) {
  return ErrorOf([&] { ParseTorchFile(Bytes(file), "m.bin"); });
}
std::string MessageOf(const TensorPickle& tensor) {
  return ErrorOf(Archive(StateDict(Text("w") + Tensor(tensor)))).second;
}

TEST(ParseTorchFile, ReadsTensorsWhereTheyLie) {
  std::string file =
      Archive(StateDict(Text("w") + Tensor({.offset = 1, .shape = {2, 2}, .strides = {1, 2}})));
  const std::vector<StoredTensor> tensors = ParseTorchFile(Bytes(file), "m.bin");
  ASSERT_EQ(tensors.size(), 1);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_THAT(tensors[0].shape, ElementsAre(2, 2));
  std::vector<float> values(4);
  CopyAsFloat32(AsMatrix(tensors[0]), "w", values.data(), 2);
  EXPECT_THAT(values, ElementsAre(1, 3, 2, 4));
  EXPECT_GE(reinterpret_cast<char*>(tensors[0].bytes.data()), file.data());
}

// Bytes from one row to the next would overflow.
TEST(ParseTorchFile, ForgetsStridesThatAreNeverTaken) {
  std::string file = Archive(
      StateDict(Text("w") + Tensor({.shape = {1, 3}, .strides = {std::int64_t{1} << 62, 2}})));
  const std::vector<StoredTensor> tensors = ParseTorchFile(Bytes(file), "m.bin");
  ASSERT_EQ(tensors.size(), 1);
  EXPECT_THAT(tensors[0].strides, ElementsAre(0, 2));
  std::vector<float> values(3);
  CopyAsFloat32(AsMatrix(tensors[0]), "w", values.data(), 3);
  EXPECT_THAT(values, ElementsAre(0, 2, 4));
}

TEST(ParseTorchFile, ReadsOfLegacyFilesWhatItReadsOfArchives) {
  const StoredTensors legacy = ReadTorchFile(CheckpointFolder("gpt2_legacy/pytorch_model.bin"));
  EXPECT_EQ(legacy.tensors.size(), 32);  // two masks a layer more than weights
  EXPECT_EQ(legacy.tensors[0].name, "wte.weight");
  EXPECT_THAT(legacy.tensors[0].shape, ElementsAre(17, 8));
}

TEST(ParseTorchFile, RejectsTensorsOutsideTheirStorage) {
  EXPECT_EQ(MessageOf({}), "no error");
  EXPECT_THAT(MessageOf({.offset = 1}),
              AllOf(StartsWith("m.bin: tensor 'w'"), HasSubstr("element 6 of a storage of 6")));
  EXPECT_THAT(MessageOf({.shape = {3, 3}}), HasSubstr("element 8"));
  EXPECT_THAT(MessageOf({.strides = {4, 1}}), HasSubstr("element 6"));
  EXPECT_THAT(MessageOf({.elements = 7}), HasSubstr("the file gives it 24 bytes"));
  EXPECT_THAT(MessageOf({.type = "DoubleStorage"}), HasSubstr("the file gives it 24 bytes"));
  EXPECT_THAT(MessageOf({.offset = -1}), HasSubstr("an integer >= 0"));
  EXPECT_THAT(MessageOf({.strides = {-3, 1}}), HasSubstr("an integer >= 0"));
  EXPECT_THAT(MessageOf({.strides = {3}}), HasSubstr("other numbers"));
  constexpr std::int64_t kMany = 0x7FFFFFFF;
  EXPECT_THAT(MessageOf({.shape = {kMany, kMany, kMany}, .strides = {0, 0, 0}}),
              HasSubstr("overflow"));
  EXPECT_THAT(MessageOf({.shape = {2, kMany}, .strides = {kMany, kMany}}), HasSubstr("reaches"));
}

TEST(ParseTorchFile, RefusesWhatIsNoStateDict) {
  for (const std::string& root : {"]."s, "N."s, Tensor({}) + "."}) {
    const auto [code, message] = ErrorOf(Archive("\x80\x02" + root));
    EXPECT_EQ(code, ErrorCode::kUnsupported) << message;
    EXPECT_THAT(message, HasSubstr("no state_dict"));
  }
  EXPECT_THAT(ErrorOf(Archive(StateDict(Text("model") + "}"))).second,
              HasSubstr("is a dictionary: is this a training state?"));
  EXPECT_THAT(ErrorOf(Archive(StateDict(Text("epoch") + Int(3)))).second,
              HasSubstr("tensor 'epoch' is no tensor"));
  EXPECT_THAT(ErrorOf(Archive(StateDict(Int(1) + Tensor({})))).second, HasSubstr("no string"));
  EXPECT_THAT(ErrorOf(Archive(StateDict(Text("w") + Tensor({}) + Text("w") + Tensor({})))).second,
              HasSubstr("is there twice"));
  EXPECT_THAT(ErrorOf("not a file of weights at all").second, HasSubstr("neither a zip archive"));
}

TEST(ParseTorchFile, RefusesToCallAnythingButTorchsOwn) {
  const std::string call =
      "\x80\x02"
      "cos\nsystem\n(" +
      Text("true") + "tR.";
  const auto [code, message] = ErrorOf(Archive(call));
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THAT(message, StartsWith("m.bin: refuses to call os.system;"));
  // Protocol 4 names a function by two strings.
  const std::string named =
      "\x80\x04\x8c\x08"
      "builtins\x8c\x04"
      "eval\x93.";
  EXPECT_THAT(ErrorOf(Archive(named)).second, HasSubstr("refuses to call builtins.eval"));
  // And where a function may stand, one of the list that makes no tensor helps nobody.
  EXPECT_THAT(ErrorOf(Archive(StateDict(Text("w") + "ccollections\nOrderedDict\n)R"))).second,
              HasSubstr("'w'"));
}

TEST(ParseTorchFile, RejectsAFileCutAnywhere) {
  for (const std::string form : {"gpt2_bin", "gpt2_legacy"}) {
    const std::string file = ReadFile(CheckpointFolder(form) + "/pytorch_model.bin");
    for (std::size_t bytes = 0; bytes < file.size(); bytes += 1 + bytes / 64) {
      EXPECT_NE(ErrorOf(file.substr(0, bytes)).second, "no error") << form << " " << bytes;
    }
  }
}

TEST(ParseTorchFile, RefusesCompressedAndEncryptedArchives) {
  EXPECT_THAT(ErrorOf(Zip({{"a/data.pkl", "x"}}, 8)).second,
              HasSubstr("entry 'a/data.pkl' is compressed"));
  EXPECT_THAT(ErrorOf(Zip({{"a/data.pkl", "x"}}, 0, 1)).second, HasSubstr("is encrypted"));
  EXPECT_THAT(ErrorOf(Zip({{"a/data.pkl", "x"}, {"a/data.pkl", "y"}})).second,
              HasSubstr("is there twice"));
  EXPECT_THAT(ErrorOf(Zip({{"a/other", "x"}})).second, HasSubstr("no data.pkl in it"));
  EXPECT_THAT(ErrorOf(Zip({{"a/data.pkl", StateDict("")}, {"a/byteorder", "big"}})).second,
              HasSubstr("big-endian"));
}

TEST(ParseZip, FindsEntriesBeforeAComment) {
  std::string archive = Zip({{"a", "first"}, {"b", ""}});
  archive[archive.size() - 2] = 3;
  archive += "end";
  const std::vector<ZipEntry> entries = ParseZip(Bytes(archive), "z");
  ASSERT_EQ(entries.size(), 2);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].contents.size(), 5);
  EXPECT_TRUE(entries[1].contents.empty());
}

TEST(ParsePickle, ReadsEveryPlainValue) {
  const std::string text =
      "\x80\x02(NJ\xff\xff\xff\xffK\xffM\xff\xff\x8a\x02\x00\x80\x88\x89"s
      "G\x3f\xf8\0\0\0\0\0\0U\x02hi](K\1e]K\2at."s;
  const Pickle pickle = ParsePickle(std::as_bytes(std::span(text)), "p", {});
  const std::vector<PickleId>& items = pickle[pickle.root].items;
  ASSERT_EQ(items.size(), 11);
  EXPECT_EQ(pickle[items[0]].kind, PickleNode::Kind::kNone);
  EXPECT_EQ(pickle[items[1]].integer, -1);
  EXPECT_EQ(pickle[items[2]].integer, 255);
  EXPECT_EQ(pickle[items[3]].integer, 65535);
  EXPECT_EQ(pickle[items[4]].integer, -32768);
  EXPECT_EQ(pickle[items[5]].integer, 1);
  EXPECT_EQ(pickle[items[6]].integer, 0);
  EXPECT_EQ(pickle[items[7]].number, 1.5);
  EXPECT_EQ(pickle[items[8]].text, "hi");
  EXPECT_EQ(pickle[pickle[items[9]].items[0]].integer, 1);
  EXPECT_EQ(pickle[pickle[items[10]].items[0]].integer, 2);
}

TEST(ParsePickle, RejectsProgramsThatAreNone) {
  for (const std::string& program :
       {""s, "K"s, "K\1"s, "t."s, "."s, "\x85."s, "h\0."s, "q\0."s, "}K\1s."s, "K\1K\2s."s,
        "(K\1a."s, "K\1)R."s, "](K\1u."s, "}}b."s, "\xff."s, "\x80\x05N."s, "X\xff\xff\xff\xffx."s,
        "cos"s, "cos\nsystem"s}) {
    EXPECT_NE(ErrorOf([&] { ParsePickle(std::as_bytes(std::span(program)), "p", {}); }).second,
              "no error")
        << testing::PrintToString(program);
  }
}

}  // namespace
}  // namespace lts
