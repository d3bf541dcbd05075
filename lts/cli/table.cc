#include "lts/cli/table.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "lts/base/error.h"

namespace lts::cli {
namespace {

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kReset = "\x1b[0m";

std::string Plain(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.AsString() : WriteJson(value, JsonStyle::kCompact);
}

std::string CsvField(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

void Table::AddRow(std::vector<Cell> row) {
  LTS_CHECK(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

void Table::Print(OutputFormat format, const Terminal& terminal, std::ostream& out) const {
  switch (format) {
    case OutputFormat::kTable:
      return PrintAligned(terminal, out);
    case OutputFormat::kCsv:
      return PrintCsv(out);
    case OutputFormat::kJson:
      return PrintJson(out);
  }
}

void Table::PrintAligned(const Terminal& terminal, std::ostream& out) const {
  std::vector<std::vector<std::string>> lines(rows_.size() + 1);
  std::vector<const Column*> shown;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].heading.empty()) continue;
    shown.push_back(&columns_[c]);
    lines[0].push_back(columns_[c].heading);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const Cell& cell = rows_[r][c];
      lines[r + 1].push_back(cell.text.empty() ? Plain(cell.value) : cell.text);
    }
  }
  std::vector<std::size_t> widths(shown.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      widths[c] = std::max(widths[c], DisplayWidth(line[c]));
    }
  }
  for (std::size_t r = 0; r < lines.size(); ++r) {
    std::string text;
    for (std::size_t c = 0; c < shown.size(); ++c) {
      const std::string pad(widths[c] - DisplayWidth(lines[r][c]), ' ');
      if (c > 0) text += "  ";
      text += shown[c]->right ? pad + lines[r][c] : lines[r][c] + pad;
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    if (r == 0 && terminal.color) {
      out << kBold << text << kReset << '\n';
    } else {
      out << text << '\n';
    }
  }
}

void Table::PrintCsv(std::ostream& out) const {
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    out << (c > 0 ? "," : "") << CsvField(columns_[c].name);
  }
  out << '\n';
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      out << (c > 0 ? "," : "") << CsvField(Plain(row[c].value));
    }
    out << '\n';
  }
}

void Table::PrintJson(std::ostream& out) const {
  Json array = Json::MakeArray();
  for (const auto& row : rows_) {
    Json object = Json::MakeObject();
    for (std::size_t c = 0; c < row.size(); ++c) object[columns_[c].name] = row[c].value;
    array.Append(std::move(object));
  }
  out << WriteJson(array) << '\n';
}

}  // namespace lts::cli
