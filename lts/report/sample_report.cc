#include "lts/report/sample_report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lts/base/error.h"
#include "lts/base/rng.h"
#include "lts/base/stats.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

struct Sample {
  std::string_view name;
  int evaluated;
  std::vector<Metric> objectives;
  bool layered = false;
  double broken = 0.02;  // share of members that break a constraint
};

const std::vector<Sample>& Samples() {
  using enum Metric;
  static const std::vector<Sample> samples = {
      {"typical", 214, {kDecoderParams, kLatencyMs, kPeakMemoryMib}},
      {"empty", 0, {kDecoderParams, kLatencyMs, kPeakMemoryMib}},
      {"one", 1, {kDecoderParams, kLatencyMs, kPeakMemoryMib}},
      {"single-objective", 60, {kLatencyMs}},
      {"four-objectives", 160, {kDecoderParams, kTtftMs, kTpotMs, kPeakMemoryMib}},
      {"exact", 120, {kDecoderParams, kWeightsMib}},
      {"large", 2000, {kDecoderParams, kLatencyMs, kPeakMemoryMib}},
      {"layered", 150, {kDecoderParams, kLatencyMs}, true},
      {"hostile", 40, {kDecoderParams, kLatencyMs, kPeakMemoryMib}},
      {"nothing-feasible", 12, {kDecoderParams, kLatencyMs}, false, 1.0},
  };
  return samples;
}

Architecture RandomShape(Rng& rng, bool layered) {
  for (;;) {
    ArchitectureFields fields;
    const std::int64_t n_layer = layered ? rng.Between(3, 15) : rng.Between(1, 10);
    fields.d_model = 64 * rng.Between(2, 15);
    LayerShape shape{1, 1, 64 * rng.Between(2, 15)};
    for (std::int64_t layer = 0; layer < n_layer; ++layer) {
      if (layered) shape.d_inner = 64 * rng.Between(2, 60);
      if (layered || layer == 0) shape.n_head = std::int64_t{1} << rng.Between(1, 3);
      shape.n_kv_head = shape.n_head;
      fields.layers.push_back(shape);
    }
    if (fields.d_model % 8 == 0) return Architecture(std::move(fields));
  }
}

double DecoderParams(const Architecture& architecture) {
  const auto d = static_cast<double>(architecture.d_model());
  double params = 2 * d;
  for (const LayerShape& layer : architecture.layers()) {
    const auto i = static_cast<double>(layer.d_inner);
    params += 4 * d * d + 2 * d * i + 9 * d + i;
  }
  return params;
}

Measurement Exact(Metric metric, double value) {
  Measurement measurement;
  measurement.metric = metric;
  measurement.value = measurement.low = measurement.high = measurement.p95 = value;
  measurement.source = "count";
  return measurement;
}

Measurement Measured(Metric metric, double value, double spread, int samples, bool noisy,
                     Rng& rng) {
  Measurement measurement;
  measurement.metric = metric;
  for (int i = 0; i < samples; ++i) {
    const double late = rng.Bernoulli(0.1) ? 2 * rng.Uniform() : 0;
    measurement.samples.push_back(value * (1 + spread * (std::fabs(rng.Normal()) + late)));
  }
  measurement.value = Median(measurement.samples);
  const Interval interval = MedianInterval(measurement.samples);
  measurement.low = interval.low;
  measurement.high = interval.high;
  measurement.p95 = Quantile(measurement.samples, 0.95);
  measurement.drift = 1 + 0.04 * rng.Uniform();
  measurement.noisy = noisy;
  measurement.source =
      metric == Metric::kPeakMemoryMib ? "child process VmHWM" : "cpu timing, canary-corrected";
  return measurement;
}

