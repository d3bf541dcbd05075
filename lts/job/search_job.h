// A whole search: space, algorithm, runtime, measuring, store and report put together; resumable at
// any instant. Prints nothing: progress goes to the observer.
//
// The folder `out` holds one store, lts.db, and the report of its last run. A search without
// `resume` begins a new run there: the store stays, measurements of the same architecture, runtime,
// workload and environment are reused, the report's files are replaced. With `resume` the last run
// goes on (or one begins where there is none, so that a script may always say it): the algorithm
// runs again from its seed, is told what it was told before (run_evaluations), which takes no
// search time, and measures from there on. Budgets may differ from the run's; everything else that
// decides the search, and the environment, must be equal.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lts/base/clock.h"
#include "lts/record/measurement.h"
#include "lts/report/report.h"
#include "lts/search/search.h"

namespace lts {

struct SearchJobOptions {
  std::string space = "archai-gpt2";  // preset or file
  // Names of objectives in their own direction, or "min:NAME" / "max:NAME" to choose it.
  std::vector<std::string> objectives = {"lts_law", "latency_ms", "peak_memory_mib"};
  std::string law;  // a law.json of `lts fit-law`: what lts_law means; "": frozen
  std::vector<std::string> constraints;  // cheap ones join the space; those on measured metrics are
                                         // checked after measuring
  std::string algorithm = "exact";
  Json parameters = Json::MakeObject();  // of the algorithm
  RuntimeConfig config;
  Workload workload;
  double budget_s = 0;                  // 0: none
  std::int64_t budget_evaluations = 0;  // 0: none; one of the two must be set
  std::uint64_t seed = 1;
  std::string out = "lts-search";  // folder: lts.db and the report
  bool resume = false;  // continue the last run in `out`; options that decide results must be equal
  std::string command_line;      // for the record
  std::string probe_executable;  // measure/memory.h
  // Asked between measurements: true ends the search as the end of the budget does (report written,
  // run resumable, stopped = "interrupted").
  std::function<bool()> interrupted;
};

struct SearchProgress {
  std::int64_t evaluated = 0;
  std::int64_t reused = 0;  // answered from the store
  std::int64_t front = 0;
  std::int64_t iteration = 0;
  double elapsed_s = 0;  // search time, over all resumes
  double budget_s = 0;   // 0: none
  std::int64_t budget_evaluations = 0;
  double drift = 1;   // of the machine against the canary's reference, now
  std::string phase;  // "calibrating", "timing 8 candidates, round 3", "memory of L4 d512 i768 h4"
};

class SearchJobObserver {
 public:
  virtual ~SearchJobObserver() = default;
  virtual void OnProgress(const SearchProgress& progress) = 0;
};

// How candidates are measured; DeviceMeter is the real one. Tests answer from a function instead.
class CandidateMeter {
 public:
  virtual ~CandidateMeter() = default;
  // Measures `metrics` (and what comes with them) of every architecture, until `stop` says that the
  // budget has ended. `finished` is called as soon as something is final, which is saved at once:
  // in any order, once per architecture or with a part of its metrics at a time. An empty vector
  // says that this architecture cannot be measured here (too large for memory): it becomes
  // infeasible. An architecture that is never finished, or not wholly, was cut off by the end of
  // the budget.
  virtual void Measure(
      std::span<const Architecture> architectures, std::span<const Metric> metrics,
      const std::function<bool()>& stop,
      const std::function<void(std::size_t index, std::vector<Measurement>)>& finished) = 0;
};

struct SearchJobResult {
  ReportData report;
  std::string stopped;
};

// Runs to the end of the budget and writes the report (also every 5 s while it runs). `meter`
// nullptr: the real one. Throws Error:
//   before anything is written: unknown names (with a suggestion), values out of range, constraints
//     that leave no architecture, a runtime that cannot run the space, a folder that cannot be
//     written, with `resume` the name of the option that differs from the run's;
//   later, with all that is final saved and the run resumable: when measuring or writing fails.
SearchJobResult RunSearchJob(const SearchJobOptions& options, SearchJobObserver* observer,
                             CandidateMeter* meter, Clock& clock);

// The report of the last run in a folder, from its store; also of one that is running or was
// killed. Throws kNotFound when the folder holds no store or the store no run, else what Store
// throws.
ReportData LoadReport(const std::string& folder);

}  // namespace lts
