// The Pareto front as a table on the terminal.
#pragma once

#include <string>

#include "lts/cli/app.h"
#include "lts/report/report.h"

namespace lts::cli {

// "35.1 ±1.2%": a value with its 95 % interval, "~" behind it when it is noisy.
std::string Human(const Measurement& measurement);
// The front and its near-ties, which are marked.
void PrintFront(const ReportData& data, Context& context);
// "≈ 3 near-ties: ..." and a line break: what the mark in the table means; "" when there are none.
std::string NearTieLine(const ReportData& data);
// How many members of the front a law was not fitted for, and the first; empty for none.
std::string OutsideFitLine(const ReportData& data);
// "report: /abs/lts-search/report.html (open it in a browser)"
std::string ReportLine(const std::string& folder);

}  // namespace lts::cli
