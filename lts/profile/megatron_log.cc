#include "lts/profile/megatron_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::string_view kTime = "Runtime for ";
constexpr std::string_view kTimeShape =
    "expected: Runtime for {'num_input_tokens': P, 'num_output_tokens': O}: S seconds +- D";

// What decides a model and where it ran, by its name in the argument table, and what was to be
// timed.
struct Launch {
  std::int64_t line = 0;
  std::vector<std::int64_t> prompt_sizes;  // that the launch was told to time; empty: not known
  std::vector<std::int64_t> output_sizes;
  std::array<std::int64_t, 9> values{};  // in the order of kKeys; the last is not in the table
  std::array<bool, 9> known{};
};
constexpr std::array<std::string_view, 9> kKeys = {"num_layers",
                                                   "hidden_size",
                                                   "num_attention_heads",
                                                   "ffn_hidden_size",
                                                   "max_position_embeddings",
                                                   "tensor_model_parallel_size",
                                                   "pipeline_model_parallel_size",
                                                   "micro_batch_size",
                                                   "padded vocabulary"};
constexpr std::size_t kContext = 4;
constexpr std::size_t kVocabulary = 8;

// Takes a line apart from its left end.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool Skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  std::optional<std::int64_t> Integer() {
    if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  // Digits, a point, digits. `places`: how many digits follow the point.
  std::optional<double> Decimal(int& places) {
    const std::size_t end = std::min(rest_.find_first_not_of("0123456789."), rest_.size());
    const std::string_view token = rest_.substr(0, end);
    const std::size_t point = token.find('.');
    if (point == 0 || point == std::string_view::npos || point + 1 == end) return std::nullopt;
    double value = 0;
    const auto [stop, error] = std::from_chars(token.data(), token.data() + end, value);
    if (error != std::errc() || stop != token.data() + end) return std::nullopt;
    places = static_cast<int>(end - point - 1);
    rest_.remove_prefix(end);
    return value;
  }
  bool AtEnd() const { return rest_.find_first_not_of(' ') == std::string_view::npos; }

 private:
  std::string_view rest_;
};

struct TimeLine {
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double seconds = 0;
  double deviation_s = 0;
  int places = 0;
};

std::optional<TimeLine> ParseTime(std::string_view line) {
  Cursor cursor(line);
  TimeLine time;
  int deviation_places = 0;
  if (!cursor.Skip(kTime) || !cursor.Skip("{'num_input_tokens': ")) return std::nullopt;
  const auto prompt = cursor.Integer();
  if (!prompt || !cursor.Skip(", 'num_output_tokens': ")) return std::nullopt;
  const auto output = cursor.Integer();
  if (!output || !cursor.Skip("}: ")) return std::nullopt;
  const auto seconds = cursor.Decimal(time.places);
  if (!seconds || !cursor.Skip(" seconds +- ")) return std::nullopt;
  const auto deviation = cursor.Decimal(deviation_places);
  // Both are printed alike; fewer digits are a line that was cut.
  if (!deviation || deviation_places != time.places || !cursor.AtEnd()) return std::nullopt;
  time.prompt_tokens = *prompt;
  time.output_tokens = *output;
  time.seconds = *seconds;
  time.deviation_s = *deviation;
  return time;
}

class Reader {
 public:
  Reader(const std::string& file, const MegatronLogOptions& options)
      : file_(file), options_(options) {}

  void Line(std::string_view line) {
    ++line_;
    if (const std::size_t at = line.find(kTime); at != std::string_view::npos) {
      if (at != 0) Fail(fmt::format("a time behind other text ('{}')", line.substr(0, 40)));
      Time(line);
    } else if (line.starts_with("using world size: ")) {
      Begin();
    } else if (line.starts_with("---") && line.find(" end of arguments ") != line.npos) {
      EndTable();
    } else if (line.starts_with("---") && line.find(" arguments ") != line.npos) {
      if (table_line_ > 0) Fail(fmt::format("a second table within that of line {}", table_line_));
      if (!launch_ || !current_is_fresh_) Begin();
      table_line_ = line_;
    } else if (table_line_ > 0) {
      Argument(line);
    } else if (line.starts_with(" > padded vocab (size: ")) {
      Vocabulary(line);
    }
  }

