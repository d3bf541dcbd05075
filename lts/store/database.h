// What the store needs of SQLite, with owners and exceptions: a connection, a statement, a
// transaction. All throw Error naming the file: kIo when the system says no (read-only, full,
// locked for 30 s), kCorrupt when the file is not a database, is damaged, or holds a value of
// another type than asked for. One thread per connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace lts {

class Database {
 public:
  // Opens or creates the file; reads and writes nothing yet.
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that return no rows of interest.
  void Execute(const char* sql);
  // Switches the file to WAL unless it is there already; waits for other connections like any other
  // write.
  void UseWriteAheadLog();
  std::int64_t LastInsertedRow() const;
  const std::string& path() const { return path_; }

  // Throws the Error of SQLite's result code `rc`, with its message and the system's reason.
  [[noreturn]] void Fail(int rc) const;
  // "<path>: <problem>" as kCorrupt.
  [[noreturn]] void FailCorrupt(std::string_view problem) const;

 private:
  friend class Statement;
  friend class Transaction;
  std::string path_;
  sqlite3* db_ = nullptr;
};

// One SQL statement. Parameters are bound in order of their '?'; columns are read by number, and a
// value of another type than asked for is kCorrupt (files may be damaged or foreign, whatever the
// schema says).
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(std::int64_t value);
  Statement& Bind(double value);
  Statement& Bind(std::string_view value);
  bool Next();       // steps to a row; false at the end
  void Finish();     // steps to the end and rewinds, so that the statement can be bound again
  bool TryFinish();  // like Finish; false when a UNIQUE, PRIMARY KEY, NOT NULL or CHECK constraint
                     // refused the row

  std::int64_t Int(int column);
  std::int64_t IntIn(int column, std::int64_t low, std::int64_t high);
  double Real(int column);  // finite
  std::string Text(int column);

 private:
  void CheckBound(int rc);
  [[noreturn]] void FailColumn(int column, std::string_view expected);

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

// BEGIN IMMEDIATE ... COMMIT; rolled back when it goes out of scope without Commit. Taking the
// write lock at once means that two writers wait for each other instead of failing half-way.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void Commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace lts
