#include "lts/job/search_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/base/thread_pool.h"
#include "lts/job/run_report.h"
#include "lts/runtime/registry/registry.h"

namespace lts {
namespace {

constexpr std::size_t kMaxObjectives = 8;
constexpr std::size_t kMaxConstraints = 64;

[[noreturn]] void Fail(std::string_view option, std::string_view problem) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", option, problem));
}

void CheckRange(std::string_view option, std::int64_t got, std::int64_t low, std::int64_t high) {
  if (got < low || got > high) {
    Fail(option, fmt::format("got {}, expected an integer in [{}, {}]", got, low, high));
  }
}

void CheckBudget(const SearchJobOptions& options) {
  if (!std::isfinite(options.budget_s) || options.budget_s < 0) {
    Fail("budget", fmt::format("got {} s, expected a time of at least 0 s", options.budget_s));
  }
  CheckRange("budget in evaluations", options.budget_evaluations, 0,
             std::numeric_limits<std::int64_t>::max());
  if (options.budget_s == 0 && options.budget_evaluations == 0) {
    Fail("budget", "got none, expected a time or a number of evaluations");
  }
}

void CheckWorkload(const Workload& workload, const SearchSpace& space) {
  const std::int64_t max_seq_len = space.fields().max_seq_len;
  CheckRange("prompt", workload.prompt_tokens, 1, max_seq_len);
  CheckRange("output tokens", workload.output_tokens, 1, max_seq_len);
  CheckRange("batch", workload.batch, 1, 1 << 16);
  if (workload.context_tokens() > max_seq_len) {
    Fail("prompt and output tokens",
         fmt::format("{} + {} tokens need a context of {}, but space '{}' has max_seq_len {}",
                     workload.prompt_tokens, workload.output_tokens, workload.context_tokens(),
                     space.name(), max_seq_len));
  }
}

void CheckRuntime(const RuntimeConfig& config) {
  FindRuntime(config.runtime);
  CheckRuntimeOptions({.threads = config.threads, .dtype = config.dtype});
}

// "latency_ms", "max:latency_ms" -> the objective and its direction.
std::pair<const Objective*, Direction> ParseObjective(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const Objective& objective = FindObjective(text);
    return {&objective, Info(objective.metric).better};
  }
  const std::string_view direction = text.substr(0, colon);
  if (direction != "min" && direction != "max") {
    Fail(fmt::format("objective '{}'", Quoted(text)),
         fmt::format("got the direction '{}', expected 'min:' or 'max:'", Quoted(direction)));
  }
  return {&FindObjective(text.substr(colon + 1)),
          direction == "min" ? Direction::kMinimize : Direction::kMaximize};
}

void PlanObjectives(const SearchJobOptions& options, SearchPlan& plan) {
  if (options.objectives.empty() || options.objectives.size() > kMaxObjectives) {
    Fail("objectives",
         fmt::format("got {}, expected 1 to {}", options.objectives.size(), kMaxObjectives));
  }
  std::set<Metric> seen;
  for (const std::string& text : options.objectives) {
    const auto [objective, direction] = ParseObjective(text);
    const std::string name(Info(objective->metric).name);
    if (!seen.insert(objective->metric).second) {
      Fail("objectives", fmt::format("'{}' is named twice, expected each once", name));
    }
    plan.objectives.push_back(objective);
    plan.search.objectives.push_back({name, direction});
  }
}

bool IsMetric(std::string_view name) {
  return std::any_of(Metrics().begin(), Metrics().end(),
                     [&](const MetricInfo& info) { return info.name == name; });
}

bool NamesMeasured(const Constraint& constraint) {
  return std::any_of(
      constraint.names().begin(), constraint.names().end(),
      [](const std::string& name) { return IsMetric(name) && MetricByName(name).measured; });
}

void CheckNames(const Constraint& constraint, const SearchSpace& space) {
  std::vector<std::string> known;
  for (const Dimension& dimension : space.fields().dimensions) known.push_back(dimension.name);
  for (const MetricInfo& info : Metrics()) known.emplace_back(info.name);
  for (const std::string& name : constraint.names()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("constraint '{}': {}", Quoted(constraint.text()),
                              UnknownName("name", name, known)));
    }
  }
}

