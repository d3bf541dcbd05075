#include "lts/cost/cost_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/stats.h"
#include "lts/cost/metric_model.h"

namespace lts {
namespace {

constexpr std::array<Metric, 3> kModelled{Metric::kTtftMs, Metric::kTpotMs, Metric::kPeakMemoryMib};
// Milliseconds and MiB outside these were not measured.
constexpr double kLeast = 1e-6;
constexpr double kMost = 1e9;
// The half width of an interval of the median from a handful of samples, in standard deviations.
constexpr double kDeviationsPerHalfWidth = 1.8;

std::size_t IndexOf(Metric metric) {
  const auto found = std::find(kModelled.begin(), kModelled.end(), metric);
  LTS_CHECK(found != kModelled.end());
  return static_cast<std::size_t>(found - kModelled.begin());
}

const Measurement* Find(const Observation& observation, Metric metric) {
  for (const Measurement& m : observation.measurements) {
    if (m.metric == metric) return &m;
  }
  return nullptr;
}

[[noreturn]] void FailContext(std::string_view name, std::string_view what, std::string_view got,
                              std::string_view expected) {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: got {} {}, expected {}: the cost model's", name, what, got, expected));
}

void CheckMeasurement(const Measurement& m, std::string_view name) {
  const bool ordered = m.low <= m.value && m.value <= m.high;
  if (!(m.value >= kLeast && m.value <= kMost && m.low >= 0 && m.high <= kMost && ordered)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: got {} in [{}, {}], expected a value in [{}, {}] inside its "
                            "interval",
                            name, Info(m.metric).name, m.value, m.low, m.high, kLeast, kMost));
  }
}

}  // namespace

void CheckOfContext(const Architecture& architecture, const CostContext& context,
                    std::string_view name) {
  if (architecture.backbone() != context.backbone) {
    FailContext(name, "backbone", architecture.backbone(), context.backbone);
  }
  if (architecture.vocab_size() != context.vocab_size) {
    FailContext(name, "vocab_size", std::to_string(architecture.vocab_size()),
                std::to_string(context.vocab_size));
  }
  if (architecture.max_seq_len() != context.max_seq_len) {
    FailContext(name, "max_seq_len", std::to_string(architecture.max_seq_len()),
                std::to_string(context.max_seq_len));
  }
}

struct CostModel::State {
  CostContext context;
  std::vector<Observation> observations;
  std::array<std::optional<MetricModel>, kModelled.size()> models;
  std::array<std::vector<std::size_t>, kModelled.size()> observed;  // indices of observations
  // kLatencyMs, of the observations that have both times.
  std::vector<HeldOut> latency_held_out;
  double latency_quantile = 0;

  State(CostContext context_of_all, std::span<const Observation> all);

  double decode_steps() const { return static_cast<double>(context.workload.output_tokens - 1); }
  bool Has(Metric metric) const {
    if (metric == Metric::kLatencyMs) return !latency_held_out.empty();
    const auto found = std::find(kModelled.begin(), kModelled.end(), metric);
    return found != kModelled.end() && models[IndexOf(metric)].has_value();
  }
  const MetricModel& Model(Metric metric) const {
    LTS_CHECK(Has(metric));
    return *models[IndexOf(metric)];
  }
  // Of a latency whose prefill takes `ttft` ms and whose decode steps together `decode` ms. Errors
  // of the two go together where the machine's drift is what is left: somewhere between sum and
  // root of squares, and the quantile sets the scale.
  static double LatencyDeviation(double ttft, double ttft_deviation, double decode,
                                 double decode_deviation) {
    const double a = ttft * ttft_deviation;
    const double b = decode * decode_deviation;
    return std::sqrt(a * a + b * b + a * b) / (ttft + decode);
  }
  void HoldOutLatency();
  double Deviation(Metric metric, std::int64_t n_layer, std::int64_t d_model, IntervalOf of) const;
};

