#include "lts/job/stored_run.h"

#include <fmt/format.h>

#include <filesystem>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/job/search_job.h"
#include "lts/search/exact_search.h"
#include "lts/store/store.h"

namespace lts {

StoredRun LoadRun(const std::string& folder) {
  const std::string path = StorePath(folder);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {  // opening would create it
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: no such file; expected the folder of a search (lts search --out {})", path,
                    Quoted(folder)));
  }
  Store store(path);
  const std::optional<RunRecord> run = store.LastRun();
  if (!run) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: holds no run yet; search first", path));
  }
  const std::string where = fmt::format("{}: run {}", path, run->id);
  RunSettings settings;
  try {
    settings = RunSettings::FromJson(run->options, "options");
  } catch (const Error& error) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{}: {}", where, error.what()));
  }
  const MeasurementKey key{run->environment.key(), settings.config, settings.workload};
  std::vector<RunMember> members;
  for (RunEvaluation& evaluation : store.RunEvaluations(run->id)) {
    std::optional<Architecture> architecture = store.FindArchitecture(evaluation.architecture_id);
    if (!architecture) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{}: evaluation {}: architecture '{}' is missing", where,
                              evaluation.index, Quoted(evaluation.architecture_id)));
    }
    if (!evaluation.objectives.empty() &&
        evaluation.objectives.size() != settings.objectives.size()) {
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("{}: evaluation {}: got {} objectives, expected {}", where, evaluation.index,
                      evaluation.objectives.size(), settings.objectives.size()));
    }
    std::vector<Measurement> measurements = WithCounts(
        store.FindMeasurements(evaluation.architecture_id, key), *architecture, settings);
    members.push_back({std::move(*architecture), std::move(evaluation), std::move(measurements)});
  }
  return {*run, std::move(settings), std::move(members), where};
}

std::vector<EvaluatedCandidate> EvaluatedOf(const StoredRun& stored, const SearchPlan& plan) {
  std::vector<EvaluatedCandidate> evaluated;
  for (const RunMember& member : stored.members) {
    std::optional<Genome> genome = plan.space.Encode(member.architecture);
    if (!genome) {
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("{}: evaluation {}: '{}' is no architecture of space '{}'", stored.where,
                      member.evaluation.index, member.architecture.ShortName(), plan.space.name()));
    }
    evaluated.push_back(
        {{member.architecture.Id(), *std::move(genome), member.architecture},
         {member.evaluation.objectives, member.evaluation.feasible, {}, member.measurements},
         member.evaluation.iteration});
  }
  return evaluated;
}

ReportData LoadReport(const std::string& folder) {
  const StoredRun stored = LoadRun(folder);
  ReportData report = MakeReport(stored.run, stored.settings, stored.members);
  const SearchPlan plan = PlanOfRun(stored.run, stored.where);
  if (plan.algorithm->models_metrics) {
    AddOutcome(ConcludeExactSearch(plan.space, plan.search, EvaluatedOf(stored, plan)), plan.space,
               report);
  }
  return report;
}

}  // namespace lts