ReportMember Member(Architecture architecture, Rng& rng) {
  const double params = DecoderParams(architecture);
  const auto embeddings =
      static_cast<double>((architecture.vocab_size() + 1024) * architecture.d_model());
  const double weights = 4 * (params + embeddings) / 1048576;
  const auto layers = static_cast<double>(architecture.n_layer());
  const double cache = 2 * 4 * layers * 223 * static_cast<double>(architecture.d_model()) / 1048576;
  const double spread = rng.Bernoulli(0.06) ? 0.16 : 0.012;
  const bool noisy = spread > 0.1;
  // Narrow models and many small heads use the machine badly; deep ones pay for every layer.
  const double heads = static_cast<double>(architecture.layers().front().n_head);
  const double waste =
      1 + 90 / static_cast<double>(architecture.d_model()) + 0.03 * heads + 0.25 * rng.Uniform();
  const double ttft = 1.2 + 2.4e-6 * params * waste + 0.25 * layers + 1e-8 * embeddings;
  const double tpot = 0.35 + 1.7e-7 * params * waste + 0.03 * layers + 1.2e-8 * embeddings;

  ReportMember member{std::move(architecture), {}, {}};
  member.measurements.push_back(Exact(Metric::kDecoderParams, params));
  member.measurements.push_back(Exact(Metric::kTotalParams, params + embeddings));
  member.measurements.push_back(
      Measured(Metric::kLatencyMs, ttft + 31 * tpot, spread, 25, noisy, rng));
  member.measurements.push_back(Measured(Metric::kTtftMs, ttft, spread, 25, noisy, rng));
  member.measurements.push_back(Measured(Metric::kTpotMs, tpot, spread, 25, noisy, rng));
  member.measurements.push_back(
      Measured(Metric::kPeakMemoryMib, weights + cache + 6 + layers, 0.002, 3, false, rng));
  member.measurements.push_back(Exact(Metric::kWeightsMib, weights));
  member.measurements.push_back(Exact(Metric::kKvCacheMib, cache));
  return member;
}

// Whether a's interval lies at or below b's (above, where more is better) in every objective, in
// one strictly; or b repeats a, `a_first`, and both are exact.
bool BeatsBeyondIntervals(const ReportData& data, const ReportMember& a, const ReportMember& b,
                          bool a_first) {
  bool strictly = false;
  bool exact = true;
  for (const ReportObjective& objective : data.objectives) {
    const Metric metric = MetricByName(objective.name).metric;
    const auto of = [&](const ReportMember& member) -> const Measurement& {
      return *std::ranges::find(member.measurements, metric, &Measurement::metric);
    };
    const bool maximize = objective.direction == Direction::kMaximize;
    const double gap = maximize ? of(a).low - of(b).high : of(b).low - of(a).high;
    if (gap < 0) return false;
    strictly = strictly || gap > 0;
    exact = exact && of(a).low == of(a).high && of(b).low == of(b).high;
  }
  return strictly || (a_first && exact);
}

// Marks the non-dominated feasible members, of equal ones the first alone, and the near-ties.
void MarkFront(ReportData& data) {
  const auto cost = [&](const ReportMember& member, std::size_t k) {
    return data.objectives[k].direction == Direction::kMaximize ? -member.objectives[k]
                                                                : member.objectives[k];
  };
  const auto covers = [&](std::size_t a, std::size_t b) {
    bool better = a < b;
    for (std::size_t k = 0; k < data.objectives.size(); ++k) {
      const double x = cost(data.evaluated[a], k);
      const double y = cost(data.evaluated[b], k);
      if (x > y) return false;
      better = better || x < y;
    }
    return better;
  };
  for (std::size_t i = 0; i < data.evaluated.size(); ++i) {
    data.evaluated[i].on_front = data.evaluated[i].feasible;
    for (std::size_t j = 0; j < data.evaluated.size() && data.evaluated[i].on_front; ++j) {
      data.evaluated[i].on_front = i == j || !data.evaluated[j].feasible || !covers(j, i);
    }
  }
  for (ReportMember& member : data.evaluated) {
    member.near_tie =
        member.feasible && !member.on_front &&
        std::ranges::none_of(data.evaluated, [&](const ReportMember& other) {
          return other.feasible && BeatsBeyondIntervals(data, other, member, &other < &member);
        });
  }
}

Json ObjectivesJson(const ReportData& data) {
  Json json = Json::MakeArray();
  for (const ReportObjective& objective : data.objectives) {
    const bool maximize = objective.direction == Direction::kMaximize;
    json.Append(Json(
        Json::Object{{"name", objective.name}, {"direction", maximize ? "maximize" : "minimize"}}));
  }
  return json;
}

