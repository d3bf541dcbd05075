// lts bench: the same models on several engines, interleaved, and how the engines compare.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <sstream>

#include "lts/arch/count.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/rng.h"
#include "lts/cli/architecture_input.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/options.h"
#include "lts/eval/perplexity.h"
#include "lts/io/checkpoint.h"
#include "lts/measure/canary.h"
#include "lts/measure/latency.h"
#include "lts/measure/memory.h"
#include "lts/measure/roofline.h"
#include "lts/measure/runtime_config.h"
#include "lts/objectives/units.h"
#include "lts/runtime/registry/registry.h"
#include "lts/text/tokenizer_file.h"

namespace lts::cli {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kMaxLoaded = 12;  // models in memory at once, over all engines
constexpr double kMib = 1024.0 * 1024.0;
constexpr std::string_view kKvPrefix = "kv-";  // of the cache's dtype in --runtimes

struct Options {
  std::vector<std::string> files;
  std::string runtimes = "cpu,onnxruntime";
  RunOptions run;
  std::int64_t repeat = 10;
  bool no_memory = false;
  std::string quality;                 // a text file
  std::int64_t quality_tokens = 4096;  // of it at most
};

struct Engine {
  std::string name;  // as in --runtimes: "cpu", "cpu:bf16" or "cpu:int8:kv-int8"
  RuntimeConfig config;
  std::unique_ptr<Runtime> runtime;
};

struct Result {
  LatencyResult latency;
  std::optional<double> peak_mib;
  std::optional<double> perplexity;
  LatencyBound bound;
};

struct Row {
  NamedArchitecture model;
  std::vector<Result> results;  // one for each engine
};

std::vector<Engine> MakeEngines(const Options& options) {
  std::vector<Engine> engines;
  std::istringstream names(options.runtimes);
  for (std::string name; std::getline(names, name, ',');) {
    RunOptions run = options.run;
    std::istringstream parts(name);
    std::getline(parts, run.runtime, ':');
    if (FindRuntime(run.runtime).kv_dtypes == nullptr) run.kv_dtype = "auto";
    for (std::string part; std::getline(parts, part, ':');) {
      if (part.starts_with(kKvPrefix)) {
        run.kv_dtype = part.substr(kKvPrefix.size());
      } else {
        run.dtype = part;
      }
    }
    if (FindRuntime(run.runtime).library.empty()) run.ort_library.clear();
    if (FindRuntime(run.runtime).providers == nullptr) run.ort_provider.clear();
    const RuntimeConfig config = run.Config();
    const auto same = [&](const Engine& engine) {
      return engine.config.runtime == config.runtime && engine.config.dtype == config.dtype &&
             engine.config.cache_dtype() == config.cache_dtype();
    };
    if (std::any_of(engines.begin(), engines.end(), same)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--runtimes: '{}' is there twice", name));
    }
    engines.push_back({name, config, CreateRuntime(run.runtime, OptionsOf(config))});
  }
  if (engines.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--runtimes: got none, expected names of runtimes");
  }
  return engines;
}

void Check(const NamedArchitecture& model, const std::vector<Engine>& engines,
           const Workload& workload) {
  const Graph graph = BuildGraph(model.architecture);
  for (const Engine& engine : engines) {
    CountWorkload(graph, ShapeOf(workload), engine.config.dtype);
    CheckFitsInMemory(model.architecture, engine.config, workload);
    const Availability supported = engine.runtime->Supports(graph);
    if (!supported.ok) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: {}: {}", model.name, engine.name, supported.reason));
    }
  }
}

void CheckHasWeights(const NamedArchitecture& model) {
  if (!std::filesystem::is_directory(model.name)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--quality: {}: got an architecture without weights, expected a "
                            "checkpoint's folder",
                            model.name));
  }
  TokenizerFolderOf(FindCheckpoint(model.name));
}

// The next models that fit into half of the memory on all engines together, at least one.
std::size_t GroupSize(std::span<const Row> rest, const std::vector<Engine>& engines,
                      const Workload& workload) {
  std::int64_t budget = AvailableMemoryBytes() / 2;
  std::size_t size = 0;
  while (size < rest.size() &&
         (size + 1) * engines.size() <= std::max(kMaxLoaded, engines.size())) {
    for (const Engine& engine : engines) {
      budget -= EstimateMemoryNeed(rest[size].model.architecture, engine.config, workload);
    }
    if (budget < 0 && size > 0) break;
    ++size;
  }
  return size;
}