  CostProfile Finish(bool last_line_ended) {
    if (table_line_ > 0) {
      Fail(table_line_, "the argument table never ends; is the file whole?");
    }
    if (times_.empty()) {
      Fail(line_, "the file ends without a single time; " + std::string(kTimeShape));
    }
    CostProfile profile;
    profile.name = std::filesystem::path(file_).stem().string();
    profile.source = file_;
    const auto multiplier = static_cast<double>(options_.layer_multiplier);
    profile.resolution_s = resolution_s_ * multiplier;
    profile.total_s = total_s_ * multiplier;
    for (const auto& [key, time] : times_) {
      profile.points.push_back({key.first,
                                key.second,
                                time.seconds * multiplier,
                                time.deviation_s * multiplier,
                                options_.runs,
                                {}});
    }
    if (timed_) {
      profile.deployment = DeploymentOf(*timed_);
      NoteMissing(profile);
    } else {
      profile.notes.push_back("no argument table: the model and its devices are not known");
    }
    if (repeated_ > 0) {
      profile.notes.push_back(
          fmt::format("{} times are there again: the last line of each counts", repeated_));
    }
    if (!last_line_ended) {
      profile.notes.push_back("the last line does not end; the file may be cut off");
    }
    if (options_.layer_multiplier > 1) {
      profile.notes.push_back(fmt::format(
          "times are of a model with 1/{0} of the layers, times {0}: what is there once "
          "(embedding, head) counts {0} times",
          options_.layer_multiplier));
    }
    SortAndCheck(profile);
    return profile;
  }

 private:
  [[noreturn]] void Fail(std::int64_t line, const std::string& problem) const {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: line {}: {}", file_, line, problem));
  }
  [[noreturn]] void Fail(const std::string& problem) const { Fail(line_, problem); }

  void Begin() {
    launch_ = Launch{};
    launch_->line = line_;
    current_is_fresh_ = true;
    table_line_ = 0;
  }

  void Argument(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return;
    const std::string_view text = line.substr(begin);
    const std::size_t dots = text.find(" .");
    if (dots == std::string_view::npos) Fail("not an argument; expected '  name ..... value'");
    const std::string_view name = text.substr(0, dots);
    if (name == "all_num_input_tokens") launch_->prompt_sizes = List(text);
    if (name == "all_num_output_tokens") launch_->output_sizes = List(text);
    const auto key = std::ranges::find(kKeys, name);
    if (key == kKeys.end()) return;
    const std::size_t value = text.rfind(' ') + 1;
    Cursor cursor(text.substr(value));
    const std::optional<std::int64_t> number = cursor.Integer();
    if (!number || !cursor.AtEnd() || *number < 1) {
      Fail(fmt::format("argument {}: got '{}', expected an integer of at least 1", *key,
                       text.substr(value, 40)));
    }
    const auto index = static_cast<std::size_t>(key - kKeys.begin());
    launch_->values[index] = *number;
    launch_->known[index] = true;
  }

  // "name .... [1, 16, 32]"; empty when it is no list.
  static std::vector<std::int64_t> List(std::string_view text) {
    std::vector<std::int64_t> values;
    Cursor cursor(text.substr(std::min(text.find('['), text.size())));
    if (!cursor.Skip("[")) return {};
    do {
      const std::optional<std::int64_t> value = cursor.Integer();
      if (!value) return {};
      values.push_back(*value);
    } while (cursor.Skip(", "));
    return values;
  }

  // Points that the last launch was told to time, but which the log lacks.
  void NoteMissing(CostProfile& profile) const {
    std::int64_t missing = 0;
    std::string first;
    for (const std::int64_t prompt : timed_->prompt_sizes) {
      for (const std::int64_t output : timed_->output_sizes) {
        // Without output nothing is printed, and what does not fit into the context is refused.
        if (output < 1 || prompt > timed_->values[kContext] - output) continue;
        if (times_.contains({prompt, output})) continue;
        if (missing++ == 0) first = PointName(prompt, output);
      }
    }
    if (missing == 0) return;
    profile.notes.push_back(fmt::format(
        "{} times that the arguments announce are missing, the first at {}; was the log cut off?",
        missing, first));
  }

  void EndTable() {
    if (table_line_ == 0) Fail("the end of an argument table that did not begin");
    for (std::size_t i = 0; i < kVocabulary; ++i) {
      if (!launch_->known[i]) {
        Fail(fmt::format("the argument table of line {} lacks {}", table_line_, kKeys[i]));
      }
    }
    table_line_ = 0;
  }

  void Vocabulary(std::string_view line) {
    constexpr std::string_view kNewSize = "(new size: ";
    const std::size_t at = line.find(kNewSize);
    if (!launch_ || at == std::string_view::npos) return;
    Cursor cursor(line.substr(at + kNewSize.size()));
    const std::optional<std::int64_t> size = cursor.Integer();
    if (!size || *size < 1 || !cursor.Skip(")")) {
      Fail("padded vocabulary: expected '(new size: N)' with N of at least 1");
    }
    launch_->values[kVocabulary] = *size;
    launch_->known[kVocabulary] = true;
  }

