#include "lts/job/pick.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lts/base/error.h"
#include "lts/job/device_meter.h"
#include "lts/job/stored_run.h"
#include "lts/measure/environment_probe.h"
#include "lts/measure/runtime_config.h"
#include "lts/objectives/objective.h"
#include "lts/runtime/registry/registry.h"
#include "lts/search/certificate.h"

namespace lts {
namespace {

const Measurement* Find(const std::vector<Measurement>& measurements, Metric metric) {
  for (const Measurement& m : measurements) {
    if (m.metric == metric) return &m;
  }
  return nullptr;
}

class Picker {
 public:
  Picker(const PickOptions& options, CandidateMeter* meter, Clock& clock)
      : options_(options),
        clock_(clock),
        meter_(meter),
        stored_(LoadRun(options.folder)),
        plan_(PlanFor(options_, stored_)) {
    ChooseBy();
  }

  PickResult Run() {
    CollectCandidates();
    if (candidates_.empty()) {
      result_.note = "no architecture of the space satisfies these limits";
      return std::move(result_);
    }
    const bool measure = CanMeasure();
    candidates_.erase(candidates_.begin() + std::min<std::ptrdiff_t>(std::ssize(candidates_),
                                                                     options_.alternatives + 1),
                      candidates_.end());
    for (PickRow& row : candidates_) result_.rows.push_back(std::move(row));
    if (options_.baseline) {
      result_.rows.push_back(
          {PickRole::kBaseline, *options_.baseline, Known(*options_.baseline), true, true});
    }
    if (measure) Measure(result_.rows);
    ChoosePick();
    if (result_.found && options_.heads) AddHeads(measure);
    return std::move(result_);
  }

 private:
  // The run's plan with the limits among its constraints, and the quality of the baseline.
  static SearchPlan PlanFor(const PickOptions& options, const StoredRun& stored) {
    RunRecord run = stored.run;
    Json constraints =
        run.options.Find("constraints") == nullptr ? Json::MakeArray() : run.options["constraints"];
    for (const std::string& limit : options.limits) constraints.Append(limit);
    if (options.baseline) {
      const ObjectiveSpec* quality = QualityOf(stored.settings);
      if (quality == nullptr) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("--baseline: {}: the run maximises nothing and has no law of "
                                "quality, so that 'equally good' means nothing; give limits "
                                "instead",
                                stored.where));
      }
      const Objective& objective = FindObjective(quality->name);
      if (objective.by != MeasuredBy::kCounting) {
        throw Error(
            ErrorCode::kInvalidArgument,
            fmt::format("--baseline: '{}' has to be measured; give limits instead", quality->name));
      }
      constraints.Append(fmt::format("{} {} {}", quality->name,
                                     quality->direction == Direction::kMaximize ? ">=" : "<=",
                                     Count(objective, *options.baseline, stored.settings.workload,
                                           stored.settings.config, stored.settings.own_law())
                                         .value));
    }
    run.options["constraints"] = std::move(constraints);
    return PlanOfRun(run, stored.where);
  }

  static const ObjectiveSpec* QualityOf(const RunSettings& settings) {
    for (const ObjectiveSpec& spec : settings.objectives) {
      if (IsQuality(MetricByName(spec.name), spec.direction)) return &spec;
    }
    return nullptr;
  }

  void ChooseBy() {
    const ObjectiveSpec* chosen = nullptr;
    if (!options_.by.empty()) {
      const Objective& objective = FindObjective(options_.by);
      result_.by = objective.metric;
      result_.direction = Info(objective.metric).better;
      for (const ObjectiveSpec& spec : stored_.settings.objectives) {
        if (spec.name == options_.by) result_.direction = spec.direction;
      }
      return;
    }
    if (options_.baseline) {
      for (const ObjectiveSpec& spec : stored_.settings.objectives) {
        if (chosen == nullptr && spec.direction == Direction::kMinimize &&
            MetricByName(spec.name).measured)
          chosen = &spec;
      }
    } else {
      chosen = QualityOf(stored_.settings);
    }
    if (chosen == nullptr) chosen = &stored_.settings.objectives.front();
    result_.by = MetricByName(chosen->name).metric;
    result_.direction = chosen->direction;
  }

