// A whole search: space, algorithm, runtime, measuring, store and report put together; resumable at any instant.
// Prints nothing: progress goes to the observer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lts/base/clock.h"
#include "lts/record/measurement.h"
#include "lts/report/report.h"
#include "lts/search/search.h"

namespace lts {

struct SearchJobOptions {
  std::string space = "archai-gpt2";     // preset or file
  // Names of objectives in their own direction, or "min:NAME" / "max:NAME" to choose it.
  std::vector<std::string> objectives = {"decoder_params", "latency_ms", "peak_memory_mib"};
  std::vector<std::string> constraints;  // cheap ones join the space; those on measured metrics are checked after measuring
  std::string algorithm = "archai-evolution";
  Json parameters = Json::MakeObject();  // of the algorithm
  RuntimeConfig config;
  Workload workload;
  double budget_s = 0;                   // 0: none
  std::int64_t budget_evaluations = 0;   // 0: none; one of the two must be set
  std::uint64_t seed = 1;
  std::string out = "lts-search";        // folder: lts.db and the report
  bool resume = false;                   // continue the last run in `out`; options that decide results must be equal
  std::string command_line;              // for the record
  std::string probe_executable;          // measure/memory.h
  // Asked between measurements: true ends the search as the end of the budget does (report written, run resumable,
  // stopped = "interrupted").
  std::function<bool()> interrupted;
};

struct SearchProgress {
  std::int64_t evaluated = 0;
  std::int64_t reused = 0;       // answered from the store
  std::int64_t front = 0;
  std::int64_t iteration = 0;
  double elapsed_s = 0;          // search time, over all resumes
  double budget_s = 0;           // 0: none
  std::int64_t budget_evaluations = 0;
  double drift = 1;              // of the machine against the canary's reference, now
  std::string phase;             // "calibrating", "timing 8 candidates, round 3", "memory of L4 d512 i768 h4"
};

class SearchJobObserver {
 public:
  virtual ~SearchJobObserver() = default;
  virtual void OnProgress(const SearchProgress& progress) = 0;
};

// Replaces timing and memory probes: for tests and for `same front given the same measurements`.
class CandidateMeter {
 public:
  virtual ~CandidateMeter() = default;
  // Measurements of every measured metric asked for, per candidate; fewer answers: the budget ended.
  // `finished` is called as soon as one candidate's measurements are final, so that they can be saved.
  virtual void Measure(std::span<const Architecture> architectures, std::span<const Metric> metrics,
                       const std::function<bool()>& stop,
                       const std::function<void(std::size_t index, std::vector<Measurement>)>& finished) = 0;
};

struct SearchJobResult {
  ReportData report;
  std::string stopped;
};

// Runs to the end of the budget and writes the report (also every few seconds while it runs). Throws Error for bad
// options before anything is written. `meter` nullptr: the real one.
SearchJobResult RunSearchJob(const SearchJobOptions& options, SearchJobObserver* observer, CandidateMeter* meter,
                             Clock& clock);

// The report of the last run in a folder, from its store.
ReportData LoadReport(const std::string& folder);

}  // namespace lts
