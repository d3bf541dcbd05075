#include "lts/profile/timing_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "lts/base/csv.h"
#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/stats.h"

namespace lts {
namespace {

constexpr std::int64_t kMaxTrials = 1'000'000;  // in a file
constexpr std::string_view kSynthetic = "synthetic_efficiency";

[[noreturn]] void Fail(const std::string& where, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, problem));
}

std::string Where(const std::string& file, std::int64_t line) {
  return fmt::format("{}: line {}", file, line);
}

struct Trial {
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double seconds = 0;
  std::string model;  // "": the file's own
  std::optional<std::int64_t> requested;
};

// Gathers trials, model by model.
class Collector {
 public:
  explicit Collector(const std::string& file) : file_(file) {}

  void Add(Trial trial, const std::string& where) {
    if (!(trial.seconds >= kMinProfileSeconds && trial.seconds <= kMaxProfileSeconds)) {
      Fail(where, fmt::format("seconds: got {}, expected {} to {}", trial.seconds,
                              kMinProfileSeconds, kMaxProfileSeconds));
    }
    CheckTokens("prompt_tokens", trial.prompt_tokens, 1, where);
    CheckTokens("output_tokens", trial.output_tokens, 0, where);
    if (++trials_ > kMaxTrials) Fail(where, fmt::format("more than {} times", kMaxTrials));
    Model& model = ModelOf(trial.model);
    if (trial.requested && *trial.requested != trial.output_tokens) {
      ++model.ended_early;
      return;
    }
    model.samples[{trial.prompt_tokens, trial.output_tokens}].push_back(trial.seconds);
  }
  void LeaveOut() { ++left_out_; }

  std::vector<CostProfile> Finish() {
    if (models_.empty()) Fail(file_, "holds no times of requests");
    std::vector<CostProfile> profiles;
    for (auto& [name, model] : models_) {
      CostProfile profile;
      profile.name = name.empty() ? std::filesystem::path(file_).stem().string() : name;
      profile.source = models_.size() > 1 ? fmt::format("{}: {}", file_, name) : file_;
      profile.remote = true;
      for (auto& [key, samples] : model.samples) {
        std::ranges::sort(samples);
        for (const double seconds : samples) profile.total_s += seconds;
        profile.points.push_back({key.first, key.second, Median(samples),
                                  StandardDeviation(samples), std::ssize(samples), samples});
      }
      if (model.ended_early > 0) {
        profile.notes.push_back(
            fmt::format("{} requests gave other than the requested number of tokens: left out",
                        model.ended_early));
      }
      if (left_out_ > 0) {
        profile.notes.push_back(
            fmt::format("{} rows of the file hold no time: left out", left_out_));
      }
      SortAndCheck(profile);
      profiles.push_back(std::move(profile));
    }
    return profiles;
  }

 private:
  struct Model {
    std::map<std::pair<std::int64_t, std::int64_t>, std::vector<double>> samples;
    std::int64_t ended_early = 0;
  };

  static void CheckTokens(const char* name, std::int64_t got, std::int64_t low,
                          const std::string& where) {
    if (got >= low && got <= kMaxProfileTokens) return;
    Fail(where, fmt::format("{}: got {}, expected {} to {}", name, got, low, kMaxProfileTokens));
  }
  Model& ModelOf(const std::string& name) {
    const auto [found, fresh] = index_.emplace(name, models_.size());
    if (fresh) models_.emplace_back(name, Model{});
    return models_[found->second].second;
  }

  const std::string& file_;
  std::vector<std::pair<std::string, Model>> models_;
  std::map<std::string, std::size_t> index_;
  std::int64_t trials_ = 0;
  std::int64_t left_out_ = 0;
};

template <typename T>
T Number(std::string_view text, std::string_view column, const std::string& where) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  const std::string_view trimmed = text.substr(first, text.find_last_not_of(' ') + 1 - first);
  T value = 0;
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  if (error != std::errc() || end != trimmed.data() + trimmed.size()) {
    Fail(where, fmt::format("column '{}': got '{}', expected {}", column, text.substr(0, 40),
                            std::is_integral_v<T> ? "an integer" : "a number"));
  }
  return value;
}

class Columns {
 public:
  Columns(const CsvTable& table, const std::string& file) : table_(table), file_(file) {}
  std::optional<std::size_t> Find(std::string_view name) const {
    const auto found = std::ranges::find(table_.header, name);
    if (found == table_.header.end()) return std::nullopt;
    return static_cast<std::size_t>(found - table_.header.begin());
  }
  std::size_t Require(std::string_view name) const {
    const std::optional<std::size_t> found = Find(name);
    if (!found) {
      Fail(
          Where(file_, 1),
          fmt::format("no column '{}'; expected prompt_tokens, output_tokens and seconds, or those "
                      "of the published tables (scenario, inference_runtime)",
                      name));
    }
    return *found;
  }