void DescribeRun(const Sample& sample, ReportData& data) {
  data.environment.cpu_model = "AMD EPYC 7763 64-Core Processor";
  data.environment.isa = "AVX2";
  data.environment.logical_cores = 2;
  data.environment.memory_bytes = std::int64_t{16} << 30;
  data.environment.kernel = "Linux 6.1.0-18-amd64";
  data.environment.governor = "performance";
  data.environment.load_1min = 0.31;
  data.environment.available_memory_bytes = std::int64_t{13} << 30;
  data.environment.lts_version = "0.1.0";
  data.environment.build = "GNU 12.2.0 Release";
  data.environment.libraries = {{"oneDNN", "2.6.3"}, {"Highway", "1.0.3"}};
  data.config.threads = 2;
  data.title = std::string("Pareto front of ") + (sample.layered ? "lts-gpt2" : "archai-gpt2") +
               " on " + data.environment.cpu_model;
  data.command_line =
      "lts search --space archai-gpt2 --threads 2 --budget 60s --seed 1 --out lts-search";
  data.finished_utc = sample.evaluated > 0 ? "2026-03-14T09:26:53Z" : "";
  data.elapsed_s = sample.evaluated > 0 ? 60.8 : 0;
  data.run = Json(Json::Object{
      {"space", Json(Json::Object{{"name", "archai-gpt2"}, {"backbone", "gpt2"}})},
      {"objectives", ObjectivesJson(data)},
      {"algorithm", "archai-evolution"},
      {"parameters", Json(Json::Object{{"init_num_models", 10}, {"mutations_per_parent", 1}})},
      {"seed", 1},
      {"budget_s", 60},
      {"stopped", "budget"},
      {"evaluated", sample.evaluated},
      {"constraints", Json(Json::Array{"1e6 <= decoder_params <= 1e9"})}});
}

// As an exact search leaves it: of each member of the front a sister with a twentieth more of the
// first objective is expected at a tenth more of the others.
void AddCertificate(ReportData& data) {
  data.certificate = Json(Json::Object{{"space_points", 5880},
                                       {"space_log10", 3.769},
                                       {"method", "enumeration"},
                                       {"points", 5880},
                                       {"measured", std::ssize(data.evaluated)},
                                       {"predicted_front", 300},
                                       {"tolerance", 0.02},
                                       {"reached", 0.0613},
                                       {"certified", false},
                                       {"worst", "L3 d512 i704 h4"},
                                       {"models", Json(Json::Array{})}});
  for (const ReportMember& member : data.evaluated) {
    if (!member.on_front) continue;
    std::vector<double> objectives = member.objectives;
    for (std::size_t o = 0; o < objectives.size(); ++o) objectives[o] *= o == 0 ? 1.05 : 1.1;
    data.expected.push_back({Architecture::Gpt2(3, 520, 704, 4), std::move(objectives)});
  }
}

void MakeHostile(ReportData& data) {
  const std::string hostile =
      "</script><script>document.title='broken out'</script><b>\"Xeon\" & 'Co'</b> <!-- "
      ",\n\xE2\x80\xA8 \xC3\xBC \xF0\x9F\x9A\x80 \xFF\x01 @LTS_DATA@ $& ";
  data.environment.cpu_model = hostile;
  data.title = "Pareto front on " + hostile;
  data.command_line = "lts search --out '" + hostile + "'";
  data.run["space"] = hostile;
  data.environment.libraries.emplace_back(hostile, hostile);
  for (ReportMember& member : data.evaluated) {
    for (Measurement& measurement : member.measurements) measurement.source = hostile;
  }
}

}  // namespace

std::vector<std::string_view> SampleReportNames() {
  std::vector<std::string_view> names;
  for (const Sample& sample : Samples()) names.push_back(sample.name);
  return names;
}

