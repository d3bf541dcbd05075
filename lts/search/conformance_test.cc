// What every search algorithm of the registry must do, whatever its method.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "lts/base/error.h"
#include "lts/search/search_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;

class SearchConformance : public ::testing::TestWithParam<const SearchAlgorithm*> {
 protected:
  static SearchOptions Options(std::uint64_t seed = 1, std::int64_t max_evaluations = 0) {
    SearchOptions options;
    options.objectives = ThreeSpecs();
    options.seed = seed;
    options.max_evaluations = max_evaluations;
    return options;
  }

  SearchResult Search(const SearchSpace& space, const SearchOptions& options,
                      const ScoreFunction& function = ThreeObjectives, std::int64_t budget = 0,
                      SearchObserver* observer = nullptr) {
    FunctionEvaluator evaluator(function, budget);
    SearchResult result = GetParam()->run(space, options, evaluator, observer);
    CheckInvariants(space, options, result);
    batches_ = evaluator.batches;
    return result;
  }

  static void CheckInvariants(const SearchSpace& space, const SearchOptions& options,
                              const SearchResult& result) {
    std::set<std::string> ids;
    std::int64_t iteration = 0;
    for (const EvaluatedCandidate& e : result.evaluated) {
      EXPECT_TRUE(ids.insert(e.candidate.id).second) << "evaluated twice: " << e.candidate.id;
      EXPECT_EQ(e.candidate.id, e.candidate.architecture.Id());
      EXPECT_EQ(space.Encode(e.candidate.architecture), e.candidate.genome);
      EXPECT_TRUE(space.Satisfies(e.candidate.genome, options.workload));
      EXPECT_GE(e.iteration, iteration);
      EXPECT_LE(e.iteration, iteration + 1);
      iteration = e.iteration;
    }
    if (!result.evaluated.empty()) {
      EXPECT_EQ(result.iterations, iteration + 1);
    }
    EXPECT_EQ(result.front, BruteForceFront(MinimisedPoints(result.evaluated, options.objectives)));
  }

  static std::vector<std::int64_t> BruteForceFront(const std::vector<Point>& points) {
    std::vector<std::int64_t> front;
    for (std::size_t i = 0; i < points.size(); ++i) {
      bool on_front = !points[i].empty();
      for (const double value : points[i]) on_front = on_front && std::isfinite(value);
      for (std::size_t j = 0; on_front && j < points.size(); ++j) {
        if (points[j].empty()) continue;
        bool finite = true;
        for (const double value : points[j]) finite = finite && std::isfinite(value);
        if (finite && (Dominates(points[j], points[i]) || (j < i && points[j] == points[i])))
          on_front = false;
      }
      if (on_front) front.push_back(static_cast<std::int64_t>(i));
    }
    return front;
  }

  std::vector<std::int64_t> batches_;
};

TEST_P(SearchConformance, SameSeedSameSequence) {
  for (const char* name : {"archai-gpt2", "lts-gpt2"}) {
    const SearchSpace space = LoadSpace(name);
    const SearchResult a = Search(space, Options(7, 250));
    const SearchResult b = Search(space, Options(7, 250));
    EXPECT_EQ(Ids(a), Ids(b));
    EXPECT_EQ(a.front, b.front);
    EXPECT_EQ(a.evaluated.size(), 250U);
    EXPECT_EQ(a.stopped, "evaluations");
  }
}

TEST_P(SearchConformance, AnotherSeedAnotherSequence) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  EXPECT_NE(Ids(Search(space, Options(1, 40))), Ids(Search(space, Options(2, 40))));
}

TEST_P(SearchConformance, MoreEvaluationsContinueTheSequence) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  const std::vector<std::string> all = Ids(Search(space, Options(3, 200)));
  for (const std::int64_t n : {1, 9, 10, 99, 163}) {
    const std::vector<std::string> some = Ids(Search(space, Options(3, n)));
    EXPECT_EQ(some, std::vector<std::string>(all.begin(), all.begin() + n));
  }
}

