// Objectives by name. To add one: objectives/<name>.cc with an Objective, and one line in
// registry.cc.
#pragma once

#include <span>
#include <string_view>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/quality/law.h"
#include "lts/record/measurement.h"

namespace lts {

// What must be done to know a measured objective.
enum class MeasuredBy { kCounting, kTiming, kMemoryProbe };

struct Objective {
  Metric metric;             // name, unit, direction and title: Info(metric)
  std::string_view summary;  // one line for --help
  MeasuredBy by = MeasuredBy::kCounting;
  // Counted objectives only: pure, microseconds (onnx_file_mib: a millisecond or two). nullptr for
  // measured ones and for laws of quality (Info(metric).by_law), which are counted by Predict().
  double (*count)(const Graph& graph, const Workload& workload,
                  const RuntimeConfig& config) = nullptr;
  bool in_every_report = true;  // counted ones: shown without having been asked for
};

std::span<const Objective* const> Objectives();
const Objective& FindObjective(std::string_view name);  // throws kNotFound with a suggestion
// As a Measurement: exact (source "count"), or a law's prediction (source "law"). by must be
// kCounting. own_law: the constants of lts_law in place of the frozen ones.
Measurement Count(const Objective& objective, const Architecture& architecture,
                  const Workload& workload, const RuntimeConfig& config,
                  const LtsLawFit* own_law = nullptr);

}  // namespace lts
