// Reports for tests and for looking at the page: made-up searches whose numbers have realistic
// shapes. Test code only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lts/report/comparison.h"
#include "lts/report/report.h"

namespace lts {

// Names that SampleReport knows:
//   typical           214 shapes, 3 objectives, some noisy numbers and broken constraints
//   empty             nothing evaluated yet
//   one               a single member
//   single-objective  latency alone
//   four-objectives   6 pairs and no hypervolume
//   exact             counted objectives alone: no intervals
//   large             2,000 evaluated
//   layered           heterogeneous shapes of up to 15 layers
//   hostile           names that try to break out of every format
//   nothing-feasible  evaluated, but the front is empty
std::vector<std::string_view> SampleReportNames();
// The same report for the same name, always. Throws kNotFound.
ReportData SampleReport(std::string_view name);
// Three runs on two machines; the third's name tries to break out of every format.
Comparison SampleComparison();

}  // namespace lts