TEST_P(SearchConformance, AShortAnswerEndsTheSearch) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const std::vector<std::string> all = Ids(Search(space, Options(3, 120)));
  for (const std::int64_t budget : {1, 37, 100}) {
    const SearchResult result = Search(space, Options(3), ThreeObjectives, budget);
    EXPECT_EQ(Ids(result), std::vector<std::string>(all.begin(), all.begin() + budget));
    EXPECT_EQ(result.stopped, "budget");
  }
}

TEST_P(SearchConformance, AnEvaluatorWithoutBudgetEndsTheSearchAtOnce) {
  class NoBudget final : public Evaluator {
   public:
    std::vector<Score> Evaluate(std::span<const Candidate> /*candidates*/) override { return {}; }
  };
  NoBudget evaluator;
  const SearchResult result = GetParam()->run(LoadSpace("lts-gpt2"), Options(), evaluator, nullptr);
  EXPECT_TRUE(result.evaluated.empty());
  EXPECT_TRUE(result.front.empty());
  EXPECT_EQ(result.iterations, 0);
  EXPECT_EQ(result.stopped, "budget");
}

TEST_P(SearchConformance, PopulationsComeInOneBatchForEachIteration) {
  const SearchResult result = Search(LoadSpace("archai-gpt2"), Options(1, 200));
  EXPECT_EQ(std::ssize(batches_), result.iterations);
  EXPECT_GE(batches_.front(), 10);
}

TEST_P(SearchConformance, RespectsConstraints) {
  const SearchSpace space =
      LoadSpace("lts-gpt2")
          .With(std::vector<std::string>{"n_layer >= 10", "d_inner <= 2.5 * d_model",
                                         "decoder_params <= 40e6", "flops < 2e10"});
  const SearchResult result = Search(space, Options(5, 220));  // CheckInvariants looks at each
  EXPECT_EQ(result.evaluated.size(), 220U);
}

// The exact front, by going through the whole space, and the reason given.
TEST_P(SearchConformance, ExhaustsSmallSpacesAndFindsTheirExactFront) {
  const std::vector<SearchSpace> spaces = {
      TinySpace({2}, {64}, {128}, {4}),                           // one point
      TinySpace({2}, {64}, {128, 256}, {4}),                      // two
      TinySpace({1, 2, 3, 4, 5}, {64}, {128, 256}, {4}),          // ten
      TinySpace({1, 2, 3}, {64, 96}, {64, 128, 256}, {2, 3, 4}),  // 54, less 9 that do not decode
      TinySpace({1, 2, 3}, {64, 96}, {64, 128}, {2, 3}, true, {"d_inner >= d_model"}),
      LoadSpace("archai-gpt2")
          .With(std::vector<std::string>{"n_layer <= 4", "d_inner == 2 * d_model"}),
  };
  for (const SearchSpace& space : spaces) {
    const SearchResult result = Search(space, Options(4));
    EXPECT_EQ(result.stopped, "space exhausted");
    std::set<Genome> evaluated;
    for (const EvaluatedCandidate& e : result.evaluated) evaluated.insert(e.candidate.genome);
    const std::vector<Genome> all = space.Enumerate({});
    EXPECT_EQ(evaluated, std::set<Genome>(all.begin(), all.end()));
    EXPECT_FALSE(result.front.empty());
  }
}

TEST_P(SearchConformance, StopsExactlyAtTheSizeOfTheSpace) {
  const SearchSpace space = TinySpace({1, 2, 3, 4, 5}, {64}, {128, 256}, {4});
  const SearchResult result = Search(space, Options(1, 10));
  EXPECT_EQ(result.evaluated.size(), 10U);
  EXPECT_EQ(result.stopped, "evaluations");
  EXPECT_EQ(Search(space, Options(1, 11)).stopped, "space exhausted");
}

// A space too large to enumerate of which a handful of points remain: it must end, not hang.
TEST_P(SearchConformance, EndsOnLargeSpacesWithFewSatisfyingPoints) {
  const SearchSpace space =
      LoadSpace("lts-gpt2")
          .With(std::vector<std::string>{"n_layer == 3", "d_model == 576", "2 * d_model <= d_inner",
                                         "d_inner <= 2.1 * d_model", "n_head == 4"});
  const SearchResult result = Search(space, Options());
  EXPECT_EQ(result.evaluated.size(), 1U);
  EXPECT_EQ(result.stopped, "space exhausted");
}

