// Runs of search, or of one search on several machines, held against each other: by the fronts that
// they found, by how soon, and by whether they agree on what they both measured.
//
// Hypervolumes are shares of one box (search/reference_box.h) spanned by the fronts of all runs, as
// each run measured them. Of runs on different machines that says how fast the machines are, not
// how well they were searched; there the pairs are worth reading: which members of one front are
// still on the other's, and whether the machines rank decoders alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lts/report/comparison.h"

namespace lts {

struct NamedReport {
  std::string name;
  ReportData report;
};

// Objectives may stand in any order; the first run's is taken. Throws kInvalidArgument: fewer than
// 2 or more than kMaxComparedRuns runs, a name given twice, other objectives or directions than the
// first run's (naming both).
//   O(evaluations * front) for each run's growth, O(n log n) for the rest.
Comparison CompareReports(std::span<const NamedReport> runs);

// The last run of each folder (job/search_job.h: LoadReport, and what it throws).
Comparison CompareFolders(std::span<const std::string> folders);

}  // namespace lts
