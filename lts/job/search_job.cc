#include "lts/job/search_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/job/device_meter.h"
#include "lts/job/run_evaluator.h"
#include "lts/job/search_plan.h"
#include "lts/measure/environment_probe.h"
#include "lts/measure/runtime_config.h"
#include "lts/runtime/registry/registry.h"
#include "lts/search/exact_search.h"
#include "lts/store/store.h"

namespace lts {
namespace {

std::string NowUtc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

// Removes the folders that this job made when it fails before its run exists: a mistake leaves
// nothing behind.
class NewFolder {
 public:
  explicit NewFolder(const std::string& path) {
    std::error_code ignored;
    std::filesystem::path missing = std::filesystem::absolute(path, ignored).lexically_normal();
    while (!missing.empty() && !std::filesystem::exists(missing, ignored)) {
      first_made_ = missing;
      if (missing == missing.parent_path()) break;
      missing = missing.parent_path();
    }
    try {
      EnsureWritableFolder(path);
    } catch (...) {
      Remove();
      throw;
    }
  }
  ~NewFolder() { Remove(); }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  void Keep() { first_made_.clear(); }

 private:
  void Remove() {
    std::error_code ignored;
    if (!first_made_.empty()) std::filesystem::remove_all(first_made_, ignored);
  }
  std::filesystem::path first_made_;
};

// The run to be continued, or a new one.
RunRecord OpenRun(const SearchJobOptions& options, const SearchPlan& plan,
                  const Environment& environment, Store& store) {
  if (options.resume) {
    if (std::optional<RunRecord> run = store.LastRun()) {
      CheckSameSearch(*run, plan, environment, StorePath(options.out));
      run->options = plan.options;
      run->command_line = options.command_line;
      run->status = kRunStatuses.Name(RunStatus::kRunning);
      run->stopped.clear();
      run->finished_utc.clear();
      store.ResumeRun(*run);
      return *run;
    }
  }
  RunRecord run;
  run.started_utc = NowUtc();
  run.command_line = options.command_line;
  run.options = plan.options;
  run.environment = environment;
  run.status = kRunStatuses.Name(RunStatus::kRunning);
  run.id = store.CreateRun(run);
  return run;
}

void EndRun(Store& store, RunRecord& run, RunStatus status, const std::string& stopped) {
  run.status = kRunStatuses.Name(status);
  run.stopped = stopped;
  run.finished_utc = NowUtc();
  store.UpdateRun(run.id, run.status, run.elapsed_s, run.stopped, run.finished_utc);
}

// A few groups within a short budget, so that its end cuts little off; long ones gain nothing by
// larger groups.
double GroupSeconds(double budget_s) {
  return budget_s > 0 ? std::clamp(budget_s / 10, 1.0, 20.0) : 20.0;
}

}  // namespace

SearchJobResult RunSearchJob(const SearchJobOptions& options, SearchJobObserver* observer,
                             CandidateMeter* meter, Clock& clock) {
  SearchPlan plan = PlanSearch(options);
  std::unique_ptr<Runtime> runtime;
  if (meter == nullptr) {
    // What is only counted needs no engine that could run it.
    runtime = plan.measured.empty()
                  ? CreateRuntime(options.config.runtime, OptionsOf(options.config))
                  : CreateRuntimeFor(plan.space, options.config, options.workload, options.seed);
  }
  const Environment environment = ProbeEnvironment(options.config);

  NewFolder folder(options.out);
  Store store(StorePath(options.out));
  RunRecord run = OpenRun(options, plan, environment, store);
  folder.Keep();

  RunEvaluator* evaluator_of_phases = nullptr;
  std::optional<DeviceMeter> device_meter;
  if (meter == nullptr) {
    DeviceMeterOptions device;
    device.config = options.config;
    device.workload = options.workload;
    device.seed = options.seed;
    device.group_seconds = GroupSeconds(options.budget_s);
    device.probe_executable = options.probe_executable;
    device.reference = StoredReference(store, environment, options.config, StorePath(options.out));
    device.on_phase = [&](const std::string& phase) { evaluator_of_phases->OnPhase(phase); };
    device_meter.emplace(std::move(runtime), std::move(device), clock);
    meter = &*device_meter;
  }

  RunEvaluator evaluator({plan, options, store, run, *meter, clock, observer});
  evaluator_of_phases = &evaluator;
  std::vector<EvaluatedCandidate> evaluated;
  try {
    if (plan.search.max_evaluations > 0) {
      // A smaller number than the run already has forgets none of them.
      plan.search.max_evaluations = std::max(plan.search.max_evaluations, evaluator.replayed());
    }
    SearchResult result = plan.algorithm->run(plan.space, plan.search, evaluator, &evaluator);
    evaluated = std::move(result.evaluated);
    run.elapsed_s = evaluator.ElapsedS();
    const bool interrupted = evaluator.interrupted();
    EndRun(store, run, interrupted ? RunStatus::kInterrupted : RunStatus::kFinished,
           interrupted ? "interrupted" : result.stopped);
  } catch (const Error& error) {
    run.elapsed_s = evaluator.ElapsedS();
    try {
      EndRun(store, run, RunStatus::kFailed, error.what());
    } catch (const Error&) {
      // The first error says why; a run that stays "running" is as good to resume.
    }
    throw;
  }
  ReportData report = evaluator.Report();
  if (plan.algorithm->models_metrics) {
    evaluator.OnPhase("certifying");
    AddOutcome(ConcludeExactSearch(plan.space, plan.search, evaluated), plan.space, report);
  }
  WriteReport(report, options.out);
  return {std::move(report), run.stopped};
}

}  // namespace lts
