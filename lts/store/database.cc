#include "lts/store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cmath>
#include <cstring>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

// Long enough for another process to finish a checkpoint on a slow disk, short enough to be
// noticed.
constexpr int kBusyTimeoutMs = 30'000;
constexpr int kBusyPollMs = 5;
// No value that we write comes near (configurations and samples are kilobytes): a damaged length
// must not ask for 1 GB.
constexpr int kMaxValueBytes = 64 << 20;

ErrorCode CodeOf(int rc) {
  switch (rc & 0xFF) {
    case SQLITE_ERROR:  // "no such table": the schema is not what its version says
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_SCHEMA:
      return ErrorCode::kCorrupt;
    case SQLITE_NOMEM:
      return ErrorCode::kOutOfMemory;
    default:
      return ErrorCode::kIo;
  }
}

std::string_view HintOf(int rc) {
  switch (rc & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another process has held the file for 30 s";
    case SQLITE_NOTADB:
      return "; expected a store of lts";
    case SQLITE_FULL:
      return "; free some space and resume";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return "; expected a folder and a file that can be written to";
    default:
      return "";
  }
}

}  // namespace

Database::Database(const std::string& path) : path_(path) {
  const int rc =
      sqlite3_open_v2(path.c_str(), &db_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  try {
    if (rc != SQLITE_OK) Fail(rc);
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, kBusyTimeoutMs);
    sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
    // The file may come from anywhere: its schema gets no power over us.
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    Execute(
        "PRAGMA cell_size_check = ON;"
        "PRAGMA foreign_keys = ON;"
        // A commit is synced before it returns. NORMAL would survive SIGKILL as well (the pages are
        // in the kernel by then) but could lose the last commits to a power cut. A sync costs
        // milliseconds, a measurement seconds.
        "PRAGMA synchronous = FULL;");
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Database::~Database() { sqlite3_close(db_); }

void Database::Execute(const char* sql) {
  const int rc = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) Fail(rc);
}

void Database::UseWriteAheadLog() {
  // SQLite upgrades its lock for this one without asking the busy handler, so the waiting is done
  // here.
  for (int waited_ms = 0;; waited_ms += kBusyPollMs) {
    const int rc = sqlite3_exec(db_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (rc == SQLITE_OK) break;
    if ((rc & 0xFF) != SQLITE_BUSY || waited_ms >= kBusyTimeoutMs) Fail(rc);
    sqlite3_sleep(kBusyPollMs);
  }
  Statement mode(*this, "PRAGMA journal_mode");
  if (!mode.Next() || mode.Text(0) != "wal") {
    throw Error(ErrorCode::kIo,
                fmt::format("{}: this file system offers no write-ahead log (shared memory); "
                            "choose a folder on a local disk",
                            path_));
  }
}

std::int64_t Database::LastInsertedRow() const { return sqlite3_last_insert_rowid(db_); }

void Database::Fail(int rc) const {
  std::string reason = db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(rc);
  const int system_errno = db_ != nullptr ? sqlite3_system_errno(db_) : 0;
  const ErrorCode code = CodeOf(rc);
  if (code == ErrorCode::kIo && system_errno != 0) {
    reason += fmt::format(" ({})", std::strerror(system_errno));  // NOLINT(concurrency-mt-unsafe)
  }
  throw Error(code, fmt::format("{}: {}{}", path_, Quoted(reason, 200), HintOf(rc)));
}

void Database::FailCorrupt(std::string_view problem) const {
  throw Error(ErrorCode::kCorrupt, fmt::format("{}: {}", path_, problem));
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  const int rc = sqlite3_prepare_v2(database.db_, sql.data(), static_cast<int>(sql.size()),
                                    &statement_, nullptr);
  if (rc != SQLITE_OK) database_.Fail(rc);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::CheckBound(int rc) {
  if (rc != SQLITE_OK) database_.Fail(rc);
}

Statement& Statement::Bind(std::int64_t value) {
  CheckBound(sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

Statement& Statement::Bind(double value) {
  CheckBound(sqlite3_bind_double(statement_, ++bound_, value));
  return *this;
}

Statement& Statement::Bind(std::string_view value) {
  CheckBound(sqlite3_bind_text64(statement_, ++bound_, value.data() != nullptr ? value.data() : "",
                                 value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

bool Statement::Next() {
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc != SQLITE_DONE) database_.Fail(rc);
  return false;
}

void Statement::Finish() {
  while (Next()) {
  }
  sqlite3_reset(statement_);
  bound_ = 0;
}

bool Statement::TryFinish() {
  const int rc = sqlite3_step(statement_);
  sqlite3_reset(statement_);
  bound_ = 0;
  if ((rc & 0xFF) == SQLITE_CONSTRAINT) return false;
  if (rc != SQLITE_DONE && rc != SQLITE_ROW) database_.Fail(rc);
  return true;
}

void Statement::FailColumn(int column, std::string_view expected) {
  const char* name = sqlite3_column_name(statement_, column);
  database_.FailCorrupt(fmt::format(
      "column '{}': got {}, expected {}", Quoted(name != nullptr ? name : "?"),
      sqlite3_column_type(statement_, column) == SQLITE_NULL ? "null" : "another value", expected));
}

std::int64_t Statement::Int(int column) {
  if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER) FailColumn(column, "an integer");
  return sqlite3_column_int64(statement_, column);
}

std::int64_t Statement::IntIn(int column, std::int64_t low, std::int64_t high) {
  const std::int64_t value = Int(column);
  if (value < low || value > high) {
    FailColumn(column, fmt::format("an integer in [{}, {}]", low, high));
  }
  return value;
}

double Statement::Real(int column) {
  const int type = sqlite3_column_type(statement_, column);
  if (type != SQLITE_FLOAT && type != SQLITE_INTEGER) FailColumn(column, "a number");
  const double value = sqlite3_column_double(statement_, column);
  if (!std::isfinite(value)) FailColumn(column, "a finite number");
  return value;
}

std::string Statement::Text(int column) {
  if (sqlite3_column_type(statement_, column) != SQLITE_TEXT) FailColumn(column, "text");
  const auto* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) throw Error(ErrorCode::kOutOfMemory, database_.path() + ": out of memory");
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.Execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  // After some errors (a full disk) SQLite has rolled back by itself.
  if (open_ && sqlite3_get_autocommit(database_.db_) == 0) {
    sqlite3_exec(database_.db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::Commit() {
  database_.Execute("COMMIT");
  open_ = false;
}

}  // namespace lts