void TimeGroup(std::span<Row> group, const std::vector<Engine>& engines, TimedSubject& canary,
               const Workload& workload, const ReferenceRule& reference,
               const LatencyOptions& options, Rng& rng, Clock& clock) {
  std::vector<std::unique_ptr<TimedSubject>> subjects;
  std::vector<TimedSubject*> pointers;
  for (const Row& row : group) {
    for (const Engine& engine : engines) {
      subjects.push_back(
          MakeSubject(engine.runtime->LoadRandom(row.model.architecture, kSeed), workload, kInUse));
      pointers.push_back(subjects.back().get());
    }
  }
  InterleavedResult result =
      MeasureInterleaved(pointers, canary, workload, reference, options, rng, clock);
  auto next = result.results.begin();
  for (Row& row : group) {
    for (Result& one : row.results) one.latency = std::move(*next++);
  }
}

// The perplexity of the text by the row's own tokenizer and weights, on each engine.
void MeasureQuality(const Options& options, std::string_view text,
                    const std::vector<Engine>& engines, Row& row, Context& context) {
  const std::string folder = TokenizerFolderOf(FindCheckpoint(row.model.name));
  std::vector<std::int32_t> tokens = ReadTokenizer(folder).Encode(text);
  if (std::ssize(tokens) > options.quality_tokens)
    tokens.resize(static_cast<std::size_t>(options.quality_tokens));
  for (std::size_t e = 0; e < engines.size(); ++e) {
    if (!context.quiet) {
      context.err << fmt::format("perplexity of {} on {}: {} tokens\n", row.model.name,
                                 engines[e].name, tokens.size());
    }
    const auto model = engines[e].runtime->Load(LoadCheckpoint(row.model.name).model);
    row.results[e].perplexity =
        MeasurePerplexity(*model, tokens, {.stop = [] { return g_interrupted != 0; }}).perplexity();
  }
}

// The metrics of the table: how they are called, and a result's value.
struct Column {
  const char* name;
  const char* heading;
  std::optional<double> (*value)(const Result&);
  bool (*noisy)(const Result&);
  std::optional<double> (*of_bound)(const Result&);  // share of the ceiling reached
};
std::optional<double> Share(double bound_ms, double value_ms) {
  if (bound_ms <= 0 || value_ms <= 0) return std::nullopt;
  return bound_ms / value_ms;
}
constexpr auto kNoBound = [](const Result&) { return std::optional<double>(); };
constexpr Column kColumns[] = {
    {"ttft_ms", "TTFT ms", [](const Result& r) { return std::optional(r.latency.ttft.value); },
     [](const Result& r) { return r.latency.ttft.noisy; },
     [](const Result& r) { return Share(r.bound.ttft_ms, r.latency.ttft.value); }},
    {"tpot_ms", "TPOT ms", [](const Result& r) { return std::optional(r.latency.tpot.value); },
     [](const Result& r) { return r.latency.tpot.noisy; },
     [](const Result& r) { return Share(r.bound.tpot_ms, r.latency.tpot.value); }},
    {"latency_ms", "latency ms",
     [](const Result& r) { return std::optional(r.latency.total.value); },
     [](const Result& r) { return r.latency.total.noisy; }, kNoBound},
    {"peak_memory_mib", "peak MiB", [](const Result& r) { return r.peak_mib; },
     [](const Result&) { return false; }, kNoBound},
};
// The last column, with --quality.
constexpr Column kPerplexity = {"perplexity", "perplexity",
                                [](const Result& r) { return r.perplexity; },
                                [](const Result&) { return false; }, kNoBound};

// Value on engine `e` relative to the first engine; none when either is unknown or 0.
std::optional<double> Ratio(const Row& row, const Column& column, std::size_t e) {
  const std::optional<double> base = column.value(row.results.front());
  const std::optional<double> other = column.value(row.results[e]);
  if (!base || !other || *base <= 0 || *other <= 0) return std::nullopt;
  return *other / *base;
}