CostModel::State::State(CostContext context_of_all, std::span<const Observation> all)
    : context(std::move(context_of_all)), observations(all.begin(), all.end()) {
  const CostFeatures features(context);
  if (observations.size() > kMaxCostObservations) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cost model: got {} observations, expected at most {}",
                            observations.size(), kMaxCostObservations));
  }
  bool any = false;
  for (std::size_t k = 0; k < kModelled.size(); ++k) {
    const Metric metric = kModelled[k];
    if (metric == Metric::kTpotMs && context.workload.output_tokens == 1) continue;
    std::vector<MetricObservation> data;
    for (std::size_t i = 0; i < observations.size(); ++i) {
      const Measurement* m = Find(observations[i], metric);
      if (m == nullptr) continue;
      const std::string name = fmt::format("observation {}", i);
      CheckOfContext(observations[i].architecture, context, name);
      CheckMeasurement(*m, name);
      observed[k].push_back(i);
      data.push_back({&observations[i].architecture, m->value,
                      0.5 * (m->high - m->low) / m->value / kDeviationsPerHalfWidth});
    }
    if (data.empty()) continue;
    if (data.size() < 3) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("cost model: {}: got {} observations, expected at least 3",
                              Info(metric).name, data.size()));
    }
    models[k].emplace(features, metric, data);
    any = true;
  }
  if (!any) {
    throw Error(ErrorCode::kInvalidArgument,
                "cost model: got no observations, expected at least 3 of ttft_ms, tpot_ms or "
                "peak_memory_mib");
  }
  HoldOutLatency();
}

void CostModel::State::HoldOutLatency() {
  const std::size_t ttft = IndexOf(Metric::kTtftMs);
  const std::size_t tpot = IndexOf(Metric::kTpotMs);
  if (!models[ttft] || (!models[tpot] && decode_steps() > 0)) return;
  if (decode_steps() == 0) {
    latency_held_out.assign(models[ttft]->held_out().begin(), models[ttft]->held_out().end());
    latency_quantile = models[ttft]->quantile();
    return;
  }
  std::size_t j = 0;
  for (std::size_t i = 0; i < observed[ttft].size(); ++i) {
    while (j < observed[tpot].size() && observed[tpot][j] < observed[ttft][i]) ++j;
    if (j == observed[tpot].size() || observed[tpot][j] != observed[ttft][i]) continue;
    const HeldOut& prefill = models[ttft]->held_out()[i];
    const HeldOut& decode = models[tpot]->held_out()[j];
    HeldOut both;
    both.predicted = prefill.predicted + decode_steps() * decode.predicted;
    both.observed = prefill.observed + decode_steps() * decode.observed;
    both.deviation = LatencyDeviation(prefill.predicted, prefill.deviation,
                                      decode_steps() * decode.predicted, decode.deviation);
    latency_held_out.push_back(both);
  }
  if (latency_held_out.size() < 3) {
    latency_held_out.clear();
    return;
  }
  latency_quantile = IntervalQuantile(latency_held_out);
}

// Of kLatencyMs at an architecture of usual layers: Uncertainty knows no others.
double CostModel::State::Deviation(Metric metric, std::int64_t n_layer, std::int64_t d_model,
                                   IntervalOf of) const {
  const auto deviation = [&](const MetricModel& model) {
    const MetricModel::Deviations both = model.Deviation(n_layer, d_model);
    return of == IntervalOf::kMeasurement ? both.total : both.model;
  };
  if (metric != Metric::kLatencyMs) return deviation(Model(metric));
  const MetricModel& prefill = Model(Metric::kTtftMs);
  if (decode_steps() == 0) return deviation(prefill);
  const MetricModel& decode = Model(Metric::kTpotMs);
  const double ttft = std::max(kLeast, prefill.Finish(prefill.Usual(n_layer, d_model)));
  const double tpot = std::max(kLeast, decode.Finish(decode.Usual(n_layer, d_model)));
  return LatencyDeviation(ttft, deviation(prefill), decode_steps() * tpot, deviation(decode));
}

