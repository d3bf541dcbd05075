#include "lts/profile/request_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lts/base/error.h"
#include "lts/base/linear_algebra.h"
#include "lts/cost/least_squares.h"
#include "lts/profile/prompt_curve.h"

namespace lts {
namespace {

constexpr double kHuber = 1.345;  // 95 % efficient where nothing is out of line
constexpr int kRounds = 50;
constexpr double kScatterToWarn = 0.02;
constexpr double kErrorToWarn = 0.1;
// Of a point without noise, rounding or scatter: what double arithmetic leaves, and more.
constexpr double kLeastDeviation = 1e-9;

// What is known of a point before the model: value, variance, and the row of the regression.
struct Observation {
  double seconds = 0;
  double variance = 0;       // noise of the mean and rounding
  std::size_t size = 0;      // index of its prompt size
  double steps = 0;          // o - 1
  double steps_context = 0;  // (o - 1) (p + o/2 - c)
};

// Columns: alpha's first value and its steps, beta, gamma. All not negative.
class Regression {
 public:
  explicit Regression(const CostProfile& profile) : sizes_(profile.PromptSizes()) {
    double steps = 0;
    double contexts = 0;
    std::map<std::int64_t, std::int64_t> first_output;
    bool two_outputs = false;
    for (const GridPoint& point : profile.points) {
      const auto p = static_cast<double>(point.prompt_tokens);
      const auto o = static_cast<double>(point.output_tokens);
      Observation row;
      row.seconds = point.seconds;
      row.variance = point.deviation_s * point.deviation_s / static_cast<double>(point.runs) +
                     profile.resolution_s * profile.resolution_s / 12;
      row.size = static_cast<std::size_t>(std::ranges::lower_bound(sizes_, point.prompt_tokens) -
                                          sizes_.begin());
      row.steps = std::max(o - 1, 0.0);
      row.steps_context = row.steps * (p + o / 2);
      steps += row.steps;
      contexts += row.steps_context;
      rows_.push_back(row);
      const auto steps_of_point = std::max<std::int64_t>(point.output_tokens - 1, 0);
      const auto [found, fresh] = first_output.emplace(point.prompt_tokens, steps_of_point);
      two_outputs = two_outputs || (!fresh && found->second != steps_of_point);
    }
    if (!two_outputs) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: no prompt size has times of two output sizes; expected some, to "
                              "tell prompt and token apart",
                              profile.source));
    }
    reference_context_ = contexts / steps;
    // A plane through the points needs contexts that differ by more than the outputs do.
    has_gamma_ = rows_.size() > columns() + 1;
    for (Observation& row : rows_) row.steps_context -= reference_context_ * row.steps;
    weights_.assign(rows_.size(), 1.0);
    x_.assign(columns(), 0.0);
  }

  void Solve() {
    tau_ = 0.01;
    std::vector<double> before;
    for (int round = 0; round < kRounds; ++round) {
      before = x_;
      SolveOnce();
      UpdateWeights();
      double change = 0;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        change = std::max(
            change, std::abs(Predict(rows_[i], x_) - Predict(rows_[i], before)) / rows_[i].seconds);
      }
      if (change < 1e-10) break;
    }
  }

  TokenCost Result(const CostProfile& profile) const {
    TokenCost cost;
    cost.name = profile.name;
    cost.reference_context = reference_context_;
    const SquareMatrix covariance = Covariance();
    const double quantile = StudentQuantile();
    const auto deviation = [&](std::span<const std::size_t> columns) {
      double sum = 0;
      for (const std::size_t i : columns) {
        for (const std::size_t j : columns) sum += covariance(i, j);
      }
      return std::sqrt(std::max(sum, 0.0));
    };
    std::vector<std::size_t> steps;
    std::vector<double> seconds;
    double alpha = 0;
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      alpha += x_[i];
      steps.push_back(i);
      const double half = quantile * deviation(steps);
      cost.alpha.push_back({sizes_[i], alpha, {std::max(alpha - half, 0.0), alpha + half}});
      seconds.push_back(alpha);
    }
    const std::size_t beta = sizes_.size();
    cost.beta = x_[beta];
    const double beta_half = quantile * deviation(std::span(&beta, 1));
    cost.beta_interval = {std::max(cost.beta - beta_half, 0.0), cost.beta + beta_half};
    if (has_gamma_) {
      const std::size_t column = beta + 1;
      cost.gamma = x_[column];
      const double half = quantile * deviation(std::span(&column, 1));
      cost.gamma_interval = {std::max(cost.gamma - half, 0.0), cost.gamma + half};
    }
    cost.tile_tokens = ChooseTile(sizes_, seconds);
    cost.goodness.r2 = RSquared();
    Judge(cost, profile);
    Warn(cost);
    return cost;
  }

 private:
  std::size_t columns() const { return sizes_.size() + (has_gamma_ ? 2 : 1); }

  double Predict(const Observation& row, std::span<const double> x) const {
    double value = 0;
    for (std::size_t j = 0; j <= row.size; ++j) value += x[j];
    value += x[sizes_.size()] * row.steps;
    if (has_gamma_) value += x[sizes_.size() + 1] * row.steps_context;
    return value;
  }

  // The standard deviation that a point has at scatter tau.
  double Deviation(const Observation& row, double tau) const {
    const double scatter = std::max(tau, kLeastDeviation) * row.seconds;
    return std::sqrt(row.variance + scatter * scatter);
  }

  // Weighted normal equations.
  SquareMatrix Normal(std::vector<double>* right_side) const {
    SquareMatrix h(columns());
    std::vector<double> row(columns());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Observation& observation = rows_[i];
      const double deviation = Deviation(observation, tau_);
      const double weight = weights_[i] / (deviation * deviation);
      std::ranges::fill(row, 0.0);
      for (std::size_t j = 0; j <= observation.size; ++j) row[j] = 1;
      row[sizes_.size()] = observation.steps;
      if (has_gamma_) row[sizes_.size() + 1] = observation.steps_context;
      for (std::size_t j = 0; j < columns(); ++j) {
        if (row[j] == 0) continue;
        if (right_side != nullptr) (*right_side)[j] += weight * row[j] * observation.seconds;
        for (std::size_t k = 0; k < columns(); ++k) h(j, k) += weight * row[j] * row[k];
      }
    }
    return h;
  }

  void SolveOnce() {
    std::vector<double> g(columns());
    SquareMatrix h = Normal(&g);
    // Unit diagonal: columns of seconds, steps and contexts differ by orders of magnitude. The
    // ridge is far below what any of these data can tell.
    std::vector<double> scale(columns());
    for (std::size_t j = 0; j < columns(); ++j) {
      scale[j] = h(j, j) > 0 ? 1 / std::sqrt(h(j, j)) : 1;
    }
    for (std::size_t j = 0; j < columns(); ++j) {
      g[j] *= scale[j];
      for (std::size_t k = 0; k < columns(); ++k) h(j, k) *= scale[j] * scale[k];
    }
    for (std::size_t j = 0; j < columns(); ++j) h(j, j) += 1e-11;
    x_ = SolveNonNegative(h, g);
    for (std::size_t j = 0; j < columns(); ++j) x_[j] *= scale[j];
  }

  std::size_t FreeColumns() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(x_, [](double value) { return value > 0; }));
  }
  double DegreesOfFreedom() const {
    return std::max(static_cast<double>(rows_.size()) - static_cast<double>(FreeColumns()), 1.0);
  }

  void UpdateWeights() {
    std::vector<double> errors;
    for (const Observation& row : rows_) errors.push_back(row.seconds - Predict(row, x_));
    // Squares beyond three deviations count as that: one outlier must not blow up all.
    const auto too_small = [&](double tau) {
      double squares = 0;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        const double z = errors[i] / Deviation(rows_[i], tau);
        squares += std::min(z * z, 9.0);
      }
      return squares > DegreesOfFreedom();
    };
    double low = 0;
    double high = 1;
    if (!too_small(0)) high = 0;
    for (int i = 0; i < 50 && high > 0; ++i) {
      const double middle = (low + high) / 2;
      (too_small(middle) ? low : high) = middle;
    }
    tau_ = high;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const double z = std::abs(errors[i]) / Deviation(rows_[i], tau_);
      weights_[i] = z > kHuber ? kHuber / z : 1.0;
    }
  }

  SquareMatrix Covariance() const {
    const SquareMatrix h = Normal(nullptr);
    std::vector<std::size_t> free;
    for (std::size_t j = 0; j < columns(); ++j) {
      if (x_[j] > 0) free.push_back(j);
    }
    SquareMatrix part(free.size());
    for (std::size_t i = 0; i < free.size(); ++i) {
      for (std::size_t j = 0; j < free.size(); ++j) {
        part(i, j) = h(free[i], free[j]) / std::sqrt(h(free[i], free[i]) * h(free[j], free[j])) *
                     (i == j ? 1 + 1e-11 : 1);
      }
    }
    SquareMatrix all(columns());
    if (!Cholesky(part)) return all;
    for (std::size_t i = 0; i < free.size(); ++i) {
      std::vector<double> unit(free.size(), 0.0);
      unit[i] = 1;
      SolveLower(part, unit);
      SolveLowerTransposed(part, unit);
      for (std::size_t j = 0; j < free.size(); ++j) {
        all(free[i], free[j]) = unit[j] / std::sqrt(h(free[i], free[i]) * h(free[j], free[j]));
      }
    }
    return all;
  }

  // Of 95 %, two-sided: the normal one with Fisher & Cornish's terms for few degrees of freedom.
  double StudentQuantile() const {
    constexpr double z = 1.959964;
    const double n = std::max(DegreesOfFreedom(), 2.0);
    return z + (z * z * z + z) / (4 * n) +
           (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * n * n);
  }

  // Of all points, weighted as they were fitted.
  double RSquared() const {
    double weights = 0;
    double mean = 0;
    for (const Observation& row : rows_) {
      const double weight = 1 / (Deviation(row, tau_) * Deviation(row, tau_));
      weights += weight;
      mean += weight * row.seconds;
    }
    mean /= weights;
    double residual = 0;
    double total = 0;
    for (const Observation& row : rows_) {
      const double weight = 1 / (Deviation(row, tau_) * Deviation(row, tau_));
      residual += weight * std::pow(row.seconds - Predict(row, x_), 2);
      total += weight * std::pow(row.seconds - mean, 2);
    }
    return total > 0 ? 1 - residual / total : 1;
  }

  void Warn(TokenCost& cost) const {
    cost.scatter = tau_;
    if (rows_.size() <= FreeColumns()) {
      cost.warnings.push_back(fmt::format(
          "{} times and as many unknowns: nothing is left to judge the fit by", rows_.size()));
    }
    if (tau_ > kScatterToWarn) {
      cost.warnings.push_back(
          fmt::format("times lie {:.1f} % around the model where their noise alone would be less; "
                      "it does not hold well",
                      100 * tau_));
    }
    const Goodness& goodness = cost.goodness;
    if (goodness.max_ape > kErrorToWarn) {
      cost.warnings.push_back(
          fmt::format("the model is {:.0f} % off at {}", 100 * goodness.max_ape,
                      PointName(goodness.worst_prompt_tokens, goodness.worst_output_tokens)));
    }
    if (cost.beta == 0) cost.warnings.push_back("further output tokens seem to take no time");
  }

  std::vector<std::int64_t> sizes_;
  std::vector<Observation> rows_;
  bool has_gamma_ = false;
  double reference_context_ = 0;
  std::vector<double> weights_;  // Huber's, of each row
  double tau_ = 0;
  std::vector<double> x_;
};

}  // namespace

TokenCost FitRequests(const CostProfile& profile) {
  Regression regression(profile);
  regression.Solve();
  return regression.Result(profile);
}

std::optional<double> LeaveOneSizeOutError(const CostProfile& profile) {
  const std::vector<std::int64_t> sizes = profile.PromptSizes();
  if (sizes.size() < 3) return std::nullopt;
  const TokenCost whole = FitRequests(profile);
  double error = 0;
  for (std::size_t i = 1; i + 1 < sizes.size(); ++i) {
    CostProfile rest = profile;
    std::erase_if(rest.points,
                  [&](const GridPoint& point) { return point.prompt_tokens == sizes[i]; });
    error += std::abs(PromptSeconds(FitRequests(rest), sizes[i]) / whole.alpha[i].seconds - 1);
  }
  return error / static_cast<double>(sizes.size() - 2);
}

}  // namespace lts
