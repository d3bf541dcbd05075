// A run as a folder's store keeps it, put together again.
#pragma once

#include <string>
#include <vector>

#include "lts/job/run_report.h"
#include "lts/job/search_plan.h"
#include "lts/search/search.h"
#include "lts/store/store.h"

namespace lts {

struct StoredRun {
  RunRecord run;
  RunSettings settings;
  std::vector<RunMember> members;
  std::string where;  // "out/lts.db: run 3", for messages
};

// The last run of a folder. Throws as LoadReport (search_job.h).
StoredRun LoadRun(const std::string& folder);

// The members as the search saw them, for what models them (search/certificate.h).
std::vector<EvaluatedCandidate> EvaluatedOf(const StoredRun& stored, const SearchPlan& plan);

}  // namespace lts
