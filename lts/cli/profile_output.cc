#include "lts/cli/profile_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ostream>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/cli/table.h"
#include "lts/profile/profile_json.h"
#include "lts/profile/request_fit.h"

namespace lts::cli {
namespace {

std::int64_t ParseTokens(std::string_view text, const std::string& option, std::int64_t low) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low ||
      value > kMaxProfileTokens) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got '{}', expected an integer in [{}, {}]", option,
                            Quoted(std::string(text)), low, kMaxProfileTokens));
  }
  return value;
}

template <typename F>
void ForEachItem(std::string_view text, F f) {
  for (;;) {
    const std::size_t comma = text.find(',');
    f(text.substr(0, comma));
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

Cell Milliseconds(double seconds, const Interval& interval) {
  std::string text = HumanNumber(seconds * 1e3);
  if (interval.high > interval.low) {
    text +=
        fmt::format(" [{}, {}]", HumanNumber(interval.low * 1e3), HumanNumber(interval.high * 1e3));
  }
  return {seconds * 1e3, text};
}

Cell Percent(double share, int digits) {
  return {share, fmt::format("{:.{}f} %", 100 * share, digits)};
}

void PrintCosts(std::span<const FittedProfile> profiles, bool check, OutputFormat format,
                Context& context) {
  std::vector<Table::Column> columns = {{"name", "model", false},
                                        {"method", "method", false},
                                        {"points", "points"},
                                        {"beta_ms", "ms per token [95 %]"},
                                        {"beta_ms_low", ""},
                                        {"beta_ms_high", ""},
                                        {"gamma_ns", "ns per context token"},
                                        {"overhead_ms", "overhead ms"},
                                        {"alpha_first_ms", "shortest prompt ms"},
                                        {"alpha_last_ms", "longest prompt ms"},
                                        {"mape", "mean error"},
                                        {"max_ape", "largest"},
                                        {"r2", ""}};
  if (check) columns.push_back({"left_out_error", "size left out"});
  Table table(columns);
  for (const FittedProfile& fitted : profiles) {
    const TokenCost& cost = fitted.cost;
    const bool judged = cost.goodness.points > 0;  // else they were predicted, not fitted
    const PromptCost& first = cost.alpha.front();
    const PromptCost& last = cost.alpha.back();
    const auto prompt = [](const PromptCost& point) {
      return Cell{point.seconds * 1e3, fmt::format("{} (p = {})", HumanNumber(point.seconds * 1e3),
                                                   point.prompt_tokens)};
    };
    std::vector<Cell> row = {
        {cost.name, Fit(cost.name, 32)},
        {std::string(judged || cost.method != FitMethod::kOurs ? kFitMethods.Name(cost.method)
                                                               : "roofline"),
         ""},
        {cost.goodness.points, ""},
        Milliseconds(cost.beta, cost.beta_interval),
        {cost.beta_interval.low * 1e3, ""},
        {cost.beta_interval.high * 1e3, ""},
        {cost.gamma * 1e9, HumanNumber(cost.gamma * 1e9)},
        {cost.overhead * 1e3, HumanNumber(cost.overhead * 1e3)},
        prompt(first),
        prompt(last),
        judged ? Percent(cost.goodness.mape, 2) : Cell{Json(), "-"},
        judged ? Percent(cost.goodness.max_ape, 1) : Cell{Json(), "-"},
        {judged ? Json(cost.goodness.r2) : Json(), ""}};
    if (check) {
      const std::optional<double> error = LeaveOneSizeOutError(fitted.profile);
      row.push_back(error ? Percent(*error, 2) : Cell{Json(), "-"});
    }
    table.AddRow(std::move(row));
  }
  table.Print(format, context.terminal, context.out);
}

void PrintRequests(std::span<const FittedProfile> profiles, std::span<const Request> requests,
                   OutputFormat format, Context& context) {
  Table table({{"name", "model", false},
               {"prompt_tokens", "prompt"},
               {"output_tokens", "output"},
               {"seconds", "seconds"}});
  for (const FittedProfile& fitted : profiles) {
    for (const Request& request : requests) {
      const double seconds =
          RequestSeconds(fitted.cost, request.prompt_tokens, request.output_tokens);
      table.AddRow({{fitted.cost.name, Fit(fitted.cost.name, 32)},
                    {request.prompt_tokens, ""},
                    {request.output_tokens, ""},
                    {seconds, fmt::format("{:.4g}", seconds)}});
    }
  }
  table.Print(format, context.terminal, context.out);
}

Json AsJson(std::span<const FittedProfile> profiles, std::span<const Request> requests,
            bool check) {
  Json json = Json::MakeArray();
  for (const FittedProfile& fitted : profiles) {
    Json model = ToJson(fitted.cost, fitted.profile);
    if (check) {
      const std::optional<double> error = LeaveOneSizeOutError(fitted.profile);
      model["goodness"]["left_out_error"] = error ? Json(*error) : Json();
    }
    Json predicted = Json::MakeArray();
    for (const Request& request : requests) {
      Json one = Json::MakeObject();
      one["prompt_tokens"] = request.prompt_tokens;
      one["output_tokens"] = request.output_tokens;
      one["seconds"] = RequestSeconds(fitted.cost, request.prompt_tokens, request.output_tokens);
      predicted.Append(std::move(one));
    }
    if (!requests.empty()) model["requests"] = std::move(predicted);
    json.Append(std::move(model));
  }
  return json;
}

}  // namespace

std::vector<Request> ParseRequests(const std::string& text, const std::string& option) {
  std::vector<Request> requests;
  ForEachItem(text, [&](std::string_view item) {
    const std::size_t colon = item.find(':');
    if (colon == std::string_view::npos) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: got '{}', expected PROMPT:OUTPUT tokens, as in 512:64", option,
                              Quoted(std::string(item))));
    }
    requests.push_back({ParseTokens(item.substr(0, colon), option, 1),
                        ParseTokens(item.substr(colon + 1), option, 0)});
  });
  return requests;
}