  // What was measured of an architecture in the run, or what the model expects; with the counts.
  std::vector<Measurement> Known(const Architecture& architecture) const {
    for (const RunMember& member : stored_.members) {
      if (member.architecture == architecture) return WithAsked(member.measurements, architecture);
    }
    std::vector<Measurement> predicted;
    const SpaceFields& space = plan_.space.fields();
    if (model_ != nullptr && architecture.backbone() == space.backbone &&
        architecture.vocab_size() == space.vocab_size &&
        architecture.max_seq_len() == space.max_seq_len) {
      for (const Metric metric :
           {Metric::kLatencyMs, Metric::kTtftMs, Metric::kTpotMs, Metric::kPeakMemoryMib}) {
        if (!model_->Has(metric)) continue;
        const Estimate estimate = model_->Predict(metric, architecture);
        Measurement m;
        m.metric = metric;
        m.value = estimate.value;
        m.low = estimate.low;
        m.high = estimate.high;
        m.p95 = estimate.high;
        m.source = "predicted by the run's cost model";
        predicted.push_back(std::move(m));
      }
    }
    return WithAsked(std::move(predicted), architecture);
  }

  std::vector<Measurement> WithAsked(std::vector<Measurement> measurements,
                                     const Architecture& architecture) const {
    measurements = WithCounts(std::move(measurements), architecture, stored_.settings);
    const auto add = [&](Metric metric) {
      const Objective& objective = FindObjective(Info(metric).name);
      if (objective.by == MeasuredBy::kCounting && Find(measurements, metric) == nullptr) {
        measurements.push_back(Count(objective, architecture, stored_.settings.workload,
                                     stored_.settings.config, stored_.settings.own_law()));
      }
    };
    add(result_.by);
    for (const Objective* objective : plan_.objectives) add(objective->metric);
    return measurements;
  }

  bool WithinLimits(const Architecture& architecture,
                    const std::vector<Measurement>& measurements) const {
    for (const Constraint& constraint : plan_.measured_constraints) {
      for (const std::string& name : constraint.names()) {
        const bool metric = std::ranges::any_of(
            Metrics(), [&](const MetricInfo& info) { return info.name == name; });
        if (metric && Find(measurements, MetricByName(name).metric) == nullptr) return false;
      }
    }
    const std::optional<Genome> genome = plan_.space.Encode(architecture);
    return genome && plan_.space.Satisfies(*genome, stored_.settings.workload) &&
           SatisfiesMeasured(plan_, architecture, measurements);
  }

  double ByOf(const PickRow& row) const {
    const Measurement* m = Find(row.measurements, result_.by);
    if (m == nullptr) return std::numeric_limits<double>::infinity();
    return result_.direction == Direction::kMinimize ? m->value : -m->value;
  }

  // Everything measured, and the front of the limited space as the model sees it: best first.
  void CollectCandidates() {
    const std::vector<EvaluatedCandidate> evaluated = EvaluatedOf(stored_, plan_);
    certifier_.emplace(plan_.space, plan_.search, 0.0);
    certifier_->Update(evaluated);
    model_ = certifier_->model();
    std::set<std::string> seen;
    for (const RunMember& member : stored_.members) {
      seen.insert(member.architecture.Id());
      if (member.evaluation.objectives.empty()) continue;
      Consider(member.architecture, false);
    }
    for (const Certifier::Predicted& predicted : certifier_->PredictedFront()) {
      const Architecture architecture = plan_.space.Decode(predicted.genome);
      if (seen.insert(architecture.Id()).second) Consider(architecture, true);
    }
    std::ranges::stable_sort(candidates_, {}, [&](const PickRow& row) { return ByOf(row); });
  }

  void Consider(const Architecture& architecture, bool predicted) {
    PickRow row{PickRole::kAlternative, architecture, Known(architecture), true, predicted};
    row.within_limits = WithinLimits(architecture, row.measurements);
    if (row.within_limits && std::isfinite(ByOf(row))) candidates_.push_back(std::move(row));
  }

  bool CanMeasure() {
    if (!options_.measure || plan_.measured.empty()) return false;
    if (meter_ != nullptr) return true;
    const Environment here = ProbeEnvironment(stored_.settings.config);
    if (here.key() == stored_.run.environment.key()) return true;
    result_.note =
        fmt::format("nothing was measured again: the search ran in another environment ({})",
                    stored_.run.environment.cpu_model);
    return false;
  }

