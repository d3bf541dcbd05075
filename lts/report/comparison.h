// Several runs side by side, on one machine or on many, as text that people and programs read.
// Plain records in, text out; job/compare.h fills them in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lts/base/json.h"
#include "lts/report/report.h"

namespace lts {

// Runs whose colours on the page can be told apart.
inline constexpr std::size_t kMaxComparedRuns = 8;

struct ComparedRun {
  struct Step {  // the run after so many evaluations
    std::int64_t evaluations = 0;
    double at_s = 0;
    double hypervolume = 0;
  };
  struct Member {  // of its front
    std::string id;
    std::string name;
    std::vector<double> objectives;  // as Comparison::objectives
    bool on_union_front = false;
  };
  std::string name;  // the folder as it was given; no two are equal
  std::string machine;
  std::string algorithm;
  std::string setting;  // "cpu f32, 2 threads; 192 + 32 tokens, batch 1"
  std::int64_t evaluated = 0;
  double elapsed_s = 0;
  std::int64_t on_union_front = 0;    // how many points of the union front it has
  std::optional<double> hypervolume;  // share of the common box; none above 3 objectives
  std::vector<Member> front;          // in order of evaluation
  std::vector<Step> growth;           // where the hypervolume grew, and the last evaluation
};

// What became of one run's front in another: every ordered pair of runs.
struct ComparedPair {
  std::size_t of = 0;              // index of the run whose front it is
  std::size_t in = 0;              // index of the other
  std::int64_t kept = 0;           // on the other's front too, or a near-tie of it
  std::int64_t lost = 0;           // evaluated by the other, but neither
  std::int64_t not_evaluated = 0;  // kept + lost + not_evaluated are the front of `of`
  std::int64_t shared = 0;         // architectures that both evaluated, with all objectives
  // Spearman's, over the shared ones, of each measured objective; none below 3 of them, and for
  // exact objectives.
  std::vector<std::optional<double>> rank_correlation;
};

// The hypervolumes at one budget. Runs that ended before it have none.
struct ComparedBudget {
  double budget = 0;                               // evaluations, or seconds of search
  std::vector<std::optional<double>> hypervolume;  // of each run
  std::optional<std::size_t> winner;  // none when fewer than two runs got there, or on a tie
};

struct Comparison {
  std::vector<ReportObjective> objectives;
  std::vector<double> ideal;      // of the common box, in each objective's own unit and direction
  std::vector<double> reference;  // likewise
  std::int64_t union_front = 0;   // points of the front of all runs together
  std::vector<ComparedRun> runs;
  std::vector<ComparedPair> pairs;
  std::vector<ComparedBudget> by_evaluations;  // ascending
  std::vector<ComparedBudget> by_time;
  std::vector<std::string> notes;  // in what the runs differ besides the search itself
};

// "a has the larger hypervolume: 0.91 against 0.87 of b." One sentence.
std::string ComparisonSummary(const Comparison& comparison);
// {"format": "lts-comparison", "version": 1, ...}: docs/report.md.
Json ComparisonJson(const Comparison& comparison);
// One self-contained page, no network.
std::string ComparisonHtml(const Comparison& comparison);

}  // namespace lts