TEST_P(SearchConformance, CopesWithASpaceThatNothingSatisfies) {
  const SearchSpace space = TinySpace({1, 2}, {64}, {128}, {4}, false, {"decoder_params > 1e9"});
  const SearchResult result = Search(space, Options());
  EXPECT_TRUE(result.evaluated.empty());
  EXPECT_EQ(result.stopped, "space exhausted");
}

TEST_P(SearchConformance, OneObjectiveKeepsTheFirstBest) {
  SearchOptions options = Options(2, 60);
  options.objectives = {{"decoder_params"}};
  const SearchResult result = Search(LoadSpace("archai-gpt2"), options, [](const Architecture& a) {
    return Score{{DecoderParams(a)}};
  });
  EXPECT_EQ(result.front.size(), 1U);
}

TEST_P(SearchConformance, FlatObjectivesLeaveTheFirstCandidateAlone) {
  const SearchResult result =
      Search(LoadSpace("archai-gpt2"), Options(2, 60), [](const Architecture&) {
        return Score{{1, 1, 1}};
      });
  EXPECT_EQ(result.evaluated.size(), 60U);
  EXPECT_EQ(result.front, std::vector<std::int64_t>{0});
}

TEST_P(SearchConformance, TiesAndEightObjectives) {
  SearchOptions options = Options(2, 150);
  options.objectives.clear();
  for (int i = 0; i < 8; ++i) {
    options.objectives.push_back(
        {"o" + std::to_string(i), i % 2 == 0 ? Direction::kMinimize : Direction::kMaximize});
  }
  const SearchResult result = Search(LoadSpace("archai-gpt2"), options, [](const Architecture& a) {
    const auto few = static_cast<double>(a.d_model() % 3);
    return Score{{few, few, static_cast<double>(a.n_layer() % 2), 0, 1, few, 2, 3}};
  });
  EXPECT_EQ(result.evaluated.size(), 150U);
}

TEST_P(SearchConformance, AllInfeasibleLeavesAnEmptyFrontAndGoesOn) {
  const SearchResult result =
      Search(LoadSpace("archai-gpt2"), Options(2, 130), [](const Architecture& a) {
        Score score = ThreeObjectives(a);
        score.feasible = false;
        return score;
      });
  EXPECT_EQ(result.evaluated.size(), 130U);
  EXPECT_TRUE(result.front.empty());
}

TEST_P(SearchConformance, FailuresAndNonNumbersJoinNoFront) {
  const SearchResult result =
      Search(LoadSpace("archai-gpt2"), Options(2, 150), [](const Architecture& a) {
        Score score = ThreeObjectives(a);
        if (a.n_layer() % 3 == 0) score.objectives.clear();            // failed
        if (a.n_layer() % 3 == 1) score.objectives[1] = std::nan("");  // no number
        if (a.n_layer() == 2) score.objectives[0] = HUGE_VAL;          // nor this
        return score;
      });
  EXPECT_FALSE(result.front.empty());
  for (const std::int64_t i : result.front) {
    const std::int64_t layers =
        result.evaluated[static_cast<std::size_t>(i)].candidate.architecture.n_layer();
    EXPECT_TRUE(layers == 5 || layers == 8) << layers;
  }
}

TEST_P(SearchConformance, TellsTheObserverOfEveryIteration) {
  class Recorder final : public SearchObserver {
   public:
    void OnIteration(std::int64_t iteration, std::span<const EvaluatedCandidate> all,
                     std::span<const std::int64_t> front) override {
      EXPECT_EQ(iteration, calls++);
      EXPECT_GT(std::ssize(all), evaluated);
      EXPECT_EQ(all.back().iteration, iteration);
      EXPECT_FALSE(front.empty());
      evaluated = std::ssize(all);
      last_front.assign(front.begin(), front.end());
    }
    std::int64_t calls = 0;
    std::int64_t evaluated = 0;
    std::vector<std::int64_t> last_front;
  };
  Recorder recorder;
  const SearchResult result =
      Search(LoadSpace("archai-gpt2"), Options(2, 250), ThreeObjectives, 0, &recorder);
  EXPECT_EQ(recorder.calls, result.iterations);
  EXPECT_EQ(recorder.evaluated, 250);
  EXPECT_EQ(recorder.last_front, result.front);
}

