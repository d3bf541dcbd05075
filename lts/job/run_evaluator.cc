#include "lts/job/run_evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr double kReportEveryS = 5;

bool Has(const std::vector<Measurement>& measurements, Metric metric) {
  return std::any_of(measurements.begin(), measurements.end(),
                     [&](const Measurement& m) { return m.metric == metric; });
}

double ValueOf(const std::vector<Measurement>& measurements, Metric metric) {
  const auto found = std::find_if(measurements.begin(), measurements.end(),
                                  [&](const Measurement& m) { return m.metric == metric; });
  LTS_CHECK(found != measurements.end());
  return found->value;
}

}  // namespace

// A candidate of the batch that is being evaluated.
struct RunEvaluator::Pending {
  const Candidate* candidate = nullptr;
  std::vector<Measurement> known;    // in the store
  std::vector<Measurement> unsaved;  // final, to be saved together with the evaluation
  std::vector<Metric> missing;       // still to be measured
  bool reused = false;
  bool failed = false;
  bool complete() const { return failed || missing.empty(); }
};

struct RunEvaluator::Batch {
  std::vector<Pending> pending;
  std::size_t appended = 0;  // the first so many are evaluated
  std::vector<Score> scores;
};

RunEvaluator::RunEvaluator(const Context& context)
    : context_(context),
      settings_(RunSettings::FromJson(context.run.options, "options")),
      key_{context.run.environment.key(), settings_.config, settings_.workload},
      replay_(context.store.RunEvaluations(context.run.id)),
      elapsed_before_s_(context.run.elapsed_s),
      reported_ns_(context.clock.NowNs()) {
  progress_.budget_s = context.options.budget_s;
  progress_.budget_evaluations = context.options.budget_evaluations;
  progress_.phase = replay_.empty() ? "starting" : "resuming";
  Notify();
}

double RunEvaluator::ElapsedS() {
  if (started_ns_ < 0) return elapsed_before_s_;
  return elapsed_before_s_ + static_cast<double>(context_.clock.NowNs() - started_ns_) * 1e-9;
}

bool RunEvaluator::Stop() {
  if (context_.options.interrupted && context_.options.interrupted()) interrupted_ = true;
  return interrupted_ || (context_.options.budget_s > 0 && ElapsedS() >= context_.options.budget_s);
}

std::vector<Score> RunEvaluator::Evaluate(std::span<const Candidate> candidates) {
  Batch batch;
  std::size_t next = 0;
  while (next < candidates.size() && members_.size() < replay_.size()) {
    batch.scores.push_back(Replay(candidates[next++]));
  }
  if (next == candidates.size()) return batch.scores;
  if (started_ns_ < 0) started_ns_ = context_.clock.NowNs();
  if (Stop()) return batch.scores;

  for (; next < candidates.size(); ++next) batch.pending.push_back(LookUp(candidates[next]));
  AppendComplete(batch);
  MeasureMissing(batch);
  return batch.scores;
}

Score RunEvaluator::Replay(const Candidate& candidate) {
  const RunEvaluation& evaluation = replay_[members_.size()];
  const std::size_t objectives = evaluation.objectives.size();
  if (evaluation.architecture_id != candidate.id ||
      (objectives != 0 && objectives != context_.plan.objectives.size())) {
    throw Error(
        ErrorCode::kCorrupt,
        fmt::format("{}: run {}: evaluation {} is of '{}', but the search comes to '{}' there "
                    "now; begin a new run without --resume (measurements are reused)",
                    StorePath(context_.options.out), context_.run.id, evaluation.index,
                    evaluation.architecture_id, candidate.id));
  }
  std::vector<Measurement> measurements = WithCounts(
      context_.store.FindMeasurements(candidate.id, key_), candidate.architecture, settings_);
  Score score = ScoreOf(evaluation, measurements);
  AddMember(candidate.architecture, evaluation, std::move(measurements));
  return score;
}

Score RunEvaluator::ScoreOf(const RunEvaluation& evaluation,
                            const std::vector<Measurement>& measurements) const {
  return {evaluation.objectives, evaluation.feasible,
          ObjectiveIntervals(evaluation.objectives, settings_.objectives, measurements),
          measurements};
}

RunEvaluator::Pending RunEvaluator::LookUp(const Candidate& candidate) {
  Pending pending;
  pending.candidate = &candidate;
  pending.known = context_.store.FindMeasurements(candidate.id, key_);
  for (const Metric metric : context_.plan.measured) {
    if (!Has(pending.known, metric)) pending.missing.push_back(metric);
  }
  pending.reused = pending.missing.empty() && !context_.plan.measured.empty();
  return pending;
}

