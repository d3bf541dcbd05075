// Measures one model in many separate processes, as separate searches or `lts measure` calls would,
// and says how far their medians spread. Target: after canary correction the coefficient of
// variation of the median is at most 2 %.
//   repeatability_bench [--runs 20] [--threads N] [--trace]
// Not Google Benchmark: the subject is the measuring itself, and each repeat must be a process of
// its own. Exit code 1 when the target is missed, 2 on bad usage.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/model.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/rng.h"
#include "lts/base/stats.h"
#include "lts/base/thread_pool.h"
#include "lts/measure/canary.h"
#include "lts/measure/child_process.h"
#include "lts/measure/environment_probe.h"
#include "lts/measure/latency.h"
#include "lts/measure/subject.h"
#include "lts/runtime/registry/registry.h"

namespace {

using lts::Error;
using lts::ErrorCode;
using lts::Json;

constexpr double kTarget = 0.02;
constexpr double kChildTimeoutS = 300;
constexpr lts::Workload kWorkload{.prompt_tokens = 192, .output_tokens = 32, .batch = 1};

lts::Architecture BenchArchitecture() { return lts::Architecture::Gpt2(4, 384, 896, 4); }

// Keeps the uncorrected times, too.
class Recorded final : public lts::TimedSubject {
 public:
  Recorded(std::string name, lts::TimedSubject& subject, Json* trace)
      : name_(std::move(name)), subject_(subject), trace_(trace) {}

  lts::WorkloadTiming Run(lts::Clock& clock) override {
    const std::int64_t begin = clock.NowNs();
    const lts::WorkloadTiming timing = subject_.Run(clock);
    ttft_ms.push_back(timing.ttft_ms);
    tpot_ms.push_back(timing.tpot_ms);
    total_ms.push_back(timing.ttft_ms +
                       timing.tpot_ms * static_cast<double>(kWorkload.output_tokens - 1));
    if (trace_ != nullptr) {
      Json event = Json::MakeObject();
      event["who"] = name_;
      event["begin_ms"] = static_cast<double>(begin) * 1e-6;
      event["end_ms"] = static_cast<double>(clock.NowNs()) * 1e-6;
      event["ttft_ms"] = timing.ttft_ms;
      event["tpot_ms"] = timing.tpot_ms;
      trace_->Append(std::move(event));
    }
    return timing;
  }

  std::vector<double> ttft_ms, tpot_ms, total_ms;

