// From a run as the store keeps it to the report: the same for a search that is running and for one
// read back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lts/report/report.h"
#include "lts/search/exact_search.h"
#include "lts/search/search.h"
#include "lts/store/store.h"

namespace lts {

// The part of RunRecord::options that the report needs.
struct RunSettings {
  Json space;                  // SearchSpace::ToJson()
  std::optional<LawFile> law;  // SpaceFields::law, of `space`
  std::vector<ObjectiveSpec> objectives;
  RuntimeConfig config;
  Workload workload;

  Json ToJson() const;
  // Reads the members it knows, whatever else there is. Throws kInvalidArgument or kNotFound,
  // starting with `name`.
  static RunSettings FromJson(const Json& json, const std::string& name);

  const LtsLawFit* own_law() const { return law ? &law->fit : nullptr; }
};

// One evaluated candidate with all that is known of it.
struct RunMember {
  Architecture architecture;
  RunEvaluation evaluation;
  std::vector<Measurement> measurements;  // at most one per metric, in the order of Metrics()
};

// `measurements` and the counted metrics that they lack, of those that are in every report or among
// the run's objectives, in the order of Metrics(). Predictions of laws are never stored.
std::vector<Measurement> WithCounts(std::vector<Measurement> measurements,
                                    const Architecture& architecture, const RunSettings& settings);

// Objectives as a point that is minimised.
Point MinimizedPoint(std::span<const double> objectives, std::span<const ObjectiveSpec> specs);

// The interval of each objective among `measurements`, widened to hold its value where they differ
// (measured again since); the value alone where there is none. Empty when `objectives` is. A law's
// prediction counts as exact: what it may be wrong in is common to decoders that are alike, so that
// its interval says little about which of two is better (CompareByLtsLaw() does).
std::vector<Interval> ObjectiveIntervals(std::span<const double> objectives,
                                         std::span<const ObjectiveSpec> specs,
                                         std::span<const Measurement> measurements);

// The front and its near-ties are computed here, from the objectives that the search was told.
ReportData MakeReport(const RunRecord& run, const RunSettings& settings,
                      std::span<const RunMember> members);

// Adds what an exact search concludes.
void AddOutcome(const ExactOutcome& outcome, const SearchSpace& space, ReportData& report);

// The store of a folder: "<folder>/lts.db".
std::string StorePath(const std::string& folder);

}  // namespace lts