CostModel::CostModel(CostContext context, std::span<const Observation> observations)
    : state_(std::make_shared<const State>(std::move(context), observations)) {}
CostModel::~CostModel() = default;
CostModel::CostModel(const CostModel&) = default;
CostModel::CostModel(CostModel&&) noexcept = default;
CostModel& CostModel::operator=(const CostModel&) = default;
CostModel& CostModel::operator=(CostModel&&) noexcept = default;

const CostContext& CostModel::context() const { return state_->context; }
bool CostModel::Has(Metric metric) const { return state_->Has(metric); }

Estimate CostModel::Predict(Metric metric, const Architecture& architecture, IntervalOf of) const {
  LTS_CHECK(Has(metric));
  CheckOfContext(architecture, state_->context, "architecture");
  Estimate estimate;
  if (metric == Metric::kLatencyMs) {
    estimate.value = state_->Model(Metric::kTtftMs).Predict(architecture);
    if (state_->decode_steps() > 0) {
      estimate.value +=
          state_->decode_steps() * state_->Model(Metric::kTpotMs).Predict(architecture);
    }
  } else {
    estimate.value = state_->Model(metric).Predict(architecture);
  }
  const double factor = 1 + Uncertainty(metric, architecture.n_layer(), architecture.d_model(), of);
  estimate.low = estimate.value / factor;
  estimate.high = estimate.value * factor;
  return estimate;
}

double CostModel::Shared(Metric metric, std::int64_t n_layer, std::int64_t d_model) const {
  return state_->Model(metric).Shared(n_layer, d_model);
}
double CostModel::Layer(Metric metric, std::int64_t d_model, const LayerShape& layer) const {
  return state_->Model(metric).Layer(d_model, layer);
}
double CostModel::Last(Metric metric, std::int64_t d_model, const LayerShape& layer) const {
  return state_->Model(metric).Last(d_model, layer);
}
double CostModel::Peak(Metric metric, std::int64_t d_model, const LayerShape& layer) const {
  return state_->Model(metric).Peak(d_model, layer);
}
double CostModel::Finish(Metric metric, double sum) const {
  return state_->Model(metric).Finish(sum);
}

double CostModel::Uncertainty(Metric metric, std::int64_t n_layer, std::int64_t d_model,
                              IntervalOf of) const {
  LTS_CHECK(Has(metric));
  const double quantile =
      metric == Metric::kLatencyMs ? state_->latency_quantile : state_->Model(metric).quantile();
  // Twenty times more or less is as good as knowing nothing, and stays finite.
  return std::expm1(std::min(quantile * state_->Deviation(metric, n_layer, d_model, of), 3.0));
}

CostModel::Quality CostModel::CrossValidate(Metric metric) const {
  LTS_CHECK(Has(metric));
  const std::span<const HeldOut> held_out = metric == Metric::kLatencyMs
                                                ? std::span<const HeldOut>(state_->latency_held_out)
                                                : state_->Model(metric).held_out();
  Quality quality;
  quality.observations = std::ssize(held_out);
  std::vector<double> errors;
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < held_out.size(); ++i) {
    const HeldOut& h = held_out[i];
    errors.push_back(std::abs(h.predicted / h.observed - 1));
    const double deviations = std::abs(std::log(h.observed / h.predicted)) / h.deviation;
    covered += deviations <= IntervalQuantile(held_out, i) ? 1 : 0;
  }
  quality.median_error = Median(errors);
  quality.p95_error = Quantile(errors, 0.95);
  quality.coverage = static_cast<double>(covered) / static_cast<double>(held_out.size());
  return quality;
}

std::vector<CostModel::Term> CostModel::Terms(Metric metric) const {
  std::vector<Term> terms;
  for (const Coefficient& c : state_->Model(metric).Coefficients()) {
    terms.push_back({c.feature, c.unit, c.value, c.share});
  }
  return terms;
}

