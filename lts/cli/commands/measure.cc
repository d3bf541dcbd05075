// lts measure: latency and peak memory of given architectures on this machine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "fmt/format.h"
#include "lts/arch/count.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/measure/canary.h"
#include "lts/measure/environment_probe.h"
#include "lts/measure/latency.h"
#include "lts/measure/memory.h"
#include "lts/measure/roofline.h"
#include "lts/measure/runtime_config.h"
#include "lts/objectives/units.h"
#include "lts/runtime/registry/registry.h"
#include "lts/store/store.h"

namespace lts::cli {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kMaxGroup =
    16;  // models in memory at once; more would only thin out the canary

struct Options {
  std::vector<std::string> files;
  RunOptions run;
  std::int64_t repeat = 10;
  bool no_memory = false;
  std::string store;
};

struct Subject {
  std::string file;
  Architecture architecture;
  LatencyResult latency;
  std::optional<MemoryProbeResult> memory;
  LatencyBound bound;
};

// Times `group` interleaved; fills their `latency`. Returns the session's drift.
InterleavedResult TimeGroup(std::span<Subject> group, Runtime& runtime, TimedSubject& canary,
                            const Workload& workload, const ReferenceRule& reference,
                            const LatencyOptions& options, Rng& rng, Clock& clock) {
  std::vector<std::unique_ptr<TimedSubject>> subjects;
  std::vector<TimedSubject*> pointers;
  for (const Subject& subject : group) {
    std::shared_ptr<LoadedModel> model =
        runtime.LoadRandom(subject.architecture, kSeed, Purpose::kTiming);
    subjects.push_back(MakeSubject(std::move(model), workload, kInUse));
    pointers.push_back(subjects.back().get());
  }
  InterleavedResult result =
      MeasureInterleaved(pointers, canary, workload, reference, options, rng, clock);
  for (std::size_t i = 0; i < group.size(); ++i) group[i].latency = std::move(result.results[i]);
  return result;
}

// The next models that fit into half of the memory together: at least one, which alone was checked
// to fit.
std::size_t GroupSize(std::span<const Subject> rest, const RuntimeConfig& config,
                      const Workload& workload) {
  std::int64_t budget = AvailableMemoryBytes() / 2;
  std::size_t size = 0;
  while (size < std::min(rest.size(), kMaxGroup)) {
    budget -= EstimateMemoryNeed(rest[size].architecture, config, workload);
    if (budget < 0 && size > 0) break;
    ++size;
  }
  return size;
}

Cell Milliseconds(const Measurement& measurement) {
  std::string text = HumanNumber(measurement.value);
  if (measurement.high > measurement.low) {
    text += fmt::format(" [{}, {}]", HumanNumber(measurement.low), HumanNumber(measurement.high));
  }
  return {measurement.value, measurement.noisy ? text + " ~" : text};
}

void PrintResults(const std::vector<Subject>& subjects, Context& context) {
  std::vector<Table::Column> columns = {{"file", "file", false}, {"shape", "shape", false}};
  for (const std::string name : {"ttft_ms", "tpot_ms", "latency_ms"}) {
    columns.push_back({name, name + " [95 %]"});
    columns.push_back({name + "_low", ""});
    columns.push_back({name + "_high", ""});
    columns.push_back({name + "_p95", name == "latency_ms" ? "p95" : ""});
    if (name != "latency_ms") columns.push_back({name + "_of_bound", "of bound"});
  }
  columns.insert(columns.end(), {{"samples", "runs"},
                                 {"noisy", ""},
                                 {"drift", ""},
                                 {"peak_memory_mib", "peak MiB"},
                                 {"weights_mib", ""},
                                 {"kv_cache_mib", ""},
                                 {"workspace_mib", ""},
                                 {"archid", "", false}});
  Table table(columns);
  for (const Subject& subject : subjects) {
    std::vector<Cell> row = {{subject.file, Fit(subject.file, 32)},
                             {subject.architecture.ShortName(), ""}};
    for (const Measurement* m :
         {&subject.latency.ttft, &subject.latency.tpot, &subject.latency.total}) {
      row.push_back(Milliseconds(*m));
      row.insert(row.end(), {{m->low, ""}, {m->high, ""}, {m->p95, HumanNumber(m->p95)}});
      if (m == &subject.latency.total) continue;
      const double bound =
          m == &subject.latency.ttft ? subject.bound.ttft_ms : subject.bound.tpot_ms;
      row.push_back(bound > 0 && m->value > 0
                        ? Cell{bound / m->value, fmt::format("{:.0f} %", 100 * bound / m->value)}
                        : Cell{Json(), "-"});
    }
    const Measurement& total = subject.latency.total;
    row.insert(row.end(), {{static_cast<std::int64_t>(total.samples.size()), ""},
                           {total.noisy, ""},
                           {total.drift, ""}});
    const auto mib = [&](std::int64_t bytes) {
      const double value = static_cast<double>(bytes) / (1024 * 1024);
      return subject.memory ? Cell{value, HumanNumber(value)} : Cell{Json(), "-"};
    };
    const MemoryProbeResult memory = subject.memory.value_or(MemoryProbeResult{});
    row.insert(row.end(), {mib(memory.peak_bytes),
                           mib(memory.account.weights),
                           mib(memory.account.kv_cache),
                           mib(memory.account.workspace),
                           {subject.architecture.Id(), ""}});
    table.AddRow(std::move(row));
  }
  table.Print(context.format, context.terminal, context.out);
}

void RunMeasure(const Options& options, Context& context) {
  const RuntimeConfig config = options.run.Config();
  const Workload workload = options.run.AsWorkload();
  const LatencyOptions latency = RepeatedLatency(options.repeat);
  std::vector<Subject> subjects;
  for (const std::string& file : options.files) {
    NamedArchitecture model = ReadNamedArchitecture(file, context);
    subjects.push_back({std::move(model.name), std::move(model.architecture), {}, {}, {}});
    const Subject& subject = subjects.back();
    const Graph graph = BuildGraph(subject.architecture);
    CountWorkload(graph, ShapeOf(workload), config.dtype);
    CheckFitsInMemory(subject.architecture, config, workload);
  }

  SystemClock clock;
  Rng rng(kSeed);
  const Environment environment = ProbeEnvironment(config);
  std::optional<Store> store;
  if (!options.store.empty()) store.emplace(options.store);
  const std::unique_ptr<Runtime> runtime = CreateRuntime(config.runtime, OptionsOf(config));
  for (const Subject& subject : subjects) {
    const Availability supported = runtime->Supports(BuildGraph(subject.architecture));
    if (!supported.ok) {
      throw Error(ErrorCode::kUnsupported, subject.file + ": " + supported.reason);
    }
  }
  const std::unique_ptr<TimedSubject> canary = MakeCanary(*runtime);
  InstallSignalHandlers();

  // One reference for all groups; from the store it makes results of different processes and days
  // comparable.
  std::optional<CanaryReference> reference;
  const auto rule = [&](const CanaryReference& session) {
    if (g_interrupted != 0) return session;  // its results are thrown away
    if (!reference && store) {
      reference = ParseCanaryReference(
          store->CanaryReference(environment.key(), CanaryKey(config), ToJson(session)),
          options.store);
    } else if (!reference) {
      reference = session;
    }
    return *reference;
  };
  double drift_low = 0;
  double drift_high = 0;
  for (std::size_t first = 0; first < subjects.size();) {
    const std::span<Subject> rest(subjects.data() + first, subjects.size() - first);
    const std::span<Subject> group = rest.first(GroupSize(rest, config, workload));
    if (!context.quiet) {
      context.err << fmt::format(
          "timing {} of {}: {} rounds, {} threads, prompt {}, output {}, batch {}\n", group.size(),
          subjects.size(), options.repeat, config.threads, workload.prompt_tokens,
          workload.output_tokens, workload.batch);
    }
    const InterleavedResult result =
        TimeGroup(group, *runtime, *canary, workload, rule, latency, rng, clock);
    if (g_interrupted != 0) throw Error(ErrorCode::kCancelled, "interrupted");
    drift_low = first == 0 ? result.drift_low : std::min(drift_low, result.drift_low);
    drift_high = first == 0 ? result.drift_high : std::max(drift_high, result.drift_high);
    first += group.size();
  }
  const Ceilings ceilings =
      MeasureCeilings({.threads = config.threads, .products = false}, KernelProbes(), clock);
  for (Subject& subject : subjects) {
    const WorkloadCounts counts = CountWorkload(BuildGraph(subject.architecture), ShapeOf(workload),
                                                config.dtype, config.cache_dtype());
    subject.bound = BoundOf(counts, config.dtype, ceilings);
  }
  if (!options.no_memory) {
    for (Subject& subject : subjects) {
      subject.memory = ProbeMemory(
          subject.architecture, config, workload,
          {.executable = context.executable, .stop = [] { return g_interrupted != 0; }});
    }
  }
  if (store) {
    for (const Subject& subject : subjects) {
      std::vector<Measurement> measurements = {subject.latency.ttft, subject.latency.tpot,
                                               subject.latency.total};
      if (subject.memory) measurements.push_back(PeakMemoryMeasurement(*subject.memory));
      store->SaveEvaluation(subject.architecture, {environment.key(), config, workload},
                            environment, measurements);
    }
  }
  PrintResults(subjects, context);
  if (!context.quiet) {
    context.err << fmt::format(
        "machine: {}, speed between {:.2f}x and {:.2f}x of the canary's reference; corrected\n",
        environment.cpu_model, 1 / drift_high, 1 / drift_low);
  }
}

}  // namespace

void AddMeasure(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "measure", "Latency and peak memory of architectures, measured here with intervals");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->files,
                   "Architecture files (as for `lts count`), or - for stdin; timed interleaved")
      ->required();
  AddRuntimeOptions(*command, options->run);
  AddWorkloadOptions(*command, options->run);
  AddRepeatOption(*command, options->repeat);
  command->add_flag("--no-memory", options->no_memory,
                    "Skip the peak memory (a fresh process per model)");
  command
      ->add_option("--store", options->store,
                   "Save the results to this SQLite file and take the canary's reference from it, "
                   "so that results "
                   "of different runs compare; e.g. lts-search/lts.db")
      ->type_name("FILE");
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "ttft: prefill to first logits. tpot: mean decode step. latency: ttft + (output tokens - 1) "
      "* tpot. Shown is "
      "the\nmedian with the 95 % interval of the median; ~ marks a result that stayed noisy. peak "
      "MiB: resident "
      "memory above\nan empty process. Weights are random: they do not change speed.");
  command->callback([options, &context] { RunMeasure(*options, context); });
}

}  // namespace lts::cli
