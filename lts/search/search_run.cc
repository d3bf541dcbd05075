#include "lts/search/search_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::size_t kMaxObjectives = 8;

}  // namespace

SearchRun::SearchRun(const SearchSpace& space, const SearchOptions& options, Evaluator& evaluator,
                     SearchObserver* observer)
    : space_(space), options_(options), evaluator_(evaluator), observer_(observer) {
  const auto fail = [](const std::string& message) {
    throw Error(ErrorCode::kInvalidArgument, "search: " + message);
  };
  if (options.objectives.empty() || options.objectives.size() > kMaxObjectives) {
    fail(fmt::format("got {} objectives, expected 1 to {}", options.objectives.size(),
                     kMaxObjectives));
  }
  std::set<std::string> names;
  for (const ObjectiveSpec& objective : options.objectives) {
    if (objective.name.empty()) fail("got an objective without a name");
    if (!names.insert(objective.name).second) {
      fail(fmt::format("objective '{}' is given twice", Quoted(objective.name)));
    }
  }
  if (options.max_evaluations < 0) {
    fail(fmt::format("max_evaluations: got {}, expected at least 0", options.max_evaluations));
  }
}

bool SearchRun::Evaluate(const std::vector<Genome>& batch) {
  const std::size_t before = result_.evaluated.size();
  std::size_t count = batch.size();
  if (options_.max_evaluations > 0) {
    count = std::min(count, static_cast<std::size_t>(options_.max_evaluations) - before);
  }
  std::vector<Candidate> candidates;
  candidates.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Architecture architecture = space_.Decode(batch[i]);
    std::string id = architecture.Id();
    candidates.push_back({std::move(id), batch[i], std::move(architecture)});
  }
  std::vector<Score> scores = evaluator_.Evaluate(candidates);
  LTS_CHECK(scores.size() <= count);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    LTS_CHECK(scores[i].objectives.empty() ||
              scores[i].objectives.size() == options_.objectives.size());
    LTS_CHECK(scores[i].intervals.empty() ||
              scores[i].intervals.size() == scores[i].objectives.size());
    seen_.insert(candidates[i].genome);
    result_.evaluated.push_back(
        {std::move(candidates[i]), std::move(scores[i]), result_.iterations});
  }
  if (!scores.empty()) {
    UpdateFront(before);
    if (observer_ != nullptr)
      observer_->OnIteration(result_.iterations, result_.evaluated, result_.front);
    ++result_.iterations;
  }
  if (scores.size() < count) {
    result_.stopped = "budget";
  } else if (options_.max_evaluations > 0 &&
             std::ssize(result_.evaluated) == options_.max_evaluations) {
    result_.stopped = "evaluations";
  }
  return result_.stopped.empty();
}

Point SearchRun::PointAt(std::int64_t index) const {
  Point point = ScoreAt(index).objectives;
  for (std::size_t o = 0; o < point.size(); ++o) {
    if (options_.objectives[o].direction == Direction::kMaximize) point[o] = -point[o];
  }
  return point;
}

// What was dominated stays dominated, so only the old front and the new candidates matter.
void SearchRun::UpdateFront(std::size_t first_new) {
  std::vector<std::int64_t> indices = result_.front;
  for (std::size_t i = first_new; i < result_.evaluated.size(); ++i) {
    const Score& score = result_.evaluated[i].score;
    if (score.feasible && !score.objectives.empty())
      indices.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<Point> points;
  points.reserve(indices.size());
  for (const std::int64_t index : indices) {
    points.push_back(PointAt(index));
  }
  result_.front.clear();
  for (const std::int64_t i : ParetoFront(points))
    result_.front.push_back(indices[static_cast<std::size_t>(i)]);
}

SearchResult SearchRun::Finish(std::string_view stopped) {
  if (result_.stopped.empty()) result_.stopped = stopped;
  return std::move(result_);
}

}  // namespace lts