Json CostModel::ToJson() const {
  const CostContext& c = state_->context;
  Json json = Json::MakeObject();
  json["backbone"] = c.backbone;
  json["vocab_size"] = c.vocab_size;
  json["max_seq_len"] = c.max_seq_len;
  json["runtime"] = c.config.runtime;
  json["dtype"] = kDTypes.Name(c.config.dtype);
  // Only a cache that was asked for, as in the options of a run.
  if (c.config.cache_dtype() != CacheDType(c.config.dtype))
    json["kv_dtype"] = kDTypes.Name(c.config.cache_dtype());
  json["threads"] = c.config.threads;
  json["prompt_tokens"] = c.workload.prompt_tokens;
  json["output_tokens"] = c.workload.output_tokens;
  json["batch"] = c.workload.batch;
  Json observations = Json::MakeArray();
  for (const Observation& observation : state_->observations) {
    Json one = Json::MakeObject();
    one["architecture"] = observation.architecture.ToDocument();
    for (const Metric metric : kModelled) {
      if (const Measurement* m = Find(observation, metric)) {
        one[Info(metric).name] = Json(Json::Array{m->value, m->low, m->high});
      }
    }
    observations.Append(std::move(one));
  }
  json["observations"] = std::move(observations);
  return json;
}

CostModel CostModel::FromJson(const Json& json, const std::string& name) {
  ObjectReader reader(json, name);
  CostContext context;
  context.backbone = reader.String("backbone");
  context.vocab_size = reader.Int("vocab_size", 1, kMaxVocabSize);
  context.max_seq_len = reader.Int("max_seq_len", 1, kMaxSeqLen);
  context.config.runtime = reader.String("runtime");
  const std::optional<DType> dtype = kDTypes.Find(reader.String("dtype"));
  if (!dtype) reader.Fail("dtype", "expected f32, bf16 or int8");
  context.config.dtype = *dtype;
  if (reader.Has("kv_dtype")) {
    context.config.kv_dtype = kDTypes.Find(reader.String("kv_dtype"));
    if (!context.config.kv_dtype) reader.Fail("kv_dtype", "expected f32, bf16 or int8");
  }
  context.config.threads = static_cast<int>(reader.Int("threads", 1, 1024));
  context.workload.prompt_tokens = reader.Int("prompt_tokens", 1, kMaxSeqLen);
  context.workload.output_tokens = reader.Int("output_tokens", 1, kMaxSeqLen);
  context.workload.batch = reader.Int("batch", 1, 1 << 16);
  const Json& list = reader.Member("observations");
  if (!list.is_array() || list.AsArray().size() > kMaxCostObservations) {
    reader.Fail("observations", fmt::format("expected a list of at most {}", kMaxCostObservations));
  }
  reader.RejectUnknown();
  std::vector<Observation> observations;
  for (const Json& one : list.AsArray()) {
    const std::string where = fmt::format("{}: observations[{}]", name, observations.size());
    ObjectReader fields(one, where);
    Observation observation{ParseArchitecture(fields.Member("architecture"), where), {}};
    for (const Metric metric : kModelled) {
      const std::string key(Info(metric).name);
      if (!fields.Has(key)) continue;
      const Json& values = fields.Member(key);
      if (!values.is_array() || values.AsArray().size() != 3) {
        fields.Fail(key, "expected a list of value, low and high");
      }
      std::array<double, 3> numbers{};
      for (std::size_t k = 0; k < numbers.size(); ++k) {
        if (!values.AsArray()[k].is_number()) fields.Fail(key, "expected three numbers");
        numbers[k] = values.AsArray()[k].AsDouble();
      }
      Measurement m;
      m.metric = metric;
      m.value = m.p95 = numbers[0];
      m.low = numbers[1];
      m.high = numbers[2];
      CheckMeasurement(m, where);
      observation.measurements.push_back(std::move(m));
    }
    fields.RejectUnknown();
    observations.push_back(std::move(observation));
  }
  return {std::move(context), observations};
}

}  // namespace lts