std::vector<std::int64_t> ParseTokenList(const std::string& text, const std::string& option,
                                         std::int64_t low) {
  std::vector<std::int64_t> tokens;
  ForEachItem(text,
              [&](std::string_view item) { tokens.push_back(ParseTokens(item, option, low)); });
  std::ranges::sort(tokens);
  const auto twin = std::ranges::adjacent_find(tokens);
  if (twin != tokens.end()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {} is there twice", option, *twin));
  }
  return tokens;
}

void PrintNotes(std::span<const FittedProfile> profiles, Context& context) {
  if (context.quiet) return;
  for (const FittedProfile& fitted : profiles) {
    for (const std::string& note : fitted.profile.notes) {
      context.err << fmt::format("{}: {}\n", fitted.profile.source, note);
    }
    for (const std::string& warning : fitted.cost.warnings) {
      context.err << fmt::format("{}: warning: {}\n", fitted.cost.name, warning);
    }
  }
}

void PrintProfiles(std::span<const FittedProfile> profiles, std::span<const Request> requests,
                   bool check, ProfileOutput format, Context& context) {
  if (format == ProfileOutput::kJson) {
    context.out << WriteJson(AsJson(profiles, requests, check)) << '\n';
    return;
  }
  if (format == ProfileOutput::kHelm) {
    std::vector<TokenCost> costs;
    for (const FittedProfile& fitted : profiles) costs.push_back(fitted.cost);
    const bool remote = std::ranges::any_of(
        profiles, [](const FittedProfile& fitted) { return fitted.profile.remote; });
    context.out << WriteJson(ToHelmJson(costs, remote)) << '\n';
    return;
  }
  const OutputFormat table =
      format == ProfileOutput::kCsv ? OutputFormat::kCsv : OutputFormat::kTable;
  if (requests.empty()) {
    PrintCosts(profiles, check, table, context);
  } else {
    PrintRequests(profiles, requests, table, context);
  }
}

}  // namespace lts::cli