// Cheap ones join the space; the others wait for the measurements.
SearchSpace PlanConstraints(const SearchJobOptions& options, const SearchSpace& space,
                            std::vector<Constraint>& measured) {
  if (options.constraints.size() > kMaxConstraints) {
    Fail("constraints",
         fmt::format("got {}, expected at most {}", options.constraints.size(), kMaxConstraints));
  }
  std::vector<std::string> cheap;
  for (const std::string& text : options.constraints) {
    Constraint constraint = Constraint::Parse(text);
    // Here, not in the space: it knows no measured metric, so could not suggest "latency_ms".
    CheckNames(constraint, space);
    if (NamesMeasured(constraint)) {
      measured.push_back(std::move(constraint));
    } else {
      cheap.push_back(text);
    }
  }
  return space.With(cheap);
}

std::vector<Metric> PlanMeasured(const SearchPlan& plan) {
  std::set<Metric> metrics;
  for (const Objective* objective : plan.objectives) metrics.insert(objective->metric);
  for (const Constraint& constraint : plan.measured_constraints) {
    for (const std::string& name : constraint.names()) {
      if (IsMetric(name)) metrics.insert(MetricByName(name).metric);
    }
  }
  if (plan.algorithm->models_metrics && metrics.contains(Metric::kLatencyMs)) {
    // What latency is made of is easier to predict than latency.
    metrics.insert(Metric::kTtftMs);
    if (plan.search.workload.output_tokens > 1) metrics.insert(Metric::kTpotMs);
  }
  std::vector<Metric> measured;
  for (const Metric metric : metrics) {
    if (Info(metric).measured) measured.push_back(metric);
  }
  if (metrics.contains(Metric::kTpotMs) && plan.search.workload.output_tokens < 2) {
    Fail("output tokens", "got 1, expected at least 2: tpot_ms is the time of every further token");
  }
  return measured;
}

// Ends every search before its first candidate. Running an algorithm with it checks the algorithm's
// parameters by the algorithm's own rules.
class NoBudget final : public Evaluator {
 public:
  std::vector<Score> Evaluate(std::span<const Candidate> /*candidates*/) override { return {}; }
};

Json Strings(const std::vector<std::string>& texts) {
  Json array = Json::MakeArray();
  for (const std::string& text : texts) array.Append(text);
  return array;
}

std::string Short(const Json* json) {
  if (json == nullptr) return "none";
  if (json->is_object()) {
    if (const Json* name = json->Find("name"); name != nullptr && name->is_string()) {
      return Quoted(name->AsString());
    }
  }
  return Quoted(WriteJson(*json, JsonStyle::kCompact));
}

[[noreturn]] void FailResume(const std::string& file, const RunRecord& run, std::string_view what,
                             const Json* got, const Json* expected, std::string_view hint) {
  std::string difference = fmt::format("got {}, the run has {}", Short(got), Short(expected));
  if (Short(got) == Short(expected)) difference = "it has changed since the run began";
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: cannot resume run {}: {}: {}; {}", file,
                                                       run.id, what, difference, hint));
}

}  // namespace

namespace {

SearchPlan PlanIn(const SearchSpace& space, const SearchJobOptions& options) {
  const SearchAlgorithm& algorithm = FindSearchAlgorithm(options.algorithm);
  std::vector<Constraint> measured_constraints;
  CheckWorkload(options.workload, space);
  SearchPlan plan{.space = PlanConstraints(options, space, measured_constraints)};
  plan.algorithm = &algorithm;
  plan.measured_constraints = std::move(measured_constraints);
  plan.search.seed = options.seed;
  plan.search.max_evaluations = options.budget_evaluations;
  plan.search.workload = options.workload;
  plan.search.config = options.config;
  for (const Constraint& constraint : plan.measured_constraints)
    plan.search.measured_constraints.push_back(constraint.text());
  plan.search.parameters = options.parameters;
  plan.search.threads = UsableCores();
  PlanObjectives(options, plan);
  plan.measured = PlanMeasured(plan);

  RunSettings settings;
  settings.space = space.ToJson();
  settings.law = space.fields().law;
  settings.objectives = plan.search.objectives;
  settings.config = options.config;
  settings.workload = options.workload;
  plan.options = settings.ToJson();
  plan.options["constraints"] = Strings(options.constraints);
  plan.options["algorithm"] = options.algorithm;
  plan.options["parameters"] = options.parameters;
  // Beyond 2^63 a seed is kept as text: JSON integers end there.
  plan.options["seed"] = options.seed <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}
                             ? Json(static_cast<std::int64_t>(options.seed))
                             : Json(fmt::to_string(options.seed));
  plan.options["budget_s"] = options.budget_s;
  plan.options["budget_evaluations"] = options.budget_evaluations;
  return plan;
}

}  // namespace

