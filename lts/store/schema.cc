#include "lts/store/schema.h"

#include <fmt/format.h>

namespace lts {
namespace {

constexpr std::int64_t kApplicationId = 0x4C545331;  // "LTS1": what `file` shows and what we check
constexpr std::int64_t kSchemaVersion = 2;

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
  kv_dtype TEXT NOT NULL,  -- since version 2
  threads INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (environment_id, runtime, dtype, kv_dtype, threads, prompt_tokens, output_tokens, batch)
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

// Version 1 had no choice of the KV cache: it was what goes with the weights, CacheDType(dtype).
// The constraint of the table changes, so the table is made again, with the same ids.
constexpr const char* kFromVersion1 = R"sql(
CREATE TABLE keys_2 (
  id INTEGER PRIMARY KEY,
  environment_id INTEGER NOT NULL REFERENCES environments (id),
  runtime TEXT NOT NULL,
  dtype TEXT NOT NULL,
  kv_dtype TEXT NOT NULL,  -- since version 2
  threads INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (environment_id, runtime, dtype, kv_dtype, threads, prompt_tokens, output_tokens, batch)
) STRICT;
INSERT INTO keys_2 (id, environment_id, runtime, dtype, kv_dtype, threads, prompt_tokens,
                    output_tokens, batch)
  SELECT id, environment_id, runtime, dtype, CASE dtype WHEN 'f32' THEN 'f32' ELSE 'bf16' END,
         threads, prompt_tokens, output_tokens, batch FROM keys;
DROP TABLE keys;
ALTER TABLE keys_2 RENAME TO keys;
)sql";

// The schema's version; 0: the database is empty and may become a store.
std::int64_t CheckIdentity(Database& database) {
  // One statement, so one snapshot: another process may create the store between two of them.
  Statement header(database,
                   "SELECT (SELECT application_id FROM pragma_application_id), "
                   "(SELECT user_version FROM pragma_user_version), "
                   "(SELECT count(*) FROM sqlite_master)");
  if (!header.Next()) database.FailCorrupt("the header cannot be read");
  const std::int64_t application = header.Int(0);
  const std::int64_t version = header.Int(1);
  const std::int64_t tables = header.Int(2);
  if (application == 0 && version == 0 && tables == 0) return 0;
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
  if (version < 1) {
    database.FailCorrupt(
        fmt::format("schema version {}, expected 1 to {}", version, kSchemaVersion));
  }
  return version;
}

void SetVersion(Database& database) {
  database.Execute(fmt::format("PRAGMA user_version = {};", kSchemaVersion).c_str());
}

void Upgrade(Database& database) {
  // A table that others refer to is dropped and comes back in one transaction; within one this
  // switch has no effect.
  database.Execute("PRAGMA foreign_keys = OFF");
  {
    Transaction transaction(database);
    if (CheckIdentity(database) < kSchemaVersion) {  // else another process was faster
      database.Execute(kFromVersion1);
      SetVersion(database);
    }
    transaction.Commit();
  }
  database.Execute("PRAGMA foreign_keys = ON");
}

}  // namespace

void CreateOrCheckSchema(Database& database) {
  // Identity first: a database of somebody else must not even change its journal mode.
  const std::int64_t version = CheckIdentity(database);
  database.UseWriteAheadLog();
  if (version != 0) {
    if (version < kSchemaVersion) Upgrade(database);
    return;
  }
  Transaction transaction(database);
  if (CheckIdentity(database) != 0) return;  // another process was faster
  database.Execute(kSchema);
  database.Execute(fmt::format("PRAGMA application_id = {};", kApplicationId).c_str());
  SetVersion(database);
  transaction.Commit();
}

}  // namespace lts