ReportData SampleReport(std::string_view name) {
  const auto found = std::find_if(Samples().begin(), Samples().end(),
                                  [&](const Sample& sample) { return sample.name == name; });
  if (found == Samples().end()) {
    const std::vector<std::string_view> names = SampleReportNames();
    throw Error(ErrorCode::kNotFound, UnknownName("sample", name, {names.begin(), names.end()}));
  }
  const Sample& sample = *found;
  ReportData data;
  for (const Metric metric : sample.objectives) {
    const MetricInfo& info = Info(metric);
    data.objectives.push_back({std::string(info.name), std::string(info.title),
                               std::string(info.unit), info.better, IsQuality(info, info.better)});
  }
  DescribeRun(sample, data);
  Rng rng(7);
  std::set<std::string> seen;
  while (static_cast<int>(data.evaluated.size()) < sample.evaluated) {
    Architecture architecture = RandomShape(rng, sample.layered);
    if (DecoderParams(architecture) < 1e6 || !seen.insert(architecture.Id()).second) continue;
    ReportMember member = Member(std::move(architecture), rng);
    const auto index = static_cast<double>(data.evaluated.size());
    member.iteration = static_cast<std::int64_t>(data.evaluated.size()) / 20;
    member.at_s = (index + 1) * data.elapsed_s / sample.evaluated;
    member.feasible = !rng.Bernoulli(sample.broken);
    for (const Metric metric : sample.objectives) {
      for (const Measurement& measurement : member.measurements) {
        if (measurement.metric == metric) member.objectives.push_back(measurement.value);
      }
    }
    data.evaluated.push_back(std::move(member));
  }
  MarkFront(data);
  if (sample.name == "hostile") MakeHostile(data);
  if (sample.name == "typical") AddCertificate(data);
  return data;
}

Comparison SampleComparison() {
  const ReportData data = SampleReport("typical");
  Comparison comparison;
  comparison.objectives = data.objectives;
  comparison.ideal = {100e6, 5, 20};
  comparison.reference = {1e6, 300, 700};
  const std::vector<std::string> names = {"runs/nsga2", "runs/random",
                                          "</script><script>document.title='out'</script><b>&"};
  Rng rng(9);
  for (std::size_t r = 0; r < names.size(); ++r) {
    ComparedRun run;
    run.name = names[r];
    run.machine = r == 2 ? "Intel Xeon Platinum 8481C" : "AMD EPYC 7763 64-Core Processor";
    run.algorithm = r == 0 ? "nsga2" : "random";
    run.setting = "cpu f32, 2 threads; 192 + 32 tokens, batch 1";
    run.evaluated = 120 + 20 * static_cast<std::int64_t>(r);
    run.elapsed_s = 60.5 - static_cast<double>(r);
    for (const ReportMember& member : data.evaluated) {
      if (!member.on_front) continue;
      const double slower = 1 + 0.1 * static_cast<double>(r) * rng.Uniform();
      const bool best = slower < 1.03;
      run.on_union_front += best ? 1 : 0;
      run.front.push_back(
          {member.architecture.Id(),
           member.architecture.ShortName(),
           {member.objectives[0], slower * member.objectives[1], member.objectives[2]},
           best});
    }
    double volume = 0;
    for (std::int64_t i = 1; i <= run.evaluated; i += 3) {
      volume += (0.9 - 0.1 * static_cast<double>(r) - volume) * 0.1 * rng.Uniform();
      run.growth.push_back(
          {i, run.elapsed_s * static_cast<double>(i) / static_cast<double>(run.evaluated), volume});
    }
    run.hypervolume = volume;
    comparison.union_front = std::max(comparison.union_front, run.on_union_front);
    comparison.runs.push_back(std::move(run));
  }
  comparison.by_evaluations = {
      {10, {0.31, 0.28, 0.2}, 0}, {100, {0.8, 0.7, 0.6}, 0}, {140, {std::nullopt, 0.72, 0.63}, 1}};
  comparison.by_time = {{10, {0.5, 0.5, 0.4}, std::nullopt}};
  for (std::size_t of = 0; of < 3; ++of) {
    for (std::size_t in = 0; in < 3; ++in) {
      if (of == in) continue;
      comparison.pairs.push_back({of, in, 5, 2, 11, 30, {std::nullopt, 0.97, 0.99}});
    }
  }
  comparison.notes = {"the machines differ: " + names[0] + ": AMD; " + names[2] + ": Intel"};
  return comparison;
}

}  // namespace lts