 private:
  std::string name_;
  lts::TimedSubject& subject_;
  Json* trace_;
};

// Timing nonsense quickly is not a result: the model must answer with V finite, different logits.
void CheckAnswers(lts::ModelSubject& subject, lts::Clock& clock) {
  subject.Run(clock);
  const auto logits = subject.logits();
  if (static_cast<std::int64_t>(logits.size()) != BenchArchitecture().vocab_size()) {
    throw Error(ErrorCode::kCorrupt,
                "the model did not answer with one logit per vocabulary entry");
  }
  const auto [low, high] = std::minmax_element(logits.begin(), logits.end());
  for (const float logit : logits) {
    if (!std::isfinite(logit)) throw Error(ErrorCode::kCorrupt, "a logit is not finite");
  }
  if (*low == *high) throw Error(ErrorCode::kCorrupt, "all logits are equal");
}

// One process: measures the model against `reference`, or, without one, takes the reference. Prints
// JSON.
Json MeasureOnce(int threads, std::uint64_t seed,
                 const std::optional<lts::CanaryReference>& reference, bool trace) {
  lts::SystemClock clock;
  lts::RuntimeOptions runtime_options;
  runtime_options.threads = threads;
  const auto runtime = lts::CreateRuntime("cpu", runtime_options);
  const auto canary = lts::MakeCanary(*runtime);
  lts::ModelSubject model(runtime->Load(lts::RandomModel(BenchArchitecture(), 1)), kWorkload,
                          lts::kInUse);
  CheckAnswers(model, clock);

  Json events = Json::MakeArray();
  Recorded recorded_canary("canary", *canary, trace ? &events : nullptr);
  Recorded recorded("model", model, trace ? &events : nullptr);
  std::vector<lts::TimedSubject*> subjects;
  lts::LatencyOptions options;
  if (reference) {
    subjects.push_back(&recorded);
  } else {
    options.min_rounds = options.max_rounds = 30;  // of the canary alone
  }
  const auto rule = [&](const lts::CanaryReference& session) {
    return reference.value_or(session);
  };
  lts::Rng rng(seed);
  const std::int64_t begin = clock.NowNs();
  const lts::InterleavedResult result =
      lts::MeasureInterleaved(subjects, recorded_canary, kWorkload, rule, options, rng, clock);
  Json answer = Json::MakeObject();
  answer["reference"] = ToJson(result.reference);
  answer["seconds"] = static_cast<double>(clock.NowNs() - begin) * 1e-9;
  if (reference) {
    const lts::LatencyResult& latency = result.results.front();
    answer["raw_ttft_ms"] = lts::Median(recorded.ttft_ms);
    answer["raw_tpot_ms"] = lts::Median(recorded.tpot_ms);
    answer["raw_total_ms"] = lts::Median(recorded.total_ms);
    answer["ttft_ms"] = latency.ttft.value;
    answer["tpot_ms"] = latency.tpot.value;
    answer["total_ms"] = latency.total.value;
    answer["low_ms"] = latency.total.low;
    answer["high_ms"] = latency.total.high;
    answer["drift"] = latency.total.drift;
    answer["samples"] = static_cast<std::int64_t>(latency.total.samples.size());
    answer["noisy"] = latency.total.noisy;
  }
  if (trace) answer["trace"] = std::move(events);
  return answer;
}

struct Usage {
  int runs = 20;
  int threads = lts::UsableCores();
  bool trace = false;
  bool child = false;
  std::uint64_t seed = 0;
  std::optional<lts::CanaryReference> reference;
};

Usage ParseUsage(int argc, char** argv) {
  Usage usage;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace") {
      usage.trace = true;
      continue;
    }
    if (i + 1 == argc)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("unknown or incomplete option '{}'", name));
    const std::string value = argv[++i];
    const auto number = [&](int low, int high) {
      const long parsed = std::strtol(value.c_str(), nullptr, 10);
      if (parsed < low || parsed > high) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: got '{}', expected {} to {}", name, value, low, high));
      }
      return static_cast<int>(parsed);
    };
    if (name == "--runs") {
      usage.runs = number(2, 1000);
    } else if (name == "--threads") {
      usage.threads = number(1, 1024);
    } else if (name == "--child") {
      usage.child = true;
      usage.seed = static_cast<std::uint64_t>(number(0, 1 << 20));
    } else if (name == "--reference") {
      usage.reference = lts::ParseCanaryReference(lts::ParseJson(value, name), std::string(name));
    } else {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("unknown option '{}'", name));
    }
  }
  return usage;
}

Json RunChild(const Usage& usage, int seed, const std::optional<lts::CanaryReference>& reference) {
  std::vector<std::string> arguments = {"--child", std::to_string(seed), "--threads",
                                        std::to_string(usage.threads)};
  if (usage.trace) arguments.emplace_back("--trace");
  if (reference) {
    arguments.emplace_back("--reference");
    arguments.push_back(WriteJson(ToJson(*reference), lts::JsonStyle::kCompact));
  }
  lts::ChildProcessOptions options;
  options.timeout_s = kChildTimeoutS;
  options.max_output = 1 << 22;
  const lts::ChildProcessResult child = RunChildProcess("/proc/self/exe", arguments, "", options);
  if (child.end != lts::ChildProcessResult::End::kExited || child.code != 0) {
    throw Error(ErrorCode::kIo, fmt::format("run {} failed: {}", seed, child.err));
  }
  return lts::ParseJson(child.out, "child");
}

double Field(const Json& json, std::string_view name) { return json.Find(name)->AsDouble(); }

