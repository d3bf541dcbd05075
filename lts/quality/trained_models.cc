#include "lts/quality/trained_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "lts/arch/benchmark_row.h"
#include "lts/base/csv.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/json.h"

namespace lts {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

[[noreturn]] void Fail(std::string_view where, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, problem));
}

std::string Where(std::string_view name, std::int64_t line) {
  return fmt::format("{}: line {}", name, line);
}

// A number above `low`; absent for an empty cell.
std::optional<double> ParseNumber(const std::string& cell, double low, std::string_view column,
                                  std::string_view where) {
  const std::size_t first = cell.find_first_not_of(' ');
  if (first == std::string::npos) return std::nullopt;
  const std::string_view text =
      std::string_view(cell).substr(first, cell.find_last_not_of(' ') - first + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
      value <= low) {
    Fail(where, fmt::format("column '{}': got '{}', expected a number above {} or nothing", column,
                            text.substr(0, 40), low));
  }
  return value;
}

Architecture ParseConfig(const std::string& cell, std::string_view folder, std::string_view where) {
  if (cell.find_first_not_of(" \t\r\n") == std::string::npos) {
    Fail(where, "column 'config': empty, expected an architecture's JSON or its file");
  }
  const std::string label = fmt::format("{}: column 'config'", where);
  if (cell[cell.find_first_not_of(" \t\r\n")] == '{') {
    return ParseArchitecture(ParseJson(cell, label), label);
  }
  if (folder.empty()) Fail(label, "got no JSON, and files cannot be read here");
  return ReadArchitecture((std::filesystem::path(folder) / cell).string());
}

}  // namespace

TrainedModels ParseTrainedModels(std::string_view text, std::string_view name,
                                 std::string_view folder) {
  const CsvTable table = ParseCsv(text, name);
  const auto column = [&](std::string_view wanted) -> std::optional<std::size_t> {
    const auto found = std::ranges::find(table.header, wanted);
    if (found == table.header.end()) return std::nullopt;
    return static_cast<std::size_t>(found - table.header.begin());
  };
  const bool benchmark = column("backbone").has_value();
  const std::string_view truth_name = benchmark ? "valid_ppl" : "perplexity";
  const std::optional<std::size_t> truth = column(truth_name);
  const std::optional<std::size_t> config = column("config");
  const std::optional<std::size_t> id = column("id");
  const std::optional<std::size_t> latency = column("latency_ms");
  if (!truth || (!benchmark && !config)) {
    Fail(name, fmt::format("no column '{}'; expected the columns 'config' and 'perplexity', or "
                           "those of the LTS benchmark ('backbone', 'n_layer' ... 'valid_ppl')",
                           truth ? "config" : truth_name));
  }
  TrainedModels result;
  result.name = std::filesystem::path(name).stem().string();
  for (const CsvTable::Row& row : table.rows) {
    const std::string where = Where(name, row.line);
    const std::optional<double> perplexity = ParseNumber(row.cells[*truth], 1, truth_name, where);
    if (!perplexity) {
      ++result.without_perplexity;
      continue;
    }
    const auto architecture = [&] {
      if (!benchmark) return ParseConfig(row.cells[*config], folder, where);
      std::map<std::string, std::string> cells;
      for (std::size_t i = 0; i < table.header.size(); ++i) cells[table.header[i]] = row.cells[i];
      return ArchitectureOfBenchmarkRow(ParseBenchmarkRow(cells, where), where);
    };
    result.models.push_back(
        {id && !row.cells[*id].empty() ? row.cells[*id] : fmt::format("line {}", row.line),
         architecture(), *perplexity,
         latency ? ParseNumber(row.cells[*latency], 0, "latency_ms", where) : std::nullopt});
  }
  return result;
}

TrainedModels ReadTrainedModels(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return ParseTrainedModels(ReadFile(path, kMaxFileBytes), path,
                            folder.empty() ? "." : folder.string());
}

}  // namespace lts
