// Finding and opening the library: every way in which a file can be wrong gives one clear line.
#include "lts/runtime/ort/library.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "lts/base/error.h"

namespace lts::ort {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

namespace fs = std::filesystem;

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A shared library that every process has, and that is not ONNX Runtime.
fs::path OtherLibrary() {
  fs::path found;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        if (std::strstr(info->dlpi_name, "libm.so") != nullptr) {
          *static_cast<fs::path*>(out) = info->dlpi_name;
        }
        return 0;
      },
      &found);
  return found;
}

class LibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "lts-ort-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path Write(const std::string& name, const std::string& contents) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << contents;
    return folder_ / name;
  }
  // OtherLibrary() with some bytes of its header changed.
  template <typename Change>
  fs::path WriteChanged(const std::string& name, const Change& change) const {
    std::string bytes = Contents(OtherLibrary());
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    change(header);
    std::memcpy(bytes.data(), &header, sizeof(header));
    return Write(name, bytes);
  }

  static Error ErrorOf(const LibraryPlaces& places) {
    try {
      OpenLibrary(places);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error;
    }
    ADD_FAILURE() << "opened";
    return {ErrorCode::kCancelled, ""};
  }
  static Error ErrorOfNamed(const fs::path& path) {
    LibraryPlaces places;
    places.named = path.string();
    return ErrorOf(places);
  }

  fs::path folder_;
};

TEST_F(LibraryTest, NamesTheOptionAndTheMissingFile) {
  const Error error = ErrorOfNamed(folder_ / "none.so");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.what(),
              AllOf(StartsWith("--ort-library: "), HasSubstr("none.so: no such file")));
}

TEST_F(LibraryTest, NamesTheVariable) {
  LibraryPlaces places;
  places.environment = (folder_ / "none.so").string();
  EXPECT_THAT(ErrorOf(places).what(), StartsWith("$LTS_ORT_LIBRARY: "));
}

TEST_F(LibraryTest, RefusesAFolder) {
  const Error error = ErrorOfNamed(folder_);
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("is a folder"));
}

TEST_F(LibraryTest, RefusesAPipeWithoutWaitingForIt) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const Error error = ErrorOfNamed(folder_ / "pipe");
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("is no regular file"));
}

TEST_F(LibraryTest, RefusesADevice) {
  EXPECT_THAT(ErrorOfNamed("/dev/zero").what(), HasSubstr("is no regular file"));
}

TEST_F(LibraryTest, RefusesWhatIsNoSharedLibrary) {
  for (const std::string& contents : {std::string(), std::string("E"),
                                      std::string("\x7f"
                                                  "ELF"),
                                      std::string("#!/bin/sh\n"), std::string(1000, '\0')}) {
    const Error error = ErrorOfNamed(Write("text.so", contents));
    EXPECT_TRUE(error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kCorrupt)
        << error.what();
  }
  EXPECT_THAT(ErrorOfNamed(Write("text.so", "hello")).what(), HasSubstr("it is not an ELF file"));
}

TEST_F(LibraryTest, EscapesAPathThatWouldBreakTheLine) {
  EXPECT_EQ(ErrorOfNamed(folder_ / "two\nlines").code(), ErrorCode::kNotFound);
}

TEST_F(LibraryTest, RefusesATruncatedLibraryWhereverItEnds) {
  ASSERT_FALSE(OtherLibrary().empty());
  const std::string whole = Contents(OtherLibrary());
  for (const std::size_t size :
       {std::size_t{30}, std::size_t{64}, std::size_t{200}, whole.size() / 2, whole.size() - 1}) {
    const Error error = ErrorOfNamed(Write("cut.so", whole.substr(0, size)));
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << size;
    EXPECT_THAT(error.what(), HasSubstr("truncated: ")) << size;
  }
}

