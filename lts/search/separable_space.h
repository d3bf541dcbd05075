// A search space as the exact solver takes it: families of equal shared dimensions, layers as
// options, objectives as functions of sums and maxima over layers. Internal to lts/search. A copy
// shares nothing but the space.
//
// Counted metrics are taken apart by counting one and two equal layers; that they are sums over
// layers is checked, not believed. Laws of quality are functions of sums that they name
// (quality/law.h), of the family and of the number of layers. Measured ones come from a cost model,
// whose terms of a layer are rounded to 10 ps and 1 byte, so that sums are integers. Where a term
// is, within a family, an affine function of a counted one (times often are of d_inner), that one's
// component stands for both.
//
// What a layer adds is often what its d_inner and what its n_head add, and its activations are the
// wider of both's. So that this holds of integers as well, the two are rounded apart where it does,
// and are the halves of the solver's options (search/family_halves.h). Where a constraint ties
// d_inner to n_head not all pairs are options, and layers are added whole.
//
// Layers are exchangeable but for the last one, of which an engine may compute less in a prefill
// (CostModel::Last). Where layers may differ and a prefill is predicted, each option is there
// twice, as an inner and as the last layer; a component counts last layers, and two limits ask for
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lts/cost/cost_model.h"
#include "lts/objectives/objective.h"
#include "lts/quality/law.h"
#include "lts/search/pareto_dp.h"
#include "lts/search/search.h"

namespace lts {

// Which end of a prediction stands for a measured quantity. kOptimistic: the end that is better for
// each objective, and for each limit the one that keeps more.
enum class Outlook { kExpected, kOptimistic };

class SeparableSpace final : public SeparableProblem {
 public:
  // Keeps a reference to `space`. Limits: the space's constraints on counted metrics, and
  // options.measured_constraints. Throws kInvalidArgument when an objective is no metric,
  // kUnsupported when a counted metric is no sum over layers or a constraint ties a metric to a
  // dimension that differs per layer.
  SeparableSpace(const SearchSpace& space, const SearchOptions& options);

  // Metrics that a model has to predict before the problem can be solved; latency counts as its
  // two parts.
  const std::vector<Metric>& predicted() const { return predicted_; }
  // The model is kept by reference until the next call; it must have all of predicted().
  void SetModel(const CostModel* model, Outlook outlook);

  Genome GenomeOf(const ExactMember& member) const;  // canonical
  // Calls `visit` with every member of every family, once for all orders of layers that are alike
  // to the model. Limits aside.
  void ForEachMember(const std::function<void(const ExactMember&)>& visit) const;
  // The member's genome that stands for an architecture and all that differ from it in the order of
  // their layers alone.
  Genome RepresentativeOf(const Architecture& architecture) const;
  std::vector<std::int64_t> TotalsOf(const ExactMember& member) const;  // of every component
  // The objectives of a member of this or of a copy with another model or outlook, minimised.
  Point PointOf(const ExactMember& member) const;

  std::span<const Combine> components() const override { return combines_; }
  std::int64_t objectives() const override { return std::ssize(options_.objectives); }
  std::int64_t limits() const override { return std::ssize(limits_) + (last_apart_ ? 2 : 0); }
  std::int64_t families() const override { return std::ssize(families_); }
  Family GetFamily(std::int64_t family) const override;
  Trend TrendOf(std::int64_t family, std::int64_t criterion, std::int64_t component) const override;
  void Objectives(std::int64_t family, std::int64_t depth, std::span<const std::int64_t> totals,
                  std::span<double> out) const override;
  bool Satisfies(std::int64_t limit, std::int64_t family, std::int64_t depth,
                 std::span<const std::int64_t> totals) const override;

 private:
  // Positions of the dimensions in SpaceFields and in genomes.
  static constexpr int kNLayer = 0;
  static constexpr int kDModel = 1;
  static constexpr int kDInner = 2;
  static constexpr int kNHead = 3;

  struct FamilyInfo;
  // Of a count or a time, as components hold them. Throws kUnsupported when the number of units is
  // too large to add up in 64 bits.
  static std::int64_t Units(double value, double unit);