namespace {

SearchSpace SpaceOf(const SearchJobOptions& options) {
  SearchSpace space = LoadSpace(options.space);
  if (options.law.empty()) return space;
  LawFile law = ReadLawFile(options.law);
  const std::string_view name = Info(Metric::kLtsLaw).name;
  const auto names_it = [&](const std::string& text) {
    return text.find(name) != std::string::npos;
  };
  if (std::ranges::none_of(options.objectives, names_it) &&
      std::ranges::none_of(options.constraints, names_it)) {
    Fail("law", fmt::format("{} says what {} means, but no objective or constraint names that",
                            options.law, name));
  }
  return space.WithLaw(std::move(law));
}

}  // namespace

SearchPlan PlanSearch(const SearchJobOptions& options) {
  CheckBudget(options);
  CheckRuntime(options.config);
  SearchPlan plan = PlanIn(SpaceOf(options), options);
  CheckNotEmpty(plan.space, options.workload);
  NoBudget no_budget;
  plan.algorithm->run(plan.space, plan.search, no_budget, nullptr);
  return plan;
}

SearchPlan PlanOfRun(const RunRecord& run, const std::string& name) {
  const RunSettings settings = RunSettings::FromJson(run.options, name);
  ObjectReader reader(run.options, name);
  SearchJobOptions options;
  options.objectives.clear();
  for (const ObjectiveSpec& spec : settings.objectives) {
    options.objectives.push_back((spec.direction == Direction::kMinimize ? "min:" : "max:") +
                                 spec.name);
  }
  if (reader.Has("constraints")) {
    const Json& constraints = reader.Member("constraints");
    if (!constraints.is_array()) reader.Fail("constraints", "expected an array");
    for (const Json& text : constraints.AsArray()) {
      if (!text.is_string()) reader.Fail("constraints", "expected strings");
      options.constraints.push_back(text.AsString());
    }
  }
  options.algorithm = reader.String("algorithm");
  if (reader.Has("parameters")) options.parameters = reader.Member("parameters");
  options.config = settings.config;
  options.workload = settings.workload;
  return PlanIn(ParseSpace(settings.space, name + ": space"), options);
}

bool SatisfiesMeasured(const SearchPlan& plan, const Architecture& architecture,
                       const std::vector<Measurement>& measurements) {
  const auto holds_in_layer = [&](const Constraint& constraint, const LayerShape& layer) {
    return constraint.Holds([&](std::string_view name) -> double {
      if (name == "n_layer") return static_cast<double>(architecture.n_layer());
      if (name == "d_model") return static_cast<double>(architecture.d_model());
      if (name == "d_inner") return static_cast<double>(layer.d_inner);
      if (name == "n_head") return static_cast<double>(layer.n_head);
      const auto found =
          std::find_if(measurements.begin(), measurements.end(),
                       [&](const Measurement& m) { return Info(m.metric).name == name; });
      LTS_CHECK(found != measurements.end());
      return found->value;
    });
  };
  return std::all_of(
      plan.measured_constraints.begin(), plan.measured_constraints.end(),
      [&](const Constraint& constraint) {
        return std::all_of(
            architecture.layers().begin(), architecture.layers().end(),
            [&](const LayerShape& layer) { return holds_in_layer(constraint, layer); });
      });
}

void CheckSameSearch(const RunRecord& run, const SearchPlan& plan, const Environment& environment,
                     const std::string& file) {
  for (const auto& [name, value] : plan.options.AsObject()) {
    if (name == "budget_s" || name == "budget_evaluations") continue;
    const Json* stored = run.options.Find(name);
    if (stored == nullptr || *stored != value) {
      FailResume(file, run, name, &value, stored,
                 "give the options of that run, or begin a new run without --resume");
    }
  }
  if (environment.key() == run.environment.key()) return;
  const Json now = environment.ToJson();
  const Json then = run.environment.ToJson();
  for (const auto& [name, value] : now.AsObject()) {
    Environment changed = run.environment;
    const Json* stored = then.Find(name);
    if (stored != nullptr && *stored == value) continue;
    if (name == "load_1min" || name == "available_memory_bytes") continue;  // not in the key
    FailResume(file, run, name, &value, stored,
               "measurements of two environments cannot be compared; begin a new run without "
               "--resume");
  }
  FailResume(file, run, "environment", nullptr, nullptr, "begin a new run without --resume");
}

}  // namespace lts
