// Files that are no stores, of another version, damaged, or where nothing can be written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/store/store.h"
#include "lts/store/store_test_data.h"

namespace lts {
namespace {

using namespace store_test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StoreDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        store_test::ScratchFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path() const { return folder_ / "lts.db"; }

  void MakeStore() const {
    Store store(Path());
    const std::int64_t id = store.CreateRun(SomeRun());
    for (std::int64_t i = 0; i < 3; ++i) {
      const RunEvaluation evaluation = SomeEvaluation(i);
      store.SaveEvaluation(SomeArchitecture(i), SomeKey(), SomeEnvironment(), {SomeMeasurement()},
                           id, &evaluation);
    }
    store.CanaryReference("machine", "canary", Json::MakeObject());
  }
  // Behind the store's back.
  void RunSql(const std::string& sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(Path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  static void ReadEverything(const std::string& path) {
    Store store(path);
    store.LastRun();
    store.RunEvaluations(1);
    for (std::int64_t i = 0; i < 3; ++i) {
      store.FindArchitecture(SomeArchitecture(i).Id());
      store.FindMeasurements(SomeArchitecture(i).Id(), SomeKey());
    }
    store.CanaryReference("machine", "canary", Json::MakeObject());
  }
  void ExpectError(ErrorCode code, const std::string& text) const {
    try {
      ReadEverything(Path());
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(Path()));
      EXPECT_THAT(error.what(), HasSubstr(text));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
  }

  std::filesystem::path folder_;
};

TEST_F(StoreDamageTest, RefusesAFileThatIsNoDatabaseAndLeavesItAlone) {
  const std::string text(5000, 'x');
  std::ofstream(Path()) << text;
  ExpectError(ErrorCode::kCorrupt, "not a database");
  EXPECT_EQ(ReadFile(Path()), text);
}

TEST_F(StoreDamageTest, RefusesADatabaseOfSomethingElseAndLeavesItAlone) {
  RunSql("CREATE TABLE contacts (name TEXT)");
  const std::string before = ReadFile(Path());
  ExpectError(ErrorCode::kCorrupt, "not a store of lts");
  EXPECT_EQ(ReadFile(Path()), before);
}

TEST_F(StoreDamageTest, RefusesANewerSchema) {
  MakeStore();
  RunSql("PRAGMA user_version = 99");
  ExpectError(ErrorCode::kCorrupt, "schema version 99");
}

TEST_F(StoreDamageTest, RefusesAVersionThatNeverWas) {
  MakeStore();
  RunSql("PRAGMA user_version = 0");
  ExpectError(ErrorCode::kCorrupt, "schema version 0");
}

TEST_F(StoreDamageTest, RefusesAStoreWithoutItsTables) {
  for (const char* version : {"1", "2"}) {
    RunSql("PRAGMA application_id = 0x4C545331; PRAGMA user_version = " + std::string(version) +
           "; CREATE TABLE IF NOT EXISTS a (b);");
    ExpectError(ErrorCode::kCorrupt, "no such table");
  }
}

// As version 1 made it: without the type of the KV cache.
TEST_F(StoreDamageTest, BringsAStoreOfVersion1UpToDateAndKeepsWhatItHolds) {
  MeasurementKey narrow = SomeKey();
  narrow.config.dtype = DType::kInt8;
  {
    Store store(Path());
    for (const MeasurementKey& key : {SomeKey(), narrow})
      store.SaveEvaluation(SomeArchitecture(), key, SomeEnvironment(), {SomeMeasurement()});
  }
  RunSql(
      "PRAGMA foreign_keys = 0; BEGIN;"
      "CREATE TABLE old (id INTEGER PRIMARY KEY, environment_id INTEGER NOT NULL REFERENCES "
      "environments (id), runtime TEXT NOT NULL, dtype TEXT NOT NULL, threads INTEGER NOT NULL, "
      "prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, batch INTEGER NOT NULL, "
      "UNIQUE (environment_id, runtime, dtype, threads, prompt_tokens, output_tokens, batch)) "
      "STRICT;"
      "INSERT INTO old SELECT id, environment_id, runtime, dtype, threads, prompt_tokens, "
      "output_tokens, batch FROM keys;"
      "DROP TABLE keys; ALTER TABLE old RENAME TO keys; PRAGMA user_version = 1; COMMIT;");
  for (int opened = 0; opened < 2; ++opened) {
    Store store(Path());
    for (MeasurementKey key : {SomeKey(), narrow}) {
      EXPECT_EQ(store.FindMeasurements(SomeArchitecture().Id(), key).size(), 1U);
      key.config.kv_dtype = key.config.cache_dtype();
      EXPECT_EQ(store.FindMeasurements(SomeArchitecture().Id(), key).size(), 1U);
      key.config.kv_dtype = DType::kInt8;
      EXPECT_EQ(store.FindMeasurements(SomeArchitecture().Id(), key).size(), opened);
      store.SaveEvaluation(SomeArchitecture(), key, SomeEnvironment(), {SomeMeasurement()});
    }
    EXPECT_TRUE(store.IntegrityCheck().empty());
  }
}

TEST_F(StoreDamageTest, UsesAnEmptyFileAsANewStore) {
  std::ofstream(Path()).flush();
  EXPECT_FALSE(Store(Path()).LastRun().has_value());
}

TEST_F(StoreDamageTest, FailsWhereNothingCanBeWritten) {
  try {
    Store store("/proc/lts.db");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("/proc/lts.db"));
    EXPECT_THAT(error.what(), HasSubstr("unable to open"));
  }
  EXPECT_THROW(Store(folder_.string()), Error);
  EXPECT_THROW(Store(folder_ / "missing" / "lts.db"), Error);
}

TEST_F(StoreDamageTest, RefusesDamagedRows) {
  const struct {
    const char* sql;
    const char* text;
  } kCases[] = {
      {"UPDATE measurements SET metric = 'latncy_ms'", "latency_ms"},
      {"UPDATE measurements SET samples_json = '[1,'", "measurement of"},
      {"UPDATE measurements SET samples_json = '{}'", "expected array"},
      {"UPDATE measurements SET samples_json = '[1,\"a\"]'", "measurement of"},
      {"UPDATE measurements SET value = 9e999", "finite"},
      {"PRAGMA ignore_check_constraints = 1; UPDATE measurements SET noisy = 7", "noisy"},
      {"UPDATE architectures SET config_json = '{'", "architecture 'gpt2_"},
      {"UPDATE architectures SET config_json = '[]'", "architecture 'gpt2_"},
      {"UPDATE architectures SET config_json = replace(config_json, '64', '66')", "has the id"},
      {"UPDATE runs SET options_json = 'x'", "run 1"},
      {"UPDATE runs SET environment_json = '{\"isa\": 3}'", "run 1"},
      {"UPDATE runs SET status = 'finnished'", "finished"},
      {"UPDATE runs SET elapsed_s = -9e999", "finite"},
      {"PRAGMA foreign_keys = 0; DELETE FROM run_evaluations WHERE position = 1", "evaluation 1"},
      {"UPDATE run_evaluations SET objectives_json = 'null'", "evaluation 0"},
      {"UPDATE run_evaluations SET iteration = -1", "iteration"},
      {"UPDATE canary_references SET reference_json = ''", "canary reference"},
      {"DROP TABLE measurements", "no such table"},
      {"ALTER TABLE runs DROP COLUMN stopped", "no such column"},
      {"DROP TABLE canary_references; CREATE VIEW canary_references AS SELECT 1 AS "
       "environment_key, 1 AS canary_key, 1 AS reference_json",
       "canary_references"},
  };
  for (const auto& damage : kCases) {
    SCOPED_TRACE(damage.sql);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    MakeStore();
    ReadEverything(Path());  // sound before
    RunSql(damage.sql);
    ExpectError(ErrorCode::kCorrupt, damage.text);
  }
}

// Mutations of a seed that is refused at the door would test nothing.
TEST_F(StoreDamageTest, TheSeedOfTheFuzzerIsAStoreOfThisVersion) {
  std::filesystem::copy_file(LTS_SOURCE_DIR "/tests/corpus/store_fuzz/two_evaluations.db", Path());
  Store store(Path());
  EXPECT_THAT(store.IntegrityCheck(), IsEmpty());
  EXPECT_EQ(store.RunEvaluations(1).size(), 2U);
  EXPECT_EQ(store.FindMeasurements(SomeArchitecture(1).Id(), SomeKey()).size(), 2U);
}

TEST_F(StoreDamageTest, IntegrityCheckFindsADanglingReference) {
  MakeStore();
  RunSql("PRAGMA foreign_keys = 0; DELETE FROM architectures");
  EXPECT_THAT(Store(Path()).IntegrityCheck(), Not(IsEmpty()));
}

TEST_F(StoreDamageTest, OverwrittenPagesAreAnErrorOrAFinding) {
  MakeStore();
  std::string bytes = ReadFile(Path());
  ASSERT_GT(bytes.size(), 12288U);
  for (std::size_t at = 4096; at + 4096 <= bytes.size(); at += 4096) {
    std::string damaged = bytes;
    for (std::size_t i = 0; i < 4096; ++i) damaged[at + i] = static_cast<char>(i * 37 + 11);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(Path(), std::ios::binary) << damaged;
    try {
      Store store(Path());
      EXPECT_THAT(store.IntegrityCheck(), Not(IsEmpty())) << "page at " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.what();
    }
  }
}

}  // namespace
}  // namespace lts