// "0.98" of a time or size; of a perplexity, where all that matters is behind that, "+0.12 %".
std::string RatioText(const Column& column, double ratio) {
  return &column == &kPerplexity ? fmt::format("{:+.2f} %", 100 * (ratio - 1))
                                 : fmt::format("{:.2f}", ratio);
}

std::vector<const Column*> ColumnsOf(const Options& options) {
  std::vector<const Column*> columns;
  for (const Column& column : kColumns) columns.push_back(&column);
  if (!options.quality.empty()) columns.push_back(&kPerplexity);
  return columns;
}

void Print(const std::vector<Row>& rows, const std::vector<Engine>& engines,
           const std::vector<const Column*>& metrics, Context& context) {
  std::vector<Table::Column> columns = {
      {"file", "", false}, {"shape", "shape", false}, {"archid", "", false}};
  for (const Column* metric : metrics) {
    const Column& column = *metric;
    for (std::size_t e = 0; e < engines.size(); ++e) {
      const std::string& name = engines[e].name;
      columns.push_back({fmt::format("{}_{}", column.name, name),
                         e == 0 ? fmt::format("{} {}", column.heading, name) : name});
      columns.push_back({fmt::format("{}_{}_noisy", column.name, name), ""});
      const bool bounded = column.of_bound != +kNoBound;
      columns.push_back(
          {fmt::format("{}_{}_of_bound", column.name, name), bounded ? "of bound" : ""});
      if (e > 0) columns.push_back({fmt::format("{}_{}_ratio", column.name, name), "ratio"});
    }
  }
  Table table(columns);
  for (const Row& row : rows) {
    std::vector<Cell> cells = {{row.model.name, ""},
                               {row.model.architecture.ShortName(), ""},
                               {row.model.architecture.Id(), ""}};
    for (const Column* metric : metrics) {
      const Column& column = *metric;
      for (std::size_t e = 0; e < engines.size(); ++e) {
        const std::optional<double> value = column.value(row.results[e]);
        const bool noisy = column.noisy(row.results[e]);
        cells.push_back(value ? Cell{*value, HumanNumber(*value) + (noisy ? " ~" : "")}
                              : Cell{Json(), "-"});
        cells.push_back({noisy, ""});
        const std::optional<double> share = column.of_bound(row.results[e]);
        cells.push_back(share ? Cell{*share, fmt::format("{:.0f} %", 100 * *share)}
                              : Cell{Json(), "-"});
        if (e == 0) continue;
        const std::optional<double> ratio = Ratio(row, column, e);
        cells.push_back(ratio ? Cell{*ratio, RatioText(column, *ratio)} : Cell{Json(), "-"});
      }
    }
    table.AddRow(std::move(cells));
  }
  table.Print(context.format, context.terminal, context.out);
}

// Geometric means of the ratios, one line for each engine but the first.
void PrintSummary(const std::vector<Row>& rows, const std::vector<Engine>& engines,
                  const std::vector<const Column*>& metrics, Context& context) {
  for (std::size_t e = 1; e < engines.size(); ++e) {
    std::string line = fmt::format("{} / {}, geometric mean of {}:", engines[e].name,
                                   engines[0].name, rows.size());
    for (const Column* metric : metrics) {
      const Column& column = *metric;
      double logs = 0;
      std::size_t known = 0;
      for (const Row& row : rows) {
        if (const std::optional<double> ratio = Ratio(row, column, e)) {
          logs += std::log(*ratio);
          ++known;
        }
      }
      if (known == 0) continue;
      line += fmt::format(" {} {}", column.heading,
                          RatioText(column, std::exp(logs / static_cast<double>(known))));
    }
    context.err << line << "\n";
  }
}

