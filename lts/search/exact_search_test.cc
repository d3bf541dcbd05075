#include "lts/search/exact_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lts/base/error.h"
#include "lts/search/device_test_support.h"
#include "lts/search/search_test_support.h"

namespace lts {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<ObjectiveSpec> Specs() {
  return {{"decoder_params", Direction::kMaximize}, {"latency_ms"}, {"peak_memory_mib"}};
}

SearchOptions Options(std::uint64_t seed = 1) {
  SearchOptions options;
  options.objectives = Specs();
  options.workload = MadeUpDevice().workload;
  options.seed = seed;
  return options;
}

SearchResult Search(const SearchSpace& space, const SearchOptions& options,
                    MadeUpDevice device = {}, std::int64_t budget = 0) {
  DeviceEvaluator evaluator(device, options.objectives, budget);
  return kExactSearch.run(space, options, evaluator, nullptr);
}

// 300 points; memory and latency are at odds, so that many of them are on the front.
SearchSpace SmallSpace(std::vector<std::string> constraints = {}) {
  return TinySpace({1, 2, 3, 4, 6}, {64, 96, 128, 160, 192}, {64, 128, 192, 256, 384, 512}, {2, 4},
                   false, std::move(constraints));
}

// True values of everything in the space.
std::vector<Point> Truth(const SearchSpace& space, const std::vector<Genome>& genomes,
                         const SearchOptions& options) {
  std::vector<Point> points;
  for (const Genome& genome : genomes) {
    points.push_back(MadeUpDevice().Answer(space.Decode(genome), options.objectives).objectives);
    for (std::size_t o = 0; o < points.back().size(); ++o) {
      if (options.objectives[o].direction == Direction::kMaximize) points.back()[o] *= -1;
    }
  }
  return points;
}

TEST(ExactSearch, FindsTheFrontWithoutMeasuringTheSpace) {
  const SearchSpace space = SmallSpace();
  const SearchOptions options = Options();
  const SearchResult result = Search(space, options);
  EXPECT_EQ(result.stopped, "certified");
  const std::vector<Genome> all = space.Enumerate(options.workload);
  EXPECT_LT(result.evaluated.size(), all.size() / 2);

  // Nothing in the space beats what was measured by more than the tolerance.
  const std::vector<Point> truth = Truth(space, all, options);
  double worst = 0;
  for (const Point& x : truth) {
    double gap = HUGE_VAL;
    for (const std::int64_t i : result.front) {
      const auto& m = result.evaluated[static_cast<std::size_t>(i)].score.objectives;
      gap = std::min(gap, std::max({-x[0] / m[0], m[1] / x[1], m[2] / x[2]}) - 1);
    }
    worst = std::max(worst, gap);
  }
  EXPECT_LE(worst, 0.02);
}

TEST(ExactSearch, MeasuresEveryMemberWhenNothingLessWillDo) {
  const SearchSpace space = SmallSpace();
  SearchOptions options = Options();
  options.parameters["tolerance"] = 0.0;
  const SearchResult result = Search(space, options);
  const std::vector<Genome> all = space.Enumerate(options.workload);
  std::set<Genome> measured;
  for (const EvaluatedCandidate& e : result.evaluated) measured.insert(e.candidate.genome);
  for (const std::int64_t i : ParetoFront(Truth(space, all, options)))
    EXPECT_TRUE(measured.contains(all[static_cast<std::size_t>(i)]));
}

TEST(ExactSearch, HeterogeneousSpacesTooLargeToGoThrough) {
  const SearchSpace space =
      TinySpace({2, 3, 4, 6, 8}, {64, 96, 128, 192}, {64, 128, 192, 256, 320, 384, 448, 512},
                {2, 4}, true, {"d_inner >= 1.7 * d_model", "decoder_params <= 2e6"});
  ASSERT_FALSE(space.Size().exact && *space.Size().exact <= 300'000);
  SearchOptions options = Options();
  options.parameters["tolerance"] = 0.05;
  const SearchResult result = Search(space, options);
  EXPECT_EQ(result.stopped, "certified");
  EXPECT_LT(result.evaluated.size(), 150U);
  for (const EvaluatedCandidate& e : result.evaluated)
    EXPECT_TRUE(space.Satisfies(e.candidate.genome, options.workload));

  // No random architecture is better than certified.
  Rng rng(3);
  for (int i = 0; i < 3000; ++i) {
    const Genome genome = *space.Sample(rng, options.workload);
    const Point x = Truth(space, {genome}, options)[0];
    double gap = HUGE_VAL;
    for (const std::int64_t m : result.front) {
      const auto& y = result.evaluated[static_cast<std::size_t>(m)].score.objectives;
      gap = std::min(gap, std::max({-x[0] / y[0], y[1] / x[1], y[2] / x[2]}) - 1);
    }
    EXPECT_LE(gap, 0.05) << space.Decode(genome).ShortName();
  }
}

TEST(ExactSearch, SameMeasurementsSameSequence) {
  const SearchSpace space = SmallSpace();
  const MadeUpDevice noisy{.noise = 0.01};
  const std::vector<std::string> ids = Ids(Search(space, Options(7), noisy));
  EXPECT_EQ(Ids(Search(space, Options(7), noisy)), ids);
}

TEST(ExactSearch, TheBudgetEndsItAnywhere) {
  const SearchSpace space = SmallSpace();
  const std::vector<std::string> all = Ids(Search(space, Options()));
  for (const std::int64_t budget : {1, 2, 5, 13, 21}) {
    const SearchResult result = Search(space, Options(), {}, budget);
    EXPECT_EQ(result.stopped, "budget");
    EXPECT_EQ(Ids(result), std::vector<std::string>(all.begin(), all.begin() + budget));
    SearchOptions options = Options();
    options.max_evaluations = budget;
    EXPECT_EQ(Ids(Search(space, options)), Ids(result));
  }
}

TEST(ExactSearch, WhatIsOnlyCountedIsSolvedAtOnce) {
  SearchOptions options = Options();
  options.objectives = {{"decoder_params", Direction::kMaximize}, {"flops"}, {"kv_cache_mib"}};
  const SearchSpace space = SmallSpace();
  const SearchResult result = Search(space, options);
  EXPECT_EQ(result.stopped, "certified");
  EXPECT_EQ(result.front.size(), result.evaluated.size());
  const std::vector<Genome> all = space.Enumerate(options.workload);
  EXPECT_EQ(result.front.size(), ParetoFront(Truth(space, all, options)).size());
}

// Of a front too long for a report, members spread over it are left, each whole.
TEST(ExactSearch, LongExpectedFrontsAreThinned) {
  const SearchSpace space = LoadSpace("lts-gpt2");
  SearchOptions options = Options();
  options.objectives = {{"decoder_params", Direction::kMaximize}, {"flops"}};
  const ExactOutcome outcome = ConcludeExactSearch(space, options, {});
  ASSERT_EQ(outcome.expected.size(), kMaxExpected);
  for (const ExactOutcome::Expected& member : outcome.expected) {
    ASSERT_EQ(std::ssize(member.genome), space.gene_count());
    EXPECT_EQ(member.objectives.size(), 2U);
  }
}

TEST(ExactSearch, OnePoint) {
  const SearchSpace space = TinySpace({2}, {64}, {128}, {4});
  const SearchResult result = Search(space, Options());
  EXPECT_EQ(result.evaluated.size(), 1U);
  EXPECT_EQ(result.front.size(), 1U);
  EXPECT_EQ(result.stopped, "space exhausted");
}

TEST(ExactSearch, SpacesSmallerThanTheFirstBatchAreMeasuredWhole) {
  const SearchSpace space = TinySpace({1, 2, 3, 4, 5}, {64}, {128}, {4});
  const SearchResult result = Search(space, Options());
  EXPECT_EQ(result.evaluated.size(), 5U);
}

TEST(ExactSearch, NothingSatisfies) {
  const SearchResult result = Search(SmallSpace({"decoder_params > 1e9"}), Options());
  EXPECT_THAT(result.evaluated, IsEmpty());
  EXPECT_EQ(result.stopped, "space exhausted");
}

TEST(ExactSearch, AllEqual) {
  class Flat final : public Evaluator {
   public:
    std::vector<Score> Evaluate(std::span<const Candidate> candidates) override {
      Score score{{1.0, 1.0}, true, {}};
      for (const Metric metric : {Metric::kTtftMs, Metric::kTpotMs}) {
        Measurement m;
        m.metric = metric;
        m.value = m.low = m.high = 1;
        score.measurements.push_back(m);
      }
      return std::vector<Score>(candidates.size(), score);
    }
  };
  SearchOptions options = Options();
  options.objectives = {{"ttft_ms"}, {"tpot_ms"}};
  Flat flat;
  const SearchResult result = kExactSearch.run(SmallSpace(), options, flat, nullptr);
  EXPECT_EQ(result.stopped, "certified");
  EXPECT_EQ(result.front.size(), 1U);
}

TEST(ExactSearch, MeasuredConstraintsSteerIt) {
  const SearchSpace space = SmallSpace();
  SearchOptions options = Options();
  options.measured_constraints = {"latency_ms <= 1"};
  class Judge final : public Evaluator {
   public:
    explicit Judge(const SearchOptions& options) : inner_({}, options.objectives) {}
    std::vector<Score> Evaluate(std::span<const Candidate> candidates) override {
      std::vector<Score> scores = inner_.Evaluate(candidates);
      for (Score& score : scores) {
        score.feasible = score.objectives[1] <= 1;
        (score.feasible ? feasible : infeasible) += 1;
      }
      return scores;
    }
    std::int64_t feasible = 0;
    std::int64_t infeasible = 0;

   private:
    DeviceEvaluator inner_;
  };
  Judge judge(options);
  const SearchResult result = kExactSearch.run(space, options, judge, nullptr);
  EXPECT_EQ(result.stopped, "certified");
  for (const std::int64_t i : result.front)
    EXPECT_LE(result.evaluated[static_cast<std::size_t>(i)].score.objectives[1], 1);
  EXPECT_GT(judge.feasible, judge.infeasible);  // the design alone looks at all sizes
}

// A machine so noisy that no model is good to 2 %: it says so instead of certifying.
TEST(ExactSearch, NoiseKeepsTheCertificateHonest) {
  const SearchSpace space = SmallSpace();
  SearchOptions options = Options();
  options.max_evaluations = 60;
  const SearchResult result = Search(space, options, {.noise = 0.15});
  EXPECT_EQ(result.stopped, "evaluations");
  const Certificate certificate = ConcludeExactSearch(space, options, result.evaluated).certificate;
  EXPECT_FALSE(certificate.certified());
  EXPECT_GT(certificate.reached, 0.05);
  EXPECT_FALSE(certificate.worst.empty());
}

TEST(ExactSearch, FailedCandidatesDoNotStopIt) {
  class Failing final : public Evaluator {
   public:
    explicit Failing(const SearchOptions& options) : inner_({}, options.objectives) {}
    std::vector<Score> Evaluate(std::span<const Candidate> candidates) override {
      std::vector<Score> scores = inner_.Evaluate(candidates);
      for (std::size_t i = 0; i < scores.size(); ++i) {
        if (candidates[i].architecture.d_model() == 192) scores[i] = {{}, false, {}};
      }
      return scores;
    }

   private:
    DeviceEvaluator inner_;
  } failing(Options());
  const SearchResult result = kExactSearch.run(SmallSpace(), Options(), failing, nullptr);
  EXPECT_FALSE(result.front.empty());
  EXPECT_THAT(result.stopped, ::testing::AnyOf("certified", "space exhausted"));
}

TEST(ExactSearch, RefusesBadOptions) {
  const auto error = [](const SearchOptions& options) -> std::string {
    try {
      Search(SmallSpace(), options, {}, 1);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  SearchOptions options = Options();
  options.objectives = {{"speed"}};
  EXPECT_THAT(error(options), HasSubstr("'speed'"));
  options = Options();
  options.parameters["tolerance"] = -1;
  EXPECT_THAT(error(options), HasSubstr("tolerance"));
  options = Options();
  options.parameters["batchsize"] = 3;
  EXPECT_THAT(error(options), HasSubstr("did you mean 'batch_size'"));
}

TEST(Certificate, ClosesAsMoreIsMeasured) {
  const SearchSpace space = SmallSpace();
  const SearchOptions options = Options();
  const SearchResult result = Search(space, options);
  double before = HUGE_VAL;
  for (const std::size_t n : {12U, 20U, 28U}) {
    if (n > result.evaluated.size()) break;
    const Certificate certificate =
        ConcludeExactSearch(space, options, std::span(result.evaluated).first(n)).certificate;
    EXPECT_LT(certificate.reached, before);
    EXPECT_EQ(certificate.measured, static_cast<std::int64_t>(n));
    before = certificate.reached;
  }
  const Json json = ConcludeExactSearch(space, options, result.evaluated).certificate.ToJson();
  EXPECT_TRUE(json.Find("certified")->AsBool());
  EXPECT_EQ(json.Find("method")->AsString(), "enumeration");
}

// Of a law the gap is the factor of perplexity, whatever its values are; lts_law is linear in ln
// perplexity, so that a shift of all values leaves it alone.
TEST(Certificate, GapsOfALawAreThoseOfPerplexity) {
  const SearchSpace space = SmallSpace();
  SearchOptions options = Options();
  options.objectives = {{"lts_law"}, {"flops"}};
  const std::vector<Genome> genomes = space.Enumerate(options.workload);
  const std::vector<Point> points = Truth(space, genomes, options);
  const Architecture architecture = space.Decode(genomes[7]);
  const EvaluatedCandidate only{.candidate = {architecture.Id(), genomes[7], architecture},
                                .score = {.objectives = points[7]}};
  double expected = 0;
  for (const Point& x : points) {
    const double perplexity =
        std::exp(FindLaw("lts_law").loss_scale * std::max(points[7][0] - x[0], 0.0)) - 1;
    expected = std::max({expected, std::max(perplexity, points[7][1] / x[1] - 1)});
  }
  const Certificate certificate = ConcludeExactSearch(space, options, {&only, 1}).certificate;
  EXPECT_NEAR(certificate.reached, expected, 1e-9);
}

TEST(Certificate, NothingIsClaimedWithoutMeasurements) {
  const Certificate certificate = ConcludeExactSearch(SmallSpace(), Options(), {}).certificate;
  EXPECT_TRUE(std::isinf(certificate.reached));
  EXPECT_FALSE(certificate.certified());
  EXPECT_TRUE(certificate.ToJson().Find("reached")->is_null());
}

}  // namespace
}  // namespace lts
