// Checks the published front of a run against its store, and its certificate against the space,
// without the solver that made them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lts {

struct VerifyOptions {
  // Architectures of spaces too large to go through (above 300,000 points) that are drawn to look
  // for a larger gap than the certificate's: this many at random, and every neighbour of every
  // member of the front by one gene.
  std::int64_t samples = 20'000;
  std::uint64_t seed = 1;
};

struct VerifyCheck {
  std::string name;                   // "dominance"
  std::string what;                   // one line: what was looked at
  std::vector<std::string> failures;  // one line each; empty: the check holds
};

struct VerifyResult {
  std::vector<VerifyCheck> checks;
  bool ok() const;
};

// Of DIR/front.json against DIR/lts.db:
//   members        each is an evaluation of the run, once, with the values that were measured
//   constraints    each satisfies the space and the measured constraints
//   dominance      pair by pair: the front is what no evaluated architecture dominates, and its
//                  near-ties what none dominates beyond the intervals (search/near_ties.h), all of
//                  them
//   certificate    (exact searches) a model fitted anew to the run's measurements; the gap of every
//                  architecture gone through or drawn, counted and predicted one by one, is at most
//                  the one certified
// Throws what reading the two files throws; a front that is wrong is a failure and no error. Cost:
// O(evaluated^2), and about 50 us for each architecture looked at.
VerifyResult VerifyRun(const std::string& folder, const VerifyOptions& options = {});

}  // namespace lts
