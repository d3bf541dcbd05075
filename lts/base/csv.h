// Tables as text: CSV with a header line.
//
//   file   = header *( line-break row )       rows as wide as the header; empty lines are skipped
//   field  = *CHAR | DQUOTE *( CHAR | "," | line-break | 2DQUOTE ) DQUOTE        (RFC 4180)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

// The cells of a CSV text, the header first. Throws kInvalidArgument "<name>: line 3: ..." on rows
// that differ in width, an open quote, text after a closing quote, or a table beyond the limits. A
// byte order mark is skipped. O(bytes).
struct CsvTable {
  std::vector<std::string> header;  // unique names
  struct Row {
    std::int64_t line = 0;  // where it starts, from 1
    std::vector<std::string> cells;
  };
  std::vector<Row> rows;
};
inline constexpr std::int64_t kMaxCsvColumns = 1000;
inline constexpr std::int64_t kMaxCsvRows = 1'000'000;
CsvTable ParseCsv(std::string_view text, std::string_view name);

}  // namespace lts