  void Measure(std::vector<PickRow>& rows) {
    std::vector<Architecture> architectures;
    architectures.reserve(rows.size());
    for (const PickRow& row : rows) architectures.push_back(row.architecture);
    std::vector<std::vector<Measurement>> fresh(rows.size());
    const auto stop = [&] { return options_.interrupted && options_.interrupted(); };
    Meter().Measure(architectures, plan_.measured, stop,
                    [&](std::size_t index, std::vector<Measurement> measurements) {
                      for (Measurement& m : measurements) fresh[index].push_back(std::move(m));
                    });
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool complete = std::ranges::all_of(
          plan_.measured, [&](Metric metric) { return Find(fresh[i], metric) != nullptr; });
      if (!complete) continue;
      rows[i].measurements = WithAsked(std::move(fresh[i]), rows[i].architecture);
      rows[i].predicted = false;
      rows[i].within_limits = rows[i].role == PickRole::kBaseline ||
                              WithinLimits(rows[i].architecture, rows[i].measurements);
    }
  }

  CandidateMeter& Meter() {
    if (meter_ != nullptr) return *meter_;
    if (!device_meter_) {
      DeviceMeterOptions device;
      device.config = stored_.settings.config;
      device.workload = stored_.settings.workload;
      device.seed = options_.seed;
      device.group_seconds = 60;  // all in one session
      device.probe_executable = options_.probe_executable;
      store_.emplace(StorePath(options_.folder));
      device.reference =
          StoredReference(*store_, stored_.run.environment, stored_.settings.config, stored_.where);
      device.on_phase = options_.on_phase ? options_.on_phase : [](const std::string&) {};
      device_meter_.emplace(CreateRuntime(device.config.runtime, OptionsOf(device.config)), device,
                            clock_);
    }
    return *device_meter_;
  }

  void ChoosePick() {
    const auto candidate = [](const PickRow& row) { return row.role != PickRole::kBaseline; };
    std::ranges::stable_sort(result_.rows, {}, [&](const PickRow& row) {
      return std::tuple(!candidate(row), !row.within_limits, ByOf(row));
    });
    PickRow& first = result_.rows.front();
    result_.found = candidate(first) && first.within_limits;
    if (!result_.found) {
      result_.note = "measured again, none of the candidates stayed within the limits";
      return;
    }
    first.role = PickRole::kPick;
    const auto baseline = std::ranges::find(result_.rows, PickRole::kBaseline, &PickRow::role);
    if (baseline == result_.rows.end() || result_.direction != Direction::kMinimize) return;
    const Measurement* ours = Find(first.measurements, result_.by);
    const Measurement* theirs = Find(baseline->measurements, result_.by);
    if (ours == nullptr || theirs == nullptr || ours->low <= 0) return;
    result_.speed_up = theirs->value / ours->value;
    result_.speed_up_interval = {theirs->low / ours->high, theirs->high / ours->low};
  }

  void AddHeads(bool measure) {
    const PickRow& pick = result_.rows.front();
    result_.heads.push_back(pick);
    const auto& dimensions = plan_.space.fields().dimensions;
    const auto values = std::ranges::find(dimensions, "n_head", &Dimension::name)->values;
    for (const std::int64_t n_head : values) {
      if (pick.architecture.d_model() % n_head != 0) continue;
      ArchitectureFields fields = pick.architecture.fields();
      for (LayerShape& layer : fields.layers) layer.n_head = layer.n_kv_head = n_head;
      Architecture variant(std::move(fields));
      if (variant == pick.architecture) continue;
      std::vector<Measurement> known = Known(variant);
      result_.heads.push_back({PickRole::kHeads, std::move(variant), std::move(known), true, true});
    }
    if (measure && result_.heads.size() > 1) Measure(result_.heads);
    for (PickRow& row : result_.heads)
      row.within_limits = WithinLimits(row.architecture, row.measurements);
  }

  const PickOptions& options_;
  Clock& clock_;
  CandidateMeter* meter_;
  std::optional<Store> store_;  // of the canary's reference
  std::optional<DeviceMeter> device_meter_;
  StoredRun stored_;
  SearchPlan plan_;
  std::optional<Certifier> certifier_;
  const CostModel* model_ = nullptr;
  std::vector<PickRow> candidates_;
  PickResult result_;
};

}  // namespace

PickResult PickArchitecture(const PickOptions& options, CandidateMeter* meter, Clock& clock) {
  return Picker(options, meter, clock).Run();
}

}  // namespace lts
