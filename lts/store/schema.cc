#include "lts/store/schema.h"

#include <fmt/format.h>

namespace lts {
namespace {

constexpr std::int64_t kApplicationId = 0x4C545331;  // "LTS1": what `file` shows and what we check
constexpr std::int64_t kSchemaVersion = 1;

// STRICT: a column holds its type or the write fails. Texts named *_json are JSON.
constexpr const char* kSchema = R"sql(
-- Machines with their software: Environment::key() and the first Environment seen with that key.
CREATE TABLE environments (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  environment_json TEXT NOT NULL
) STRICT;

-- Shapes, by Architecture::Id(); config_json is what ParseArchitecture reads.
CREATE TABLE architectures (
  id TEXT PRIMARY KEY,
  config_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- MeasurementKey: where and under what load something was measured.
CREATE TABLE keys (
  id INTEGER PRIMARY KEY,
  environment_id INTEGER NOT NULL REFERENCES environments (id),
  runtime TEXT NOT NULL,
  dtype TEXT NOT NULL,
  threads INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (environment_id, runtime, dtype, threads, prompt_tokens, output_tokens, batch)
) STRICT;

-- Measurement; samples_json is an array of numbers in order of time.
CREATE TABLE measurements (
  key_id INTEGER NOT NULL REFERENCES keys (id),
  architecture_id TEXT NOT NULL REFERENCES architectures (id),
  metric TEXT NOT NULL,
  value REAL NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL,
  p95 REAL NOT NULL,
  samples_json TEXT NOT NULL,
  drift REAL NOT NULL,
  noisy INTEGER NOT NULL CHECK (noisy IN (0, 1)),
  source TEXT NOT NULL,
  PRIMARY KEY (key_id, architecture_id, metric)
) STRICT, WITHOUT ROWID;

-- RunRecord.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_utc TEXT NOT NULL,
  finished_utc TEXT NOT NULL,
  command_line TEXT NOT NULL,
  options_json TEXT NOT NULL,
  environment_json TEXT NOT NULL,
  status TEXT NOT NULL,
  stopped TEXT NOT NULL,
  elapsed_s REAL NOT NULL
) STRICT;

-- RunEvaluation; position is its index, objectives_json an array of numbers (empty when the candidate failed).
CREATE TABLE run_evaluations (
  run_id INTEGER NOT NULL REFERENCES runs (id),
  position INTEGER NOT NULL CHECK (position >= 0),
  iteration INTEGER NOT NULL,
  architecture_id TEXT NOT NULL REFERENCES architectures (id),
  feasible INTEGER NOT NULL CHECK (feasible IN (0, 1)),
  reused INTEGER NOT NULL CHECK (reused IN (0, 1)),
  at_s REAL NOT NULL,
  objectives_json TEXT NOT NULL,
  PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

-- Reference times of the canary, by Environment::key() and by what the canary ran.
CREATE TABLE canary_references (
  environment_key TEXT NOT NULL,
  canary_key TEXT NOT NULL,
  reference_json TEXT NOT NULL,
  PRIMARY KEY (environment_key, canary_key)
) STRICT, WITHOUT ROWID;
)sql";

// False: the database is empty and may become a store.
bool CheckIdentity(Database& database) {
  // One statement, so one snapshot: another process may create the store between two of them.
  Statement header(database,
                   "SELECT (SELECT application_id FROM pragma_application_id), "
                   "(SELECT user_version FROM pragma_user_version), "
                   "(SELECT count(*) FROM sqlite_master)");
  if (!header.Next()) database.FailCorrupt("the header cannot be read");
  const std::int64_t application = header.Int(0);
  const std::int64_t version = header.Int(1);
  const std::int64_t tables = header.Int(2);
  if (application == 0 && version == 0 && tables == 0) return false;
  if (application != kApplicationId) {
    database.FailCorrupt(fmt::format(
        "not a store of lts (a database with application id {:#x}); choose another file",
        application));
  }
  if (version > kSchemaVersion) {
    database.FailCorrupt(
        fmt::format("schema version {}, expected at most {}; a newer lts wrote this "
                    "file: use that one, or another folder",
                    version, kSchemaVersion));
  }
  if (version != kSchemaVersion) {
    database.FailCorrupt(fmt::format("schema version {}, expected {}", version, kSchemaVersion));
  }
  return true;
}

}  // namespace

void CreateOrCheckSchema(Database& database) {
  // Identity first: a database of somebody else must not even change its journal mode.
  const bool exists = CheckIdentity(database);
  database.UseWriteAheadLog();
  if (exists) return;
  Transaction transaction(database);
  if (CheckIdentity(database)) return;  // another process was faster
  database.Execute(kSchema);
  database.Execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};",
                               kApplicationId, kSchemaVersion)
                       .c_str());
  transaction.Commit();
}

}  // namespace lts
