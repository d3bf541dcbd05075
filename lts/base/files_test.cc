#include "lts/base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "lts/base/error.h"
#include "lts/base/json.h"

namespace lts {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = (fs::temp_directory_path() / "lts_files_XXXXXX").string();
    LTS_CHECK(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~FilesTest() override {
    std::error_code error;
    fs::remove_all(folder_, error);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::size_t EntryCount() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  static std::string MessageOf(ErrorCode code, const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      return e.what();
    }
    return "no error";
  }

  std::string folder_;
};

// Writes beyond `bytes` fail with EFBIG, as on a full disk but for the errno.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(FilesTest, ReadsWhatWasWritten) {
  std::string bytes(300'000, 'x');
  bytes[5] = '\0';
  bytes[7] = '\n';
  WriteFileAtomic(Path("a"), bytes);
  EXPECT_EQ(ReadFile(Path("a")), bytes);
  WriteFileAtomic(Path("a"), "");
  EXPECT_EQ(ReadFile(Path("a")), "");
  EXPECT_EQ(EntryCount(), 1u);
}

TEST_F(FilesTest, ReadsFilesThatStateNoSize) {
  EXPECT_FALSE(ReadFile("/proc/self/status").empty());
}

TEST_F(FilesTest, ReadsAtMostMaxBytes) {
  WriteFileAtomic(Path("a"), "12345");
  EXPECT_EQ(ReadFile(Path("a"), 5), "12345");
  EXPECT_EQ(MessageOf(ErrorCode::kInvalidArgument, [&] { ReadFile(Path("a"), 4); }),
            Path("a") + ": the file is too large, expected at most 4 bytes");
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { ReadFile("/proc/self/status", 4); }),
              HasSubstr("too large"));
}

TEST_F(FilesTest, RefusesToReadFoldersDevicesAndPipes) {
  EXPECT_EQ(MessageOf(ErrorCode::kInvalidArgument, [&] { ReadFile(folder_); }),
            folder_ + ": is a folder, expected a regular file");
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { ReadFile("/dev/zero"); }),
              HasSubstr("is a device or pipe"));
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { ReadFile(Path("fifo")); }),
              HasSubstr("is a device or pipe"));
}

TEST_F(FilesTest, SaysWhichFileIsMissing) {
  EXPECT_EQ(MessageOf(ErrorCode::kNotFound, [&] { ReadFile(Path("absent")); }),
            Path("absent") + ": cannot open: No such file or directory");
  EXPECT_EQ(MessageOf(ErrorCode::kNotFound, [&] { ReadFile(Path("bad\nname")); }),
            folder_ + "/bad\\nname: cannot open: No such file or directory");
}

TEST_F(FilesTest, SaysWhichFolderIsMissing) {
  EXPECT_EQ(MessageOf(ErrorCode::kNotFound, [&] { WriteFileAtomic(Path("no/a"), "x"); }),
            Path("no/a") + ": cannot create a file in its folder: No such file or directory");
}

TEST_F(FilesTest, RefusesAFolderThatCannotBeWrittenTo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::create_directory(Path("locked"));
  fs::permissions(Path("locked"), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { WriteFileAtomic(Path("locked/a"), "x"); }),
              HasSubstr("Permission denied"));
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { EnsureWritableFolder(Path("locked")); }),
              HasSubstr("Permission denied"));
}

TEST_F(FilesTest, FailedWriteKeepsTheOldFileAndLeavesNothingElse) {
  WriteFileAtomic(Path("a"), "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_THAT(
        MessageOf(ErrorCode::kIo, [&] { WriteFileAtomic(Path("a"), std::string(100'000, 'x')); }),
        StartsWith(Path("a") + ": cannot write: File too large"));
  }
  EXPECT_EQ(ReadFile(Path("a")), "old");
  EXPECT_EQ(EntryCount(), 1u);
}

TEST_F(FilesTest, FailedReplacementLeavesNothing) {
  fs::create_directories(Path("folder/full"));
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { WriteFileAtomic(Path("folder"), "x"); }),
              StartsWith(Path("folder") + ": cannot replace: "));
  EXPECT_EQ(EntryCount(), 1u);
}

TEST_F(FilesTest, TakesAFileBesideOneOfThisProcessThatWasLeftBehind) {
  // The names of the next temporaries are taken, as after a crash of a process with the same id.
  for (int i = 0; i < 50; ++i) {
    WriteFileAtomic(Path(".lts-" + std::to_string(::getpid()) + "-" + std::to_string(i) + ".tmp"),
                    "");
  }
  WriteFileAtomic(Path("a"), "x");
  EXPECT_EQ(ReadFile(Path("a")), "x");
}

TEST_F(FilesTest, NewFilesAreReadableByOthersAsFarAsTheUmaskAllows) {
  const mode_t before = ::umask(0027);
  WriteFileAtomic(Path("a"), "x");
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(Path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(FilesTest, WritesBesideTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  WriteFileAtomic("plain", "x");
  EnsureWritableFolder("sub");
  fs::current_path(before);
  EXPECT_EQ(ReadFile(Path("plain")), "x");
  EXPECT_TRUE(fs::is_directory(Path("sub")));
}

TEST_F(FilesTest, MakesAFolderWithItsParentsAndLeavesItEmpty) {
  EnsureWritableFolder(Path("a/b/c"));
  EnsureWritableFolder(Path("a/b/c"));  // also when it is there
  EnsureWritableFolder(Path("d/"));
  EXPECT_TRUE(fs::is_directory(Path("a/b/c")));
  EXPECT_TRUE(fs::is_empty(Path("a/b/c")));
}

TEST_F(FilesTest, RefusesAFileAsAFolder) {
  WriteFileAtomic(Path("a"), "x");
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { EnsureWritableFolder(Path("a")); }),
              StartsWith(Path("a") + ": cannot create the folder: Not a directory"));
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { EnsureWritableFolder(Path("a/b")); }),
              HasSubstr("Not a directory"));
}

