// Everything that was measured, in one SQLite file: runs, architectures, evaluations, measurements. WAL mode, so one
// process may write while others read; two writers wait for each other (busy timeout 30 s). Every public call is one
// transaction: after SIGKILL or power loss the file holds all finished calls and none by half.
// A Store belongs to one thread; open the file again for another. All throw Error (kIo, kCorrupt) naming the file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/base/json.h"
#include "lts/record/measurement.h"

namespace lts {

// Identity of a measurement besides architecture and metric.
struct MeasurementKey {
  std::string environment_key;  // Environment::key()
  RuntimeConfig config;
  Workload workload;
};

struct RunRecord {
  std::int64_t id = 0;
  std::string started_utc;      // ISO 8601
  std::string command_line;
  Json options;                 // everything that decides the run; a resumed run must have equal options
  Environment environment;
  std::string status;           // "running", "finished", "failed"
  double elapsed_s = 0;         // search time used so far, over all resumes
};

// One candidate of a run in the order of evaluation.
struct RunEvaluation {
  std::int64_t index = 0;       // 0, 1, ... within the run
  std::int64_t iteration = 0;
  std::string architecture_id;
  bool feasible = true;
  double at_s = 0;              // search time when it finished
};

class Store {
 public:
  // Opens or creates. Throws kIo when it cannot be written, kCorrupt when it is no store or has a newer schema.
  explicit Store(const std::string& path);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  std::int64_t CreateRun(const RunRecord& run);          // returns its id
  std::optional<RunRecord> FindRun(std::int64_t id);
  std::optional<RunRecord> LastRun();
  void UpdateRun(std::int64_t id, std::string_view status, double elapsed_s);

  // Saves the architecture (if new) and its measurements under `key`; replaces an earlier one of the same metric and
  // key. When `run_id` > 0 also appends `evaluation` to the run, all in the same transaction.
  void SaveEvaluation(const Architecture& architecture, const MeasurementKey& key, const Environment& environment,
                      const std::vector<Measurement>& measurements, std::int64_t run_id = 0,
                      const RunEvaluation* evaluation = nullptr);
  // All measurements of one architecture under exactly this key.
  std::vector<Measurement> FindMeasurements(const std::string& architecture_id, const MeasurementKey& key);
  std::vector<RunEvaluation> RunEvaluations(std::int64_t run_id);  // by index
  std::optional<Architecture> FindArchitecture(const std::string& architecture_id);

  // Reference times of the canary under this key (measure/canary.h), so that separate processes correct to the same
  // standard. The first writer wins; everyone gets the stored value.
  Json CanaryReference(const std::string& environment_key, const std::string& canary_key, const Json& mine);

  std::vector<std::string> IntegrityCheck();  // PRAGMA integrity_check and foreign_key_check; empty = sound

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lts
