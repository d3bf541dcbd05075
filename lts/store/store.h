// Everything that was measured, in one SQLite file: runs, architectures, evaluations, measurements.
// WAL mode, so one process may write while others read; two writers wait for each other (busy
// timeout 30 s). Every public call is one transaction, synced before it returns: after SIGKILL or
// power loss the file holds all finished calls and none by half. A call that writes costs one sync
// of the disk (milliseconds), one that reads tens of microseconds. What is read is validated (a
// file may be damaged or foreign): names, JSON, ids and finite numbers. A Store belongs to one
// thread; open the file again for another. All throw Error naming the file: kIo (read-only, full,
// locked for 30 s), kCorrupt (damaged, no store). schema.cc has the tables.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/base/enum_table.h"
#include "lts/base/json.h"
#include "lts/record/measurement.h"

namespace lts {

// Identity of a measurement besides architecture and metric.
struct MeasurementKey {
  std::string environment_key;  // Environment::key()
  RuntimeConfig config;
  Workload workload;
  bool operator==(const MeasurementKey&) const = default;
};

// "running" stays behind when the process is killed; such a run can be resumed like any other.
enum class RunStatus { kRunning, kFinished, kInterrupted, kFailed };
inline constexpr EnumTable<RunStatus, 4> kRunStatuses{"run status",
                                                      {{{RunStatus::kRunning, "running"},
                                                        {RunStatus::kFinished, "finished"},
                                                        {RunStatus::kInterrupted, "interrupted"},
                                                        {RunStatus::kFailed, "failed"}}}};

struct RunRecord {
  std::int64_t id = 0;
  std::string started_utc;   // ISO 8601
  std::string finished_utc;  // of the last UpdateRun that gave one; "" while it runs
  std::string command_line;
  Json options;  // everything that decides the run; a resumed run must have equal options
  Environment environment;
  std::string status;    // a name in kRunStatuses
  std::string stopped;   // why it ended: "budget", "evaluations", ...; "" while it runs
  double elapsed_s = 0;  // search time used so far, over all resumes
};

// One candidate of a run in the order of evaluation.
struct RunEvaluation {
  std::int64_t index = 0;  // 0, 1, ... within the run
  std::int64_t iteration = 0;
  std::string architecture_id;
  bool feasible = true;
  bool reused = false;  // every measurement came from the store
  double at_s = 0;      // search time when it finished
  std::vector<double>
      objectives;  // what the search was told, in order; empty: it could not be measured
  bool operator==(const RunEvaluation&) const = default;
};

class Store {
 public:
  // Opens or creates. Throws kIo when it cannot be written, kCorrupt when it is no store or has a
  // newer schema; a file that is no store is left as it was. An older schema is brought up to date,
  // which keeps everything in it.
  explicit Store(const std::string& path);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  std::int64_t CreateRun(const RunRecord& run);  // returns its id; run.id is ignored
  std::optional<RunRecord> FindRun(std::int64_t id);
  std::optional<RunRecord> LastRun();
  // Replaces options, command line and status of run.id, which goes on. Throws like UpdateRun.
  void ResumeRun(const RunRecord& run);
  // Throws kNotFound when there is no such run or status.
  void UpdateRun(std::int64_t id, std::string_view status, double elapsed_s,
                 std::string_view stopped = "", std::string_view finished_utc = "");

  // Saves the architecture (if new) and its measurements under `key`; replaces an earlier one of
  // the same metric and key. When `run_id` > 0 also appends `evaluation` to the run and raises the
  // run's elapsed_s to evaluation.at_s, all in the same transaction. `environment` is described by
  // key.environment_key (LTS_CHECK). Throws kInvalidArgument when a number is not finite or the run
  // has an evaluation of that index already (two processes resume the same run): then nothing is
  // saved.
  void SaveEvaluation(const Architecture& architecture, const MeasurementKey& key,
                      const Environment& environment, const std::vector<Measurement>& measurements,
                      std::int64_t run_id = 0, const RunEvaluation* evaluation = nullptr);
  // All measurements of one architecture under exactly this key, in the order of Metrics().
  std::vector<Measurement> FindMeasurements(const std::string& architecture_id,
                                            const MeasurementKey& key);
  std::vector<RunEvaluation> RunEvaluations(std::int64_t run_id);  // by index
  std::optional<Architecture> FindArchitecture(const std::string& architecture_id);

  // Reference times of the canary under this key (measure/canary.h), so that separate processes
  // correct to the same standard. The first writer wins; everyone gets the stored value.
  Json CanaryReference(const std::string& environment_key, const std::string& canary_key,
                       const Json& mine);

  std::vector<std::string>
  IntegrityCheck();  // PRAGMA integrity_check and foreign_key_check; empty = sound

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lts
