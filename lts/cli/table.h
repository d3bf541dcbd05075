// One table, printed for people (aligned), for spreadsheets (RFC 4180 CSV) or for programs (a JSON
// array of objects).
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "lts/base/enum_table.h"
#include "lts/base/json.h"
#include "lts/cli/terminal.h"

namespace lts::cli {

enum class OutputFormat { kTable, kCsv, kJson };
inline constexpr EnumTable<OutputFormat, 3> kOutputFormats{"format",
                                                           {{{OutputFormat::kTable, "table"},
                                                             {OutputFormat::kCsv, "csv"},
                                                             {OutputFormat::kJson, "json"}}}};

// What is no table: as it is, or as one JSON value.
enum class OutputText { kText, kJson };
inline constexpr EnumTable<OutputText, 2> kOutputTexts{
    "format", {{{OutputText::kText, "text"}, {OutputText::kJson, "json"}}}};

struct Cell {
  Json value;        // exact, for csv and json; null = empty
  std::string text;  // for the table; empty = the value as it is
};

class Table {
 public:
  struct Column {
    std::string name;     // key in csv and json
    std::string heading;  // in the table; empty: not shown there
    bool right = true;    // alignment
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void AddRow(std::vector<Cell> row);  // as many cells as columns (LTS_CHECK)
  std::size_t rows() const { return rows_.size(); }

  void Print(OutputFormat format, const Terminal& terminal, std::ostream& out) const;

 private:
  void PrintAligned(const Terminal& terminal, std::ostream& out) const;
  void PrintCsv(std::ostream& out) const;
  void PrintJson(std::ostream& out) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace lts::cli