void RunBench(const Options& options, Context& context) {
  const Workload workload = options.run.AsWorkload();
  const LatencyOptions latency = RepeatedLatency(options.repeat);
  const std::vector<Engine> engines = MakeEngines(options);
  std::vector<Row> rows;
  for (const std::string& file : options.files) {
    rows.push_back({ReadNamedArchitecture(file, context), std::vector<Result>(engines.size())});
    Check(rows.back().model, engines, workload);
    if (!options.quality.empty()) CheckHasWeights(rows.back().model);
  }
  // Now: an unreadable file is better known before an hour of measuring.
  const std::string text = options.quality.empty() ? "" : ReadFile(options.quality);

  SystemClock clock;
  Rng rng(kSeed);
  const std::unique_ptr<TimedSubject> canary = MakeCanary(*engines.front().runtime);
  InstallSignalHandlers();
  std::optional<CanaryReference> reference;  // of the first group, for all
  const auto rule = [&](const CanaryReference& session) {
    if (!reference) reference = session;
    return *reference;
  };
  for (std::size_t first = 0; first < rows.size();) {
    const std::span<Row> rest = std::span(rows).subspan(first);
    const std::span<Row> group = rest.first(GroupSize(rest, engines, workload));
    if (!context.quiet) {
      context.err << fmt::format("timing models {} to {} of {} on {} engines, {} rounds\n",
                                 first + 1, first + group.size(), rows.size(), engines.size(),
                                 options.repeat);
    }
    TimeGroup(group, engines, *canary, workload, rule, latency, rng, clock);
    if (g_interrupted != 0) throw Error(ErrorCode::kCancelled, "interrupted");
    first += group.size();
  }
  const Ceilings ceilings = MeasureCeilings(
      {.threads = engines.front().config.threads, .products = false}, KernelProbes(), clock);
  for (Row& row : rows) {
    const Graph graph = BuildGraph(row.model.architecture);
    for (std::size_t e = 0; e < engines.size(); ++e) {
      const RuntimeConfig& config = engines[e].config;
      row.results[e].bound =
          BoundOf(CountWorkload(graph, ShapeOf(workload), config.dtype, config.cache_dtype()),
                  config.dtype, ceilings);
    }
  }
  if (!options.no_memory) {
    for (Row& row : rows) {
      for (std::size_t e = 0; e < engines.size(); ++e) {
        const MemoryProbeResult memory = ProbeMemory(
            row.model.architecture, engines[e].config, workload,
            {.executable = context.executable, .stop = [] { return g_interrupted != 0; }});
        row.results[e].peak_mib = static_cast<double>(memory.peak_bytes) / kMib;
      }
    }
  }
  if (!options.quality.empty()) {
    for (Row& row : rows) MeasureQuality(options, text, engines, row, context);
  }
  const std::vector<const Column*> columns = ColumnsOf(options);
  Print(rows, engines, columns, context);
  if (!context.quiet) PrintSummary(rows, engines, columns, context);
}

}  // namespace

void AddBench(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("bench", "Compare engines on the same models, in one interleaved run");
  auto options = std::make_shared<Options>();
  command
      ->add_option("ARCH", options->files,
                   "Architecture files (as for `lts count`), or - for stdin")
      ->required();
  command
      ->add_option(
          "--runtimes", options->runtimes,
          "Engines, separated by commas, each with dtypes of its own if wanted, of the weights and "
          "of the KV cache (cpu:int8, cpu:int8:kv-int8); ratios are to the first")
      ->capture_default_str();
  AddEngineOptions(*command, options->run);
  AddWorkloadOptions(*command, options->run);
  AddRepeatOption(*command, options->repeat);
  command->add_flag("--no-memory", options->no_memory,
                    "Skip the peak memory (a fresh process per model and engine)");
  command
      ->add_option("--quality", options->quality,
                   "Also the perplexity of this text with the weights of each ARCH, which then are "
                   "checkpoint folders")
      ->type_name("FILE");
  command->add_option("--quality-tokens", options->quality_tokens, "Of the text, its first tokens")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 40))
      ->capture_default_str();
  AddFormatOption(*command, context);
  AddQuietOption(*command, context);
  command->footer(
      "Every model runs on every engine in every round, in random order, among runs of the canary; "
      "times\nare medians, ~ marks those that stayed noisy. ratio: the engine's value by the "
      "first one's, so above 1\nthe first is faster or smaller. of bound: what `lts roofline` "
      "allows (multiply-adds for TTFT, "
      "reading\nweights and cache once for TPOT) by the time. Weights are random: they do not "
      "change speed.");
  command->callback([options, &context] { RunBench(*options, context); });
}

}  // namespace lts::cli