TEST_F(FilesTest, FindsAFullFolderBeforeItIsNeeded) {
  const FileSizeLimit limit(100);
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { EnsureWritableFolder(Path("new")); }),
              HasSubstr("cannot write: File too large"));
  EXPECT_TRUE(fs::is_empty(Path("new")));
}

TEST_F(FilesTest, ReadsJsonOrTomlByTheName) {
  WriteFileAtomic(Path("a.json"), R"({"x": 1})");
  WriteFileAtomic(Path("a.toml"), "x = 1\n");
  EXPECT_EQ(ReadJsonFile(Path("a.json")), ReadJsonFile(Path("a.toml")));
  WriteFileAtomic(Path("b.json"), "x = 1\n");
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { ReadJsonFile(Path("b.json")); }),
              StartsWith(Path("b.json") + ": line 1, column 1: "));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument,
                        [&] { ReadJsonFile(Path("a.json"), {.max_bytes = 3}); }),
              HasSubstr("too large"));
}

TEST_F(FilesTest, AnAtomicFileAppearsByCommitAlone) {
  {
    AtomicFile file(Path("out"));
    file.Write("one ");
    EXPECT_FALSE(fs::exists(Path("out")));
    file.Write("two");
    file.Commit();
    EXPECT_EQ(ReadFile(Path("out")), "one two");
  }
  EXPECT_EQ(ReadFile(Path("out")), "one two");
  EXPECT_EQ(EntryCount(), 1U);
}

TEST_F(FilesTest, AnAtomicFileThatIsNotCommittedLeavesNothing) {
  {
    AtomicFile file(Path("out"));
    file.Write("half");
  }
  EXPECT_EQ(EntryCount(), 0U);
  WriteFileAtomic(Path("out"), "old");
  {
    AtomicFile file(Path("out"));
    file.Write("half of the new");
  }
  EXPECT_EQ(ReadFile(Path("out")), "old");
  EXPECT_EQ(EntryCount(), 1U);
}

TEST_F(FilesTest, AnAtomicFileReplacesWhatWasThere) {
  WriteFileAtomic(Path("out"), "a much longer old file");
  AtomicFile file(Path("out"));
  file.Write("new");
  EXPECT_EQ(ReadFile(Path("out")), "a much longer old file");
  file.Commit();
  EXPECT_EQ(ReadFile(Path("out")), "new");
  EXPECT_EQ(EntryCount(), 1U);
}

TEST_F(FilesTest, AnAtomicFileInAMissingFolderSaysSo) {
  const std::string path = Path("none") + "/out";
  EXPECT_THAT(MessageOf(ErrorCode::kNotFound, [&] { AtomicFile file(path); }), HasSubstr(path));
  EXPECT_EQ(EntryCount(), 0U);
}

TEST_F(FilesTest, MapsAFileAndWritesToCopiesAlone) {
  const std::string path = folder_ + "/weights";
  const std::string contents(100000, 'w');  // pages and a rest
  WriteFileAtomic(path, contents);
  const auto text = [](const MappedFile& file) {
    return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  };
  const MappedFile file(path);
  EXPECT_EQ(text(file), contents);
  file.bytes()[5] = std::byte{'x'};
  EXPECT_EQ(text(file)[5], 'x');
  EXPECT_EQ(ReadFile(path), contents);
  EXPECT_EQ(text(MappedFile(path)), contents);
}

TEST_F(FilesTest, AMappedFileStaysWhenItsNameIsReplaced) {
  const std::string path = folder_ + "/weights";
  WriteFileAtomic(path, "old");
  const MappedFile file(path);
  WriteFileAtomic(path, "new");
  EXPECT_EQ(file.bytes()[0], std::byte{'o'});
}

TEST_F(FilesTest, MapsAnEmptyFileAndRefusesWhatIsNoFile) {
  WriteFileAtomic(folder_ + "/empty", "");
  EXPECT_TRUE(MappedFile(folder_ + "/empty").bytes().empty());
  const auto message = [](const std::string& path) -> std::string {
    try {
      const MappedFile file(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message(folder_), HasSubstr("is a folder, expected a regular file"));
  EXPECT_THAT(message(folder_ + "/absent"), HasSubstr("cannot open"));
}

}  // namespace
}  // namespace lts
