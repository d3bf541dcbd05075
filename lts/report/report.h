// A finished or running search as files that people read: tables, a picture and one offline page.
// Plain records in, text out; knows no store, no search and no screen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/count.h"
#include "lts/base/json.h"
#include "lts/record/measurement.h"

namespace lts {

struct ReportObjective {
  std::string name;   // "latency_ms"
  std::string title;  // "Latency"
  std::string unit;   // "ms"
  Direction direction = Direction::kMinimize;
  bool quality = false;  // IsQuality(): wanted for itself, drawn upwards; others are costs
};

struct ReportMember {
  Architecture architecture;
  std::vector<Measurement> measurements;  // everything known, objectives included
  std::vector<double> objectives;         // in the order of ReportData::objectives
  std::int64_t iteration = 0;
  double at_s = 0;  // search time when it was evaluated
  bool feasible = true;
  bool on_front = false;
  // Dominated, or a repetition by value, but by nobody beyond the intervals: its measurements
  // cannot rule out that it belongs to the front (search/near_ties.h). Never together with
  // on_front.
  bool near_tie = false;
  // Where an objective is a law's prediction and the decoder lies outside what the law was fitted
  // on: in what ("n_layer 24 is above 16, the most that the law was fitted on"). Else empty.
  std::string outside_fit = {};
};

// An architecture that was not measured, with the objectives that a model expects, in the order of
// ReportData::objectives.
struct ExpectedMember {
  Architecture architecture;
  std::vector<double> objectives;
};

struct ReportData {
  std::string title;  // "Pareto front of archai-gpt2 on <cpu>"
  std::vector<ReportObjective> objectives;
  std::vector<ReportMember> evaluated;  // in order of evaluation
  Environment environment;
  RuntimeConfig config;
  Workload workload;
  Json certificate;                      // null: none (search/certificate.h, ToJson)
  std::vector<ExpectedMember> expected;  // of the space's front, as far as it was not measured
  Json run;  // run.json: options, seed, versions, times, stop reason, counts
  std::string command_line;
  std::string finished_utc;
  double elapsed_s = 0;
};

// "Certified: none of the space's 5,880 architectures beats the measured ones by more than 1.8 % in
// everything at once." or by how much it is missed. Empty without a certificate.
std::string CertificateSentence(const ReportData& data);

std::string FrontCsv(const ReportData& data);      // one line per member of the front and near-tie,
                                                   // best of the first objective first
std::string EvaluatedCsv(const ReportData& data);  // one line per evaluated architecture, in order
Json FrontJson(const ReportData& data);
std::string FrontSvg(
    const ReportData& data);  // the first two objectives; a static picture for READMEs
std::string ReportHtml(const ReportData& data);  // one self-contained page, no network

// Writes front.json front.csv evaluated.csv run.json architectures/<id>.json front.svg report.html,
// each atomically. Architectures of an earlier write that left the front are removed. Throws kIo.
void WriteReport(const ReportData& data, const std::string& folder);

}  // namespace lts
