// WriteReport: which files it leaves, also when the disk says no.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/report/sample_report.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

// A few members: every file costs the disk two syncs.
ReportData SmallReport(std::string_view name) {
  ReportData data = SampleReport(name);
  data.evaluated.erase(data.evaluated.begin() + 10, data.evaluated.end());
  return data;
}

class WriteReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) /
              ("lts_report_" + std::to_string(getpid()) + "_" + info->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::set<std::string> Names(const fs::path& folder) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.insert(entry.path().filename().string());
    return names;
  }
  std::string Read(const std::string& name) const { return ReadFile((folder_ / name).string()); }

  fs::path folder_;
};

std::set<std::string> FrontFiles(const ReportData& data) {
  std::set<std::string> names;
  for (const ReportMember& member : data.evaluated) {
    if (member.on_front || member.near_tie) names.insert(member.architecture.Id() + ".json");
  }
  return names;
}

TEST_F(WriteReportTest, WritesEveryFileAndNoOther) {
  const ReportData data = SmallReport("layered");
  WriteReport(data, folder_.string());
  EXPECT_EQ(Names(folder_),
            (std::set<std::string>{"architectures", "evaluated.csv", "front.csv", "front.json",
                                   "front.svg", "report.html", "run.json"}));
  EXPECT_EQ(Read("front.csv"), FrontCsv(data));
  EXPECT_EQ(Read("evaluated.csv"), EvaluatedCsv(data));
  EXPECT_EQ(Read("front.svg"), FrontSvg(data));
  EXPECT_EQ(Read("report.html"), ReportHtml(data));
  EXPECT_EQ(ReadJsonFile((folder_ / "front.json").string()),
            ParseJson(WriteJson(FrontJson(data)), "front"));
  EXPECT_EQ(ReadJsonFile((folder_ / "run.json").string()), data.run);
}

TEST_F(WriteReportTest, ArchitecturesReadBackEqualUnderTheirId) {
  const ReportData data = SmallReport("layered");
  WriteReport(data, folder_.string());
  EXPECT_EQ(Names(folder_ / "architectures"), FrontFiles(data));
  for (const std::string& name : Names(folder_ / "architectures")) {
    const std::string path = (folder_ / "architectures" / name).string();
    EXPECT_EQ(ReadArchitecture(path).Id() + ".json", name);
    EXPECT_EQ(ReadJsonFile(path).Find("arch_type")->AsString(), "gpt2");
  }
}

TEST_F(WriteReportTest, RemovesArchitecturesThatLeftTheFrontAndKeepsNotes) {
  ReportData data = SmallReport("typical");
  WriteReport(data, folder_.string());
  std::ofstream(folder_ / "architectures" / "my-favourite.json") << "{}";
  std::ofstream(folder_ / "architectures" / "notes.txt") << "hello";
  std::ofstream(folder_ / "todo.md") << "hello";
  const auto first = std::find_if(data.evaluated.begin(), data.evaluated.end(),
                                  [](const ReportMember& m) { return m.on_front; });
  ASSERT_NE(first, data.evaluated.end());
  first->on_front = false;
  WriteReport(data, folder_.string());
  std::set<std::string> expected = FrontFiles(data);
  expected.insert({"my-favourite.json", "notes.txt"});
  EXPECT_EQ(Names(folder_ / "architectures"), expected);
  EXPECT_TRUE(fs::exists(folder_ / "todo.md"));
}

TEST_F(WriteReportTest, LeavesUnchangedArchitecturesAlone) {
  const ReportData data = SampleReport("one");
  WriteReport(data, folder_.string());
  const fs::path file = folder_ / "architectures" / *Names(folder_ / "architectures").begin();
  const fs::path linked = folder_ / "same-inode";
  fs::create_hard_link(file, linked);
  WriteReport(data, folder_.string());
  EXPECT_TRUE(fs::equivalent(file, linked));
  std::ofstream(file) << "changed by hand";
  fs::remove(linked);
  WriteReport(data, folder_.string());
  EXPECT_EQ(ReadArchitecture(file.string()).Id() + ".json", file.filename().string());
}

TEST_F(WriteReportTest, WritesHostileNamesAsValidFiles) {
  WriteReport(SmallReport("hostile"), folder_.string());
  EXPECT_NO_THROW(ReadJsonFile((folder_ / "front.json").string()));
  EXPECT_NO_THROW(ReadJsonFile((folder_ / "run.json").string()));
}

TEST_F(WriteReportTest, RefusesAFolderThatCannotBeMade) {
  std::ofstream(folder_.string()) << "a file, not a folder";
  try {
    WriteReport(SampleReport("one"), (folder_ / "out").string());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(folder_.string()));
  }
  EXPECT_TRUE(fs::is_regular_file(folder_));
}

// A limit on the size of files stands for a full disk: the write fails half-way, as it would there.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    rlimit limit = old_limit_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int) = nullptr;
};

TEST_F(WriteReportTest, FullDiskLeavesTheOldReportWhole) {
  const ReportData old_data = SampleReport("one");
  WriteReport(old_data, folder_.string());
  const std::set<std::string> before = Names(folder_);
  {
    const FullDisk full(8192);
    try {
      WriteReport(SmallReport("layered"), folder_.string());
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo);
    }
  }
  EXPECT_EQ(Names(folder_), before) << "no temporary stays behind";
  EXPECT_EQ(Read("report.html"), ReportHtml(old_data));
  EXPECT_EQ(Read("front.json"), WriteJson(FrontJson(old_data)) + "\n");
  for (const std::string& name : FrontFiles(old_data))
    EXPECT_TRUE(fs::exists(folder_ / "architectures" / name));
}

}  // namespace
}  // namespace lts