  // [options], of terms of the options of a family. Where every term is what d_inner and what
  // n_head add, and each goes with the first of the other, each is rounded by itself: off by one
  // unit at most. Else to the nearest.
  static std::vector<std::int64_t> LayerUnits(const FamilyInfo& family,
                                              std::span<const double> terms, double unit);

  // A counted metric, or a sum over layers that laws take: its component and how many of the
  // component's units are one of its own.
  struct Counted {
    const Objective* objective;  // null: the sum
    LayerSum sum = {};
    double units = 1;
  };
  // A sum of predicted metrics that is one sum over layers.
  struct Part {
    std::vector<std::pair<Metric, double>> terms;  // metric and weight
    double unit = 1;                               // of the components, in the metric's unit
    int sum = 0;                                   // component
    int peak = 0;                                  // component
  };
  // One counted metric, a law of sums, or sum over parts of weight * part.
  struct Quantity {
    Metric metric;
    int counted = -1;  // index into counted_, or
    const Law* law = nullptr;
    std::vector<int> law_sums = {};               // indices into counted_ of law->sums, or
    std::vector<std::pair<int, double>> of = {};  // parts and weights

    bool predicted() const { return counted < 0 && law == nullptr; }
  };
  // A constraint on metrics, as far as the solver can use its shape.
  struct Limit {
    Constraint constraint;
    std::vector<int> quantities;  // of each name; -1 - dimension for a shared dimension
    Trend trend = Trend::kAny;    // of satisfaction in its one quantity
  };
  // How a part's layers are expressed in one family.
  struct PartForm {
    int of_component = -1;  // -1: its own component
    double per_layer = 0;   // else per_layer * n_layer + slope * (layers' total of of_component)
    double slope = 0;
  };
  struct FamilyInfo {
    std::int32_t d_model = 0;                                    // index of the value
    std::vector<std::int32_t> n_layers;                          // indices of values
    std::vector<std::pair<std::int32_t, std::int32_t>> options;  // d_inner, n_head
    std::vector<std::int64_t> layer;                             // [options, counted_]
    std::vector<std::vector<std::int64_t>> base;                 // [n_layers][counted_]
    std::optional<DecoderFrame> frame;                           // where there is a law
    // Of the model:
    std::vector<PartForm> forms;  // [parts_]
    bool last_apart = false;
    // [options, 2 parts_]: sums and peaks; then, with last_apart, the options as the last layer.
    std::vector<std::int64_t> predicted_layer;
    std::vector<std::vector<double>> shared;       // [n_layers][parts_]: in the parts' unit
    std::vector<std::vector<double>> uncertainty;  // [n_layers][quantities_]
  };

  std::int64_t Value(int dimension, std::int32_t index) const;
  int AddQuantity(Metric metric);
  int AddLayerSum(LayerSum sum);
  void AddLimit(const std::string& text);
  void AddFamilies();
  void CountLayers(FamilyInfo& family) const;
  void CheckSums() const;
  void PlanParts();
  void Predict(FamilyInfo& family) const;
  PartForm FormOf(const FamilyInfo& family, const std::vector<double>& terms) const;
  // Of GetFamily().
  static std::size_t OptionCount(const FamilyInfo& family) {
    return family.options.size() * (family.last_apart ? 2 : 1);
  }
  std::size_t last_component() const { return combines_.size() - 1; }
  Trend QuantityTrend(const FamilyInfo& family, int quantity, int component) const;
  double LawOf(const FamilyInfo& family, std::size_t depth, const Quantity& quantity,
               std::span<const std::int64_t> totals) const;
  // `better`: the end of the interval that an optimist takes.
  double QuantityValue(const FamilyInfo& family, std::size_t depth, int quantity, Trend better,
                       std::span<const std::int64_t> totals) const;

  const SearchSpace& space_;
  SearchOptions options_;
  std::vector<Counted> counted_;
  std::vector<Part> parts_;
  std::vector<Quantity> quantities_;
  std::vector<int> objective_quantity_;
  std::vector<Limit> limits_;
  std::vector<Metric> predicted_;
  std::vector<Combine> combines_;
  std::vector<FamilyInfo> families_;
  const CostModel* model_ = nullptr;
  Outlook outlook_ = Outlook::kExpected;
  bool last_apart_ = false;  // in some family
};

}  // namespace lts