  void Time(std::string_view line) {
    if (table_line_ > 0)
      Fail(fmt::format("a time within the argument table of line {}", table_line_));
    const std::optional<TimeLine> time = ParseTime(line);
    if (!time) Fail(fmt::format("got '{}', {}", line.substr(0, 90), kTimeShape));
    if (time->prompt_tokens < 1 || time->prompt_tokens > kMaxProfileTokens ||
        time->output_tokens > kMaxProfileTokens) {
      Fail(fmt::format("{}: expected 1 to {} prompt tokens and at most {} output tokens",
                       PointName(time->prompt_tokens, time->output_tokens), kMaxProfileTokens,
                       kMaxProfileTokens));
    }
    if (!(time->seconds >= kMinProfileSeconds && time->seconds <= kMaxProfileSeconds) ||
        time->deviation_s > kMaxProfileSeconds) {
      Fail(fmt::format("got {} +- {} s, expected times above 0 and at most {} s", time->seconds,
                       time->deviation_s, kMaxProfileSeconds));
    }
    if (launch_) {
      if (timed_ && (timed_->values != launch_->values || timed_->known != launch_->known)) {
        FailMixed();
      }
      timed_ = launch_;
    }
    current_is_fresh_ = false;
    double resolution = 1;
    for (int i = 0; i < time->places; ++i) resolution /= 10;
    resolution_s_ = std::max(resolution_s_, resolution);
    total_s_ += time->seconds * static_cast<double>(options_.runs);
    const bool fresh =
        times_.insert_or_assign({time->prompt_tokens, time->output_tokens}, *time).second;
    if (!fresh) ++repeated_;
    if (std::ssize(times_) > kMaxProfilePoints) {
      Fail(fmt::format("more than {} points", kMaxProfilePoints));
    }
  }

  [[noreturn]] void FailMixed() const {
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
      if (timed_->values[i] == launch_->values[i] && timed_->known[i] == launch_->known[i])
        continue;
      Fail(fmt::format(
          "times of another model: {} is {} in the launch of line {} and {} in that of "
          "line {}; expected one model in a log",
          kKeys[i], launch_->values[i], launch_->line, timed_->values[i], timed_->line));
    }
    Fail("times of another model");
  }

  Deployment DeploymentOf(const Launch& launch) const {
    const auto& [layers, d_model, heads, d_inner, positions, tensor, pipeline, batch, vocabulary] =
        launch.values;
    if (!launch.known[0]) Fail(launch.line, "the launch has no argument table");
    if (batch != 1) {
      Fail(launch.line,
           fmt::format("micro_batch_size is {}, expected 1: costs are of one request", batch));
    }
    if (!launch.known[kVocabulary]) {
      Fail(launch.line, "the launch does not print its padded vocabulary ('> padded vocab')");
    }
    const std::string where = fmt::format("{}: line {}", file_, launch.line);
    try {
      return {Architecture::Gpt2(layers * options_.layer_multiplier, d_model, d_inner, heads,
                                 vocabulary, positions),
              tensor, pipeline * options_.layer_multiplier};
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", where, error.what()));
    }
  }

  const std::string& file_;
  const MegatronLogOptions& options_;
  std::int64_t line_ = 0;
  std::int64_t table_line_ = 0;  // where the table that is being read began; 0: none
  std::optional<Launch> launch_;
  std::optional<Launch> timed_;    // of the last time
  bool current_is_fresh_ = false;  // nothing was timed since `launch_` began
  std::map<std::pair<std::int64_t, std::int64_t>, TimeLine> times_;
  double resolution_s_ = 0;
  double total_s_ = 0;
  std::int64_t repeated_ = 0;
};

}  // namespace

CostProfile ParseMegatronLog(std::string_view text, const std::string& file,
                             const MegatronLogOptions& options) {
  if (options.layer_multiplier < 1 || options.layer_multiplier > kMaxLayers) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: layer multiplier: got {}, expected 1 to {}", file,
                            options.layer_multiplier, kMaxLayers));
  }
  if (options.runs < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: runs: got {}, expected at least 1", file, options.runs));
  }
  if (text.size() > kMaxLogBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes, expected at most {}", file, text.size(), kMaxLogBytes));
  }
  Reader reader(file, options);
  bool ended = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    ended = end != std::string_view::npos;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(ended ? end + 1 : text.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    reader.Line(line);
  }
  return reader.Finish(ended);
}

double PublishedProfilingHours(const CostProfile& profile) {
  constexpr double kRunsCounted = 100;
  const double runs = static_cast<double>(profile.points.front().runs);
  return profile.total_s / runs * kRunsCounted / 3600;
}

}  // namespace lts
