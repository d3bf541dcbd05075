#include "lts/profile/profile_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lts/base/error.h"

namespace lts {
namespace {

struct PublishedName {
  std::string_view log;
  std::string_view helm;
};
// The models whose published profiles stand for others of the same shape.
constexpr std::array kPublishedNames = {
    PublishedName{"openai_ada", "openai/ada"},
    PublishedName{"gptj_6b", "huggingface/gptj_6b"},
    PublishedName{"gptj_6b", "gooseai/gpt-j-6b"},
    PublishedName{"gptj_6b", "together/gpt-j-6b"},
    PublishedName{"ai21_j1_large", "ai21/j1-large"},
    PublishedName{"ai21_j1_large", "openai/curie"},
    PublishedName{"ai21_j1_large", "microsoft/TNLGv2_7B"},
    PublishedName{"gpt2", "huggingface/gpt2"},
    PublishedName{"ai21_j1_grande", "ai21/j1-grande"},
    PublishedName{"gpt_neox_20b", "gooseai/gpt-neo-20b"},
    PublishedName{"gpt_neox_20b", "together/gpt-neox-20b"},
    PublishedName{"anthropic", "anthropic/stanford-online-all-v4-s3"},
    PublishedName{"anthropic", "cohere/xlarge-20220609"},
    PublishedName{"opt_66b", "together/opt-66b"},
    PublishedName{"yalm", "together/yalm"},
    PublishedName{"openai_davinci", "openai/davinci"},
    PublishedName{"openai_davinci", "together/opt-175b"},
    PublishedName{"ai21_j1_jumbo", "ai21/j1-jumbo"},
    PublishedName{"bloom", "together/bloom"},
    PublishedName{"mt_nlg", "microsoft/TNLGv2_530B"},
};

constexpr double kMaxSeconds = kMaxProfileSeconds;

Json WithInterval(double value, const Interval& interval) {
  Json json = Json::MakeObject();
  json["value"] = value;
  json["low"] = interval.low;
  json["high"] = interval.high;
  return json;
}

Json Texts(const std::vector<std::string>& texts) {
  Json json = Json::MakeArray();
  for (const std::string& text : texts) json.Append(text);
  return json;
}

TokenCost ParseHelmModel(const std::string& name, const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  TokenCost cost;
  cost.name = name;
  cost.method = FitMethod::kIntercept;
  cost.beta = reader.Double("runtime_per_output_token", 0, kMaxSeconds);
  cost.beta_interval = {cost.beta, cost.beta};
  cost.overhead = reader.DoubleOr("overhead", -kMaxSeconds, kMaxSeconds, 0);
  const bool old = reader.Has("runtime_for_input_tokens");
  const char* key = old ? "runtime_for_input_tokens" : "runtime_for_prompt_tokens";
  const Json& table = reader.Member(key);
  reader.RejectUnknown();
  if (!table.is_object() || table.AsObject().empty()) {
    reader.Fail(key, "expected an object of one time or more");
  }
  ObjectReader times(table, fmt::format("{}: {}", where, key));
  for (const auto& [size, seconds] : table.AsObject()) {
    PromptCost prompt;
    const auto [end, error] =
        std::from_chars(size.data(), size.data() + size.size(), prompt.prompt_tokens);
    if (error != std::errc() || end != size.data() + size.size() || prompt.prompt_tokens < 1 ||
        prompt.prompt_tokens > kMaxProfileTokens) {
      times.Fail(size, "expected a prompt size as its key");
    }
    prompt.seconds = times.Double(size, 0, kMaxSeconds);
    prompt.interval = {prompt.seconds, prompt.seconds};
    cost.alpha.push_back(prompt);
  }
  std::ranges::sort(cost.alpha, {}, &PromptCost::prompt_tokens);
  const auto twin = std::ranges::adjacent_find(cost.alpha, {}, &PromptCost::prompt_tokens);
  if (twin != cost.alpha.end()) {
    times.Fail(std::to_string(twin->prompt_tokens), "a prompt size that is there twice");
  }
  return cost;
}

}  // namespace

std::vector<std::string> HelmNames(std::string_view model) {
  std::vector<std::string> names;
  for (const PublishedName& name : kPublishedNames) {
    if (name.log == model) names.emplace_back(name.helm);
  }
  if (names.empty()) names.emplace_back(model);
  return names;
}

Json ToHelmJson(std::span<const TokenCost> costs, bool remote) {
  Json json = Json::MakeObject();
  for (const TokenCost& cost : costs) {
    Json model = Json::MakeObject();
    model["runtime_per_output_token"] = cost.beta;
    Json& table = model["runtime_for_prompt_tokens"] = Json::MakeObject();
    for (const PromptCost& prompt : cost.alpha) {
      table[std::to_string(prompt.prompt_tokens)] = prompt.seconds;
    }
    if (remote) model["overhead"] = cost.overhead;
    std::vector<std::string> names = HelmNames(cost.name);
    if (remote) names.resize(1);
    for (const std::string& name : names) {
      if (json.Find(name) != nullptr) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("two profiles are called '{}'; expected one of each model", name));
      }
      json[name] = model;
    }
  }
  return json;
}

std::vector<TokenCost> ParseHelmJson(const Json& json, const std::string& file) {
  if (!json.is_object() || json.AsObject().empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected an object with a member for each model", file));
  }
  std::vector<TokenCost> costs;
  for (const auto& [name, model] : json.AsObject()) {
    costs.push_back(ParseHelmModel(name, model, fmt::format("{}: {}", file, name)));
  }
  return costs;
}

Json ToJson(const TokenCost& cost, const CostProfile& profile) {
  Json json = Json::MakeObject();
  json["name"] = cost.name;
  json["source"] = profile.source;
  json["method"] = kFitMethods.Name(cost.method);
  json["seconds_per_output_token"] = WithInterval(cost.beta, cost.beta_interval);
  json["seconds_per_output_and_context_token"] = WithInterval(cost.gamma, cost.gamma_interval);
  json["reference_context_tokens"] = cost.reference_context;
  json["overhead_s"] = cost.overhead;
  json["prompt_tile_tokens"] = cost.tile_tokens;
  Json& prompts = json["prompt"] = Json::MakeArray();
  for (const PromptCost& prompt : cost.alpha) {
    Json point = Json::MakeObject();
    point["prompt_tokens"] = prompt.prompt_tokens;
    point["seconds"] = prompt.seconds;
    point["low"] = prompt.interval.low;
    point["high"] = prompt.interval.high;
    prompts.Append(std::move(point));
  }
  const Goodness& goodness = cost.goodness;
  Json& fit = json["goodness"] = Json::MakeObject();
  fit["points"] = goodness.points;
  fit["mape"] = goodness.mape;
  fit["max_ape"] = goodness.max_ape;
  fit["worst_prompt_tokens"] = goodness.worst_prompt_tokens;
  fit["worst_output_tokens"] = goodness.worst_output_tokens;
  fit["r2"] = goodness.r2;
  fit["mse"] = goodness.mse;
  fit["max_squared_error"] = goodness.max_squared_error;
  fit["scatter_beyond_noise"] = cost.scatter;
  json["watts"] = profile.watts ? Json(*profile.watts) : Json();
  json["warnings"] = Texts(cost.warnings);
  json["notes"] = Texts(profile.notes);
  return json;
}

}  // namespace lts