TEST_F(LibraryTest, RefusesAnotherMachinesLibrary) {
  const Error error =
      ErrorOfNamed(WriteChanged("other.so", [](Elf64_Ehdr& h) { h.e_machine = EM_PPC64; }));
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("is for 64-bit PowerPC, but this program is for"));
  const Error narrow = ErrorOfNamed(
      WriteChanged("narrow.so", [](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = ELFCLASS32; }));
  EXPECT_EQ(narrow.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(narrow.what(), HasSubstr("32-bit"));
}

TEST_F(LibraryTest, RefusesDamagedHeaders) {
  const auto code = [&](auto change) { return ErrorOfNamed(WriteChanged("x.so", change)).code(); };
  EXPECT_EQ(code([](Elf64_Ehdr& h) { h.e_phoff = ~std::uint64_t{0}; }), ErrorCode::kCorrupt);
  EXPECT_EQ(code([](Elf64_Ehdr& h) { h.e_shoff = ~std::uint64_t{0} - 8; }), ErrorCode::kCorrupt);
  EXPECT_EQ(code([](Elf64_Ehdr& h) { h.e_phnum = 0; }), ErrorCode::kCorrupt);
  EXPECT_EQ(code([](Elf64_Ehdr& h) { h.e_phentsize = 1; }), ErrorCode::kCorrupt);
  EXPECT_EQ(code([](Elf64_Ehdr& h) { h.e_type = ET_REL; }), ErrorCode::kInvalidArgument);
}

TEST_F(LibraryTest, RefusesALibraryThatIsNotOnnxRuntime) {
  ASSERT_FALSE(OtherLibrary().empty());
  const Error error = ErrorOfNamed(OtherLibrary());
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("not ONNX Runtime: it has no OrtGetApiBase"));
}

TEST_F(LibraryTest, RefusesALibraryThatIsTooOld) {
  const Error error = ErrorOfNamed(LTS_OLD_ONNXRUNTIME);
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("ONNX Runtime '1.18.1' is too old, expected 1.19 or newer"));
}

TEST_F(LibraryTest, SaysHowToGetItWhereItIsMissing) {
  LibraryPlaces places;
  places.system_names = {"libno-such-library-anywhere.so.1"};
  places.folders = {folder_, folder_ / "none"};
  const Error error = ErrorOf(places);
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_STREQ(error.what(),
               "libonnxruntime.so 1.19 or newer is not on this machine; get it by `make "
               "onnxruntime`, or name one with --ort-library or $LTS_ORT_LIBRARY");
}

TEST_F(LibraryTest, ListsWhatItPassedOver) {
  Write("a/libonnxruntime.so.1.9.0", "old");
  Write("a/libonnxruntime.so.1.20.1", "newest: the one that counts");
  Write("a/libonnxruntime.so.1.3", "oldest");
  Write("a/libonnxruntime_providers_shared.so", "another");
  LibraryPlaces places;
  places.folders = {folder_ / "a"};
  EXPECT_THAT(ErrorOf(places).what(),
              AllOf(HasSubstr("is not on this machine"), HasSubstr("so.1.20.1: no shared library"),
                    Not(HasSubstr("so.1.9.0"))));
}

TEST_F(LibraryTest, KnowsThePlacesOfThisMachine) {
  const LibraryPlaces places = PlacesHere("/some/lib.so");
  EXPECT_EQ(places.named, "/some/lib.so");
  EXPECT_FALSE(places.system_names.empty());
  EXPECT_EQ(PlacesHere("").named, "");
}