void RunEvaluator::MeasureMissing(Batch& batch) {
  // Candidates that lack the same metrics are measured together.
  std::map<std::vector<Metric>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < batch.pending.size(); ++i) {
    if (!batch.pending[i].complete()) groups[batch.pending[i].missing].push_back(i);
  }
  for (const auto& group : groups) {
    if (Stop()) return;
    const std::vector<std::size_t>& indices = group.second;
    std::vector<Architecture> architectures;
    architectures.reserve(indices.size());
    for (const std::size_t i : indices) {
      architectures.push_back(batch.pending[i].candidate->architecture);
    }
    OnPhase(fmt::format("measuring {} candidates", indices.size()));
    context_.meter.Measure(
        architectures, group.first,
        [this] {
          Notify();  // asked between runs: keeps the time left moving
          return Stop();
        },
        [&](std::size_t index, std::vector<Measurement> measurements) {
          LTS_CHECK(index < indices.size());
          Receive(batch, indices[index], std::move(measurements));
        });
  }
}

void RunEvaluator::Receive(Batch& batch, std::size_t index, std::vector<Measurement> measurements) {
  Pending& pending = batch.pending[index];
  if (pending.complete()) return;  // more than was asked for
  pending.failed = measurements.empty();
  for (const Measurement& m : measurements) {
    if (!m.samples.empty()) progress_.drift = m.drift;
    std::erase(pending.missing, m.metric);
    std::erase_if(pending.known, [&](const Measurement& old) { return old.metric == m.metric; });
  }
  if (pending.complete() && index == batch.appended) {
    pending.unsaved = std::move(measurements);
  } else if (!measurements.empty()) {
    context_.store.SaveEvaluation(pending.candidate->architecture, key_, context_.run.environment,
                                  measurements);
    pending.known.insert(pending.known.end(), measurements.begin(), measurements.end());
  }
  AppendComplete(batch);
}

void RunEvaluator::AppendComplete(Batch& batch) {
  for (; batch.appended < batch.pending.size() && batch.pending[batch.appended].complete();
       ++batch.appended) {
    batch.scores.push_back(Append(batch.pending[batch.appended]));
  }
  const auto since_report = static_cast<double>(context_.clock.NowNs() - reported_ns_) * 1e-9;
  if (since_report < kReportEveryS) return;
  context_.run.elapsed_s = ElapsedS();
  WriteReport(Report(), context_.options.out);
  reported_ns_ = context_.clock.NowNs();
}

Score RunEvaluator::Append(Pending& pending) {
  const Architecture& architecture = pending.candidate->architecture;
  std::vector<Measurement> all = pending.known;
  all.insert(all.end(), pending.unsaved.begin(), pending.unsaved.end());
  all = WithCounts(std::move(all), architecture, settings_);
  std::vector<Measurement> unsaved;
  for (const Measurement& m : all) {
    // A law's prediction is no measurement: made anew whenever it is wanted, by the law of then.
    if (!Has(pending.known, m.metric) && !Info(m.metric).by_law) unsaved.push_back(m);
  }

  RunEvaluation evaluation;
  evaluation.index = std::ssize(members_);
  evaluation.iteration = progress_.iteration;
  evaluation.architecture_id = pending.candidate->id;
  evaluation.reused = pending.reused;
  evaluation.at_s = ElapsedS();
  evaluation.feasible = !pending.failed && SatisfiesMeasured(context_.plan, architecture, all);
  if (!pending.failed) {
    for (const Objective* objective : context_.plan.objectives) {
      evaluation.objectives.push_back(ValueOf(all, objective->metric));
    }
  }
  context_.store.SaveEvaluation(architecture, key_, context_.run.environment, unsaved,
                                context_.run.id, &evaluation);
  Score score = ScoreOf(evaluation, all);
  AddMember(architecture, std::move(evaluation), std::move(all));
  return score;
}

void RunEvaluator::AddMember(const Architecture& architecture, RunEvaluation evaluation,
                             std::vector<Measurement> measurements) {
  if (evaluation.feasible && !evaluation.objectives.empty()) {
    front_.Add(MinimizedPoint(evaluation.objectives, settings_.objectives));
  }
  progress_.reused += evaluation.reused ? 1 : 0;
  members_.push_back({architecture, std::move(evaluation), std::move(measurements)});
  Notify();
}

void RunEvaluator::OnIteration(std::int64_t iteration, std::span<const EvaluatedCandidate> /*all*/,
                               std::span<const std::int64_t> /*front*/) {
  progress_.iteration = iteration + 1;
  Notify();
}

void RunEvaluator::OnPhase(const std::string& phase) {
  progress_.phase = phase;
  Notify();
}

void RunEvaluator::Notify() {
  if (context_.observer == nullptr) return;
  progress_.evaluated = std::ssize(members_);
  progress_.front = front_.size();
  progress_.elapsed_s = ElapsedS();
  context_.observer->OnProgress(progress_);
}

ReportData RunEvaluator::Report() const { return MakeReport(context_.run, settings_, members_); }

}  // namespace lts
