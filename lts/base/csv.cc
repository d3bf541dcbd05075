#include "lts/base/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void Fail(std::string_view where, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, problem));
}

std::string Where(std::string_view name, std::int64_t line) {
  return fmt::format("{}: line {}", name, line);
}

// Cuts rows from a CSV text.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string_view name) : rest_(text), name_(name) {}

  // The next row that is no empty line; absent at the end.
  std::optional<CsvTable::Row> Next() {
    while (!rest_.empty() && AtLineBreak()) SkipLineBreak();
    if (rest_.empty()) return std::nullopt;
    CsvTable::Row row{line_, {}};
    for (;;) {
      if (std::ssize(row.cells) == kMaxCsvColumns) {
        Fail(Where(name_, row.line), fmt::format("more than {} columns", kMaxCsvColumns));
      }
      row.cells.push_back(!rest_.empty() && rest_.front() == '"' ? Quoted() : Plain());
      if (rest_.empty()) return row;
      if (AtLineBreak()) {
        SkipLineBreak();
        return row;
      }
      rest_.remove_prefix(1);  // the comma
    }
  }

 private:
  bool AtLineBreak() const { return rest_.front() == '\n' || rest_.front() == '\r'; }
  void SkipLineBreak() {
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    ++line_;
  }
  std::string Plain() {
    const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
    std::string cell(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return cell;
  }
  std::string Quoted() {
    const std::int64_t start = line_;
    std::string cell;
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t end = rest_.find('"');
      if (end == std::string_view::npos) {
        Fail(Where(name_, start), "a field opens with a quote that never closes");
      }
      cell += rest_.substr(0, end);
      line_ += std::ranges::count(rest_.substr(0, end), '\n');
      rest_.remove_prefix(end + 1);
      if (rest_.empty() || rest_.front() != '"') break;
      cell += '"';
      rest_.remove_prefix(1);
    }
    if (!rest_.empty() && rest_.front() != ',' && !AtLineBreak()) {
      Fail(Where(name_, line_),
           "text after the closing quote of a field; a quote inside is written twice");
    }
    return cell;
  }

  std::string_view rest_;
  std::string_view name_;
  std::int64_t line_ = 1;
};

}  // namespace

CsvTable ParseCsv(std::string_view text, std::string_view name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvReader reader(text, name);
  CsvTable table;
  std::optional<CsvTable::Row> header = reader.Next();
  if (!header) Fail(name, "empty; expected a CSV file with a header line");
  table.header = std::move(header->cells);
  std::vector<std::string> sorted = table.header;
  std::ranges::sort(sorted);
  if (const auto twin = std::ranges::adjacent_find(sorted); twin != sorted.end()) {
    Fail(Where(name, header->line),
         fmt::format("two columns are called '{}'", twin->substr(0, 40)));
  }
  while (std::optional<CsvTable::Row> row = reader.Next()) {
    if (row->cells.size() != table.header.size()) {
      Fail(Where(name, row->line),
           fmt::format("{} fields, but the header has {}", row->cells.size(), table.header.size()));
    }
    if (std::ssize(table.rows) == kMaxCsvRows) {
      Fail(Where(name, row->line), fmt::format("more than {} rows", kMaxCsvRows));
    }
    table.rows.push_back(std::move(*row));
  }
  return table;
}

}  // namespace lts