TEST_P(SearchConformance, StopsAfterItsOwnLimitOfIterations) {
  SearchOptions options = Options();
  options.parameters["num_iters"] = 3;
  const SearchResult result = Search(LoadSpace("archai-gpt2"), options);
  EXPECT_EQ(result.iterations, 3);
  EXPECT_EQ(result.stopped, "iterations");
}

TEST_P(SearchConformance, RefusesBadOptions) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const auto error = [&](const SearchOptions& options,
                         ErrorCode code = ErrorCode::kInvalidArgument) -> std::string {
    FunctionEvaluator evaluator(ThreeObjectives);
    try {
      (void)GetParam()->run(space, options, evaluator, nullptr);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_TRUE(evaluator.batches.empty());
      return e.what();
    }
    return "no error";
  };
  SearchOptions options = Options(1, 10);
  options.objectives.clear();
  EXPECT_THAT(error(options), HasSubstr("0 objectives"));
  options.objectives = std::vector<ObjectiveSpec>(9, {"a"});
  EXPECT_THAT(error(options), HasSubstr("9 objectives"));
  options.objectives = {{"a"}, {"b"}, {"a"}};
  EXPECT_THAT(error(options), HasSubstr("'a' is given twice"));
  options.objectives = {{""}};
  EXPECT_THAT(error(options), HasSubstr("without a name"));
  EXPECT_THAT(error(Options(1, -1)), HasSubstr("max_evaluations"));
  options = Options(1, 10);
  options.parameters["num_iter"] = 3;
  EXPECT_THAT(error(options, ErrorCode::kNotFound), HasSubstr("did you mean 'num_iters'"));
  options.parameters = Json::MakeArray();
  EXPECT_THAT(error(options), HasSubstr("object"));
}

// Every parameter: its default is accepted, a wrong type and a negative number are not.
TEST_P(SearchConformance, ChecksEveryParameter) {
  const SearchSpace space = LoadSpace("archai-gpt2");
  const Json defaults = GetParam()->default_parameters();
  FunctionEvaluator evaluator(ThreeObjectives);
  SearchOptions options = Options(1, 10);
  options.parameters = defaults;
  EXPECT_EQ(GetParam()->run(space, options, evaluator, nullptr).evaluated.size(), 10U);
  for (const auto& [name, value] : defaults.AsObject()) {
    for (const Json& bad : {Json(-1), Json("x"), Json(1e12), Json(true)}) {
      options.parameters = defaults;
      options.parameters[name] = bad;
      try {
        (void)GetParam()->run(space, options, evaluator, nullptr);
        ADD_FAILURE() << name << " takes " << WriteJson(bad);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
        EXPECT_THAT(error.what(), HasSubstr(name));
      }
    }
  }
}

// Those that only need scores; what models metrics ends by its certificate (exact_search_test.cc).
std::vector<const SearchAlgorithm*> ModelFree() {
  std::vector<const SearchAlgorithm*> algorithms;
  for (const SearchAlgorithm* algorithm : SearchAlgorithms()) {
    if (!algorithm->models_metrics) algorithms.push_back(algorithm);
  }
  return algorithms;
}

INSTANTIATE_TEST_SUITE_P(Registry, SearchConformance, ::testing::ValuesIn(ModelFree()),
                         [](const auto& instance) {
                           std::string name(instance.param->name);
                           std::erase(name, '-');
                           return name;
                         });

TEST(SearchRegistry, FindsByNameAndSuggests) {
  for (const SearchAlgorithm* algorithm : SearchAlgorithms()) {
    EXPECT_EQ(&FindSearchAlgorithm(algorithm->name), algorithm);
    EXPECT_FALSE(algorithm->summary.empty());
  }
  try {
    (void)FindSearchAlgorithm("archai-evolutoin");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'archai-evolution'"));
  }
}

}  // namespace
}  // namespace lts
