// The Evaluator of a search job: answers from the run that is resumed, then from the store, then by
// measuring; saves every measurement as soon as it is final and every evaluation in the order of
// the candidates.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lts/base/clock.h"
#include "lts/job/front_tracker.h"
#include "lts/job/run_report.h"
#include "lts/job/search_job.h"
#include "lts/job/search_plan.h"
#include "lts/search/search.h"
#include "lts/store/store.h"

namespace lts {

class RunEvaluator final : public Evaluator, public SearchObserver {
 public:
  struct Context {
    const SearchPlan& plan;
    const SearchJobOptions& options;
    Store& store;
    RunRecord& run;  // elapsed_s is set before a report is written
    CandidateMeter& meter;
    Clock& clock;
    SearchJobObserver* observer;  // may be nullptr
  };
  // Reads the evaluations that the run has already: they are replayed, in order, without taking
  // time.
  explicit RunEvaluator(const Context& context);

  std::vector<Score> Evaluate(std::span<const Candidate> candidates) override;
  void OnIteration(std::int64_t iteration, std::span<const EvaluatedCandidate> all,
                   std::span<const std::int64_t> front) override;

  // For the meter: what it is doing just now.
  void OnPhase(const std::string& phase);

  std::int64_t replayed() const { return std::ssize(replay_); }
  bool interrupted() const { return interrupted_; }
  double ElapsedS();
  ReportData Report() const;  // as far as the run is, by its RunRecord

 private:
  struct Pending;
  struct Batch;

  bool Stop();
  Score Replay(const Candidate& candidate);
  Score ScoreOf(const RunEvaluation& evaluation,
                const std::vector<Measurement>& measurements) const;
  Pending LookUp(const Candidate& candidate);
  void MeasureMissing(Batch& batch);
  void Receive(Batch& batch, std::size_t index, std::vector<Measurement> measurements);
  // Appends the evaluations of the batch up to the first candidate that is not complete.
  void AppendComplete(Batch& batch);
  Score Append(Pending& pending);
  void AddMember(const Architecture& architecture, RunEvaluation evaluation,
                 std::vector<Measurement> measurements);
  void Notify();

  Context context_;
  RunSettings settings_;
  MeasurementKey key_;
  std::vector<RunEvaluation> replay_;
  std::vector<RunMember> members_;
  FrontTracker front_;
  SearchProgress progress_;
  double elapsed_before_s_ = 0;
  std::int64_t started_ns_ = -1;  // -1: still replaying, the clock of the search stands
  std::int64_t reported_ns_ = 0;
  bool interrupted_ = false;
};

}  // namespace lts
