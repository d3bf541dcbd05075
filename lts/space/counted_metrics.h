// The metrics that constraints of a space may name, counted from the graph when first asked for.
// Internal to lts/space.
#pragma once

#include <optional>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/arch/graph.h"
#include "lts/quality/law.h"
#include "lts/record/measurement.h"

namespace lts {

class CountedMetrics {
 public:
  // All by reference. own_law: SearchSpace::own_law().
  CountedMetrics(const Architecture& architecture, const Workload& workload,
                 const LtsLawFit* own_law)
      : architecture_(architecture), workload_(workload), own_law_(own_law) {}

  // `metric` must not be measured (LTS_CHECK). Bytes are those of float32. Infinite when the count
  // exceeds 2^63 - 1. Throws kInvalidArgument when a metric needs the workload and it does not fit
  // (see CheckWorkload).
  double Value(Metric metric);

 private:
  double Count(Metric metric);

  const Architecture& architecture_;
  const Workload& workload_;
  const LtsLawFit* own_law_;
  std::optional<Graph> graph_;
  std::optional<ParameterCounts> parameters_;
  std::optional<WorkloadCounts> counts_;
};

// Throws kInvalidArgument "<where>: ..." unless all of the workload's fields are at least 1 and it
// fits `max_seq_len`.
void CheckWorkload(const Workload& workload, std::int64_t max_seq_len, std::string_view where);

}  // namespace lts