int RunAll(const Usage& usage) {
  const lts::Environment environment = lts::ProbeEnvironment({.runtime = "cpu"});
  fmt::print("{}, {} cores, {}, governor {}, load {:.2f}\n", environment.cpu_model,
             environment.logical_cores, environment.isa, environment.governor,
             environment.load_1min);
  fmt::print("model {}, {} prompt + {} output tokens, batch 1, cpu f32, {} threads\n",
             BenchArchitecture().ShortName(), kWorkload.prompt_tokens, kWorkload.output_tokens,
             usage.threads);
  const Json calibration = RunChild(usage, 0, std::nullopt);
  const lts::CanaryReference reference =
      lts::ParseCanaryReference(*calibration.Find("reference"), "calibration");
  fmt::print("canary reference: TTFT {:.3f} ms, TPOT {:.3f} ms\n\n", reference.ttft_ms,
             reference.tpot_ms);
  if (usage.trace) fmt::print("trace {}\n", WriteJson(calibration, lts::JsonStyle::kCompact));
  fmt::print(
      "run   drift  samples  seconds | raw TTFT    TPOT    total | corrected TTFT    TPOT    total "
      " [95 % interval]  (ms)\n");
  struct Column {
    const char* title;
    const char* raw;
    const char* corrected;
    std::vector<double> raw_ms, corrected_ms;
  };
  std::vector<Column> columns = {{"TTFT", "raw_ttft_ms", "ttft_ms", {}, {}},
                                 {"TPOT", "raw_tpot_ms", "tpot_ms", {}, {}},
                                 {"total", "raw_total_ms", "total_ms", {}, {}}};
  for (int run = 1; run <= usage.runs; ++run) {
    const Json json = RunChild(usage, run, reference);
    for (Column& column : columns) {
      column.raw_ms.push_back(Field(json, column.raw));
      column.corrected_ms.push_back(Field(json, column.corrected));
    }
    fmt::print(
        "{:3}  {:6.3f}  {:7}  {:7.1f} | {:8.2f} {:7.3f} {:8.2f} | {:14.2f} {:7.3f} {:8.2f}  "
        "[{:.2f}, {:.2f}]{}\n",
        run, Field(json, "drift"), json.Find("samples")->AsInt(), Field(json, "seconds"),
        columns[0].raw_ms.back(), columns[1].raw_ms.back(), columns[2].raw_ms.back(),
        columns[0].corrected_ms.back(), columns[1].corrected_ms.back(),
        columns[2].corrected_ms.back(), Field(json, "low_ms"), Field(json, "high_ms"),
        json.Find("noisy")->AsBool() ? " noisy" : "");
    if (usage.trace) fmt::print("trace {}\n", WriteJson(json, lts::JsonStyle::kCompact));
    std::fflush(stdout);
  }
  fmt::print("\n{} processes            median       CV raw  CV corrected\n", usage.runs);
  for (const Column& column : columns) {
    fmt::print("{:6} {:25.3f} ms  {:9.2f} %  {:10.2f} %\n", column.title,
               lts::Median(column.corrected_ms), 100 * lts::CoefficientOfVariation(column.raw_ms),
               100 * lts::CoefficientOfVariation(column.corrected_ms));
  }
  const double cv = lts::CoefficientOfVariation(columns.back().corrected_ms);
  const bool held = cv <= kTarget;
  fmt::print("target: CV of the corrected total <= {:.1f} %: {} ({:.2f} %)\n", 100 * kTarget,
             held ? "held" : "MISSED", 100 * cv);
  return held ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Usage usage = ParseUsage(argc, argv);
    if (!usage.child) return RunAll(usage);
    fmt::print("{}\n",
               WriteJson(MeasureOnce(usage.threads, usage.seed, usage.reference, usage.trace),
                         lts::JsonStyle::kCompact));
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "repeatability_bench: {}\n", error.what());
    return error.code() == ErrorCode::kInvalidArgument ? 2 : 1;
  }
}