 private:
  const CsvTable& table_;
  const std::string& file_;
};

std::vector<CostProfile> ParsePublishedCsv(const CsvTable& table, const std::string& file) {
  const Columns columns(table, file);
  const std::size_t scenario = columns.Require("scenario");
  const std::size_t seconds = columns.Require("inference_runtime");
  Collector collector(file);
  bool synthetic = false;
  for (const CsvTable::Row& row : table.rows) {
    const std::string where = Where(file, row.line);
    const ScenarioName name = ParseScenarioName(row.cells[scenario], where);
    if (name.task != kSynthetic) continue;
    synthetic = true;
    const std::string* prompt = name.Find("num_input_tokens");
    const std::string* output = name.Find("num_output_tokens");
    const std::string* model = name.Find("model");
    if (prompt == nullptr || output == nullptr || model == nullptr) {
      Fail(where,
           fmt::format("scenario '{}': expected num_input_tokens, num_output_tokens and model",
                       row.cells[scenario].substr(0, 80)));
    }
    if (row.cells[seconds].empty()) {
      collector.LeaveOut();
      continue;
    }
    collector.Add(
        {Number<std::int64_t>(*prompt, "scenario", where),
         Number<std::int64_t>(*output, "scenario", where),
         Number<double>(row.cells[seconds], "inference_runtime", where), *model, std::nullopt},
        where);
  }
  if (!synthetic) {
    Fail(file, fmt::format("no scenario is {}: these are requests of tasks, not a grid to fit",
                           kSynthetic));
  }
  return collector.Finish();
}

}  // namespace

const std::string* ScenarioName::Find(std::string_view key) const {
  const auto found = std::ranges::find(arguments, key, &std::pair<std::string, std::string>::first);
  return found == arguments.end() ? nullptr : &found->second;
}

ScenarioName ParseScenarioName(std::string_view text, const std::string& where) {
  ScenarioName name;
  const std::size_t colon = std::min(text.find(':'), text.size());
  name.task = text.substr(0, colon);
  std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view argument = rest.substr(0, comma);
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos) {
      Fail(where, fmt::format("scenario '{}': '{}' is no key=value", text.substr(0, 80),
                              argument.substr(0, 40)));
    }
    name.arguments.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return name;
}

std::vector<CostProfile> ParseTimingCsv(std::string_view text, const std::string& file) {
  const CsvTable table = ParseCsv(text, file);
  const Columns columns(table, file);
  if (columns.Find("scenario")) return ParsePublishedCsv(table, file);
  const std::size_t prompt = columns.Require("prompt_tokens");
  const std::size_t output = columns.Require("output_tokens");
  const std::size_t seconds = columns.Require("seconds");
  const std::optional<std::size_t> model = columns.Find("model");
  const std::optional<std::size_t> requested = columns.Find("requested_output_tokens");
  Collector collector(file);
  for (const CsvTable::Row& row : table.rows) {
    const std::string where = Where(file, row.line);
    Trial trial;
    trial.prompt_tokens = Number<std::int64_t>(row.cells[prompt], "prompt_tokens", where);
    trial.output_tokens = Number<std::int64_t>(row.cells[output], "output_tokens", where);
    trial.seconds = Number<double>(row.cells[seconds], "seconds", where);
    if (model) trial.model = row.cells[*model];
    if (requested) {
      trial.requested =
          Number<std::int64_t>(row.cells[*requested], "requested_output_tokens", where);
    }
    collector.Add(std::move(trial), where);
  }
  return collector.Finish();
}

std::vector<CostProfile> ParseTimingLines(std::string_view text, const std::string& file) {
  Collector collector(file);
  for (std::int64_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = Where(file, line);
    const Json json = ParseJson(row, where);
    ObjectReader reader(json, where);
    Trial trial;
    trial.prompt_tokens = reader.Int("prompt_tokens", 1, kMaxProfileTokens);
    trial.output_tokens = reader.Int("output_tokens", 0, kMaxProfileTokens);
    trial.seconds = reader.Double("seconds", 0, kMaxProfileSeconds);
    trial.model = reader.StringOr("model", "");
    if (reader.Has("requested_output_tokens")) {
      trial.requested = reader.Int("requested_output_tokens", 0, kMaxProfileTokens);
    }
    collector.Add(std::move(trial), where);
  }
  return collector.Finish();
}

}  // namespace lts