TEST_F(LibraryTest, LooksIntoEveryKindOfPythonTheActiveOneFirst) {
  for (const char* python :
       {"venv/lib/python3.11", "conda/lib/python3.9", "conda/lib/python3.12",
        "pyenv/versions/3.9.1/lib/python3.9", "pyenv/versions/3.12.4/lib/python3.12",
        "home/.local/lib/python3.11", "home/.pyenv/versions/3.8.0/lib/python3.8"}) {
    fs::create_directories(folder_ / python);
  }
  std::map<std::string, std::string> variables = {{"VIRTUAL_ENV", (folder_ / "venv").string()},
                                                  {"CONDA_PREFIX", (folder_ / "conda").string()},
                                                  {"PYENV_ROOT", (folder_ / "pyenv").string()},
                                                  {"HOME", (folder_ / "home").string()},
                                                  {"XDG_DATA_HOME", (folder_ / "data").string()},
                                                  {"LTS_ORT_LIBRARY", "/by/variable.so"}};
  // Folders below this test's, without what a package adds.
  const auto found = [&] {
    std::vector<std::string> inside;
    for (const fs::path& folder :
         PlacesOf("", [&](const char* name) { return variables[name]; }).folders) {
      const std::string path = folder.lexically_relative(folder_).string();
      const std::string package = "/site-packages/onnxruntime/capi";
      if (path.ends_with(package) && !path.starts_with(".."))
        inside.push_back(path.substr(0, path.size() - package.size()));
    }
    return inside;
  };
  EXPECT_THAT(found(),
              ElementsAre("venv/lib/python3.11", "conda/lib/python3.12", "conda/lib/python3.9",
                          "pyenv/versions/3.12.4/lib/python3.12",
                          "pyenv/versions/3.9.1/lib/python3.9", "home/.local/lib/python3.11"));
  const LibraryPlaces places = PlacesOf("", [&](const char* name) { return variables[name]; });
  EXPECT_EQ(places.environment, "/by/variable.so");
  EXPECT_EQ(places.folders.back(), folder_ / "data" / "lts" / "onnxruntime");
  for (const char* unset : {"VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "XDG_DATA_HOME"}) {
    variables[unset].clear();
  }
  EXPECT_THAT(found(), ElementsAre("home/.pyenv/versions/3.8.0/lib/python3.8",
                                   "home/.local/lib/python3.11"));
  EXPECT_EQ(PlacesOf("", [&](const char* name) { return variables[name]; }).folders.back(),
            folder_ / "home" / ".local" / "share" / "lts" / "onnxruntime");
}

// With the library at hand.
class RealLibraryTest : public LibraryTest {
 protected:
  void SetUp() override {
    LibraryTest::SetUp();
    try {
      library_ = &OpenLibrary(PlacesHere(""));
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    if (library_->path().empty()) GTEST_SKIP() << "the system's library: its file is not known";
  }
  const Api* library_ = nullptr;
};

TEST_F(RealLibraryTest, OpensOneFileOnceUnderWhateverName) {
  fs::create_symlink(library_->path(), folder_ / "link.so");
  LibraryPlaces places;
  places.named = (folder_ / "link.so").string();
  EXPECT_EQ(&OpenLibrary(places), library_);
}

TEST_F(RealLibraryTest, FindsTheNewestInAFolder) {
  fs::create_symlink(library_->path(), folder_ / "libonnxruntime.so.1.100.0");
  Write("libonnxruntime.so.1.99.0", "not a library");
  LibraryPlaces places;
  places.folders = {folder_ / "none", folder_};
  EXPECT_EQ(&OpenLibrary(places), library_);
}

TEST_F(RealLibraryTest, PassesOverWhatIsNoGood) {
  Write("bad/libonnxruntime.so.1.99.0", "not a library");
  fs::create_directories(folder_ / "good");
  fs::create_symlink(library_->path(), folder_ / "good" / "libonnxruntime.so");
  LibraryPlaces places;
  places.folders = {folder_ / "bad", folder_ / "good"};
  EXPECT_EQ(&OpenLibrary(places), library_);
}

TEST_F(RealLibraryTest, KnowsItsVersion) {
  EXPECT_THAT(library_->version(), ::testing::MatchesRegex("1\\.[0-9]+\\.[0-9]+.*"));
}

}  // namespace
}  // namespace lts::ort
