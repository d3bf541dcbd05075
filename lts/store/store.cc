#include "lts/store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/store/database.h"
#include "lts/store/schema.h"

namespace lts {
namespace {

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

Json ToArray(const std::vector<double>& numbers) {
  Json::Array array;
  array.reserve(numbers.size());
  for (const double number : numbers) array.emplace_back(number);
  return Json(std::move(array));
}

std::string Compact(const Json& json) { return WriteJson(json, JsonStyle::kCompact); }

void CheckFinite(const std::string& path, std::string_view what, std::span<const double> numbers) {
  for (const double number : numbers) {
    if (!std::isfinite(number)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {}: got {}, expected a finite number", path, what, number));
    }
  }
}

}  // namespace

struct Store::Impl {
  explicit Impl(const std::string& path) : database(path) { CreateOrCheckSchema(database); }

  // Errors of reading what the file holds are the file's fault: kCorrupt, with the file and the
  // row.
  template <typename Read>
  auto Validated(std::string_view row, const Read& read) const {
    try {
      return read();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kIo) throw;
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{}: {}: {}", database.path(), row, error.what()));
    }
  }

  std::vector<double> ReadNumbers(const std::string& text, std::string_view row) const {
    return Validated(row, [&] {
      std::vector<double> numbers;
      const Json json = ParseJson(text, "numbers");
      numbers.reserve(json.AsArray().size());
      for (const Json& number : json.AsArray()) {
        numbers.push_back(number.AsDouble());
        if (!std::isfinite(numbers.back())) {
          throw Error(ErrorCode::kCorrupt,
                      fmt::format("{}: {}: a number overflows", database.path(), row));
        }
      }
      return numbers;
    });
  }

  void SaveArchitecture(const Architecture& architecture) {
    Statement(database, "INSERT OR IGNORE INTO architectures (id, config_json) VALUES (?, ?)")
        .Bind(architecture.Id())
        .Bind(Compact(architecture.ToDocument()))
        .Finish();
  }

  // The row of `key` in keys, created with its environment when new.
  std::int64_t SaveKey(const MeasurementKey& key, const Environment& environment) {
    if (const auto id = FindKey(key)) return *id;
    Statement(database, "INSERT OR IGNORE INTO environments (key, environment_json) VALUES (?, ?)")
        .Bind(key.environment_key)
        .Bind(Compact(environment.ToJson()))
        .Finish();
    Statement insert(database,
                     "INSERT INTO keys (environment_id, runtime, dtype, kv_dtype, threads, "
                     "prompt_tokens, output_tokens, batch) "
                     "SELECT id, ?, ?, ?, ?, ?, ?, ? FROM environments WHERE key = ?");
    BindConfig(insert, key);
    insert.Bind(key.environment_key).Finish();
    const auto id = FindKey(key);
    if (!id) database.FailCorrupt("a key that was just inserted is missing");
    return *id;
  }

  std::optional<std::int64_t> FindKey(const MeasurementKey& key) {
    Statement select(database,
                     "SELECT keys.id FROM keys JOIN environments ON environments.id = "
                     "keys.environment_id WHERE runtime = ? AND dtype = ? AND kv_dtype = ? AND "
                     "threads = ? AND prompt_tokens = ? AND output_tokens = ? AND batch = ? AND "
                     "environments.key = ?");
    BindConfig(select, key);
    select.Bind(key.environment_key);
    if (!select.Next()) return std::nullopt;
    return select.Int(0);
  }

  static void BindConfig(Statement& statement, const MeasurementKey& key) {
    statement.Bind(key.config.runtime)
        .Bind(kDTypes.Name(key.config.dtype))
        .Bind(kDTypes.Name(key.config.cache_dtype()))
        .Bind(std::int64_t{key.config.threads})
        .Bind(key.workload.prompt_tokens)
        .Bind(key.workload.output_tokens)
        .Bind(key.workload.batch);
  }

  void AppendEvaluation(std::int64_t run_id, const RunEvaluation& evaluation) {
    const bool added =
        Statement(database,
                  "INSERT INTO run_evaluations (run_id, position, iteration, architecture_id, "
                  "feasible, reused, at_s, objectives_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .Bind(run_id)
            .Bind(evaluation.index)
            .Bind(evaluation.iteration)
            .Bind(evaluation.architecture_id)
            .Bind(std::int64_t{evaluation.feasible})
            .Bind(std::int64_t{evaluation.reused})
            .Bind(evaluation.at_s)
            .Bind(Compact(ToArray(evaluation.objectives)))
            .TryFinish();
    if (!added) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: run {}: evaluation {} of '{}' cannot be added; is another "
                              "process resuming the same run?",
                              database.path(), run_id, evaluation.index,
                              Quoted(evaluation.architecture_id)));
    }
    Statement(database, "UPDATE runs SET elapsed_s = max(elapsed_s, ?) WHERE id = ?")
        .Bind(evaluation.at_s)
        .Bind(run_id)
        .Finish();
  }

  void CheckOneRun(Statement& update, std::int64_t id) const {
    if (!update.Next()) {
      throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no run {}", database.path(), id));
    }
    update.Finish();
  }

  std::optional<RunRecord> ReadRun(std::string_view where, std::int64_t id) {
    Statement select(database, fmt::format("SELECT id, started_utc, finished_utc, command_line, "
                                           "options_json, environment_json, status, stopped, "
                                           "elapsed_s FROM runs {}",
                                           where));
    if (id > 0) select.Bind(id);
    if (!select.Next()) return std::nullopt;
    RunRecord run;
    run.id = select.IntIn(0, 1, kMaxInt);
    const std::string row = fmt::format("run {}", run.id);
    run.started_utc = select.Text(1);
    run.finished_utc = select.Text(2);
    run.command_line = select.Text(3);
    Validated(row, [&] {
      run.options = ParseJson(select.Text(4), "options");
      run.environment =
          Environment::FromJson(ParseJson(select.Text(5), "environment"), "environment");
      run.status = kRunStatuses.Name(kRunStatuses.Parse(select.Text(6)));
      return 0;
    });
    run.stopped = select.Text(7);
    run.elapsed_s = select.Real(8);
    return run;
  }

  Database database;
};

Store::Store(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

std::int64_t Store::CreateRun(const RunRecord& run) {
  const std::string_view status = kRunStatuses.Name(kRunStatuses.Parse(run.status));
  CheckFinite(impl_->database.path(), "elapsed_s", std::span(&run.elapsed_s, 1));
  Transaction transaction(impl_->database);
  Statement(impl_->database,
            "INSERT INTO runs (started_utc, finished_utc, command_line, options_json, "
            "environment_json, status, stopped, elapsed_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(run.started_utc)
      .Bind(run.finished_utc)
      .Bind(run.command_line)
      .Bind(Compact(run.options))
      .Bind(Compact(run.environment.ToJson()))
      .Bind(status)
      .Bind(run.stopped)
      .Bind(run.elapsed_s)
      .Finish();
  const std::int64_t id = impl_->database.LastInsertedRow();
  transaction.Commit();
  return id;
}

std::optional<RunRecord> Store::FindRun(std::int64_t id) {
  if (id < 1) return std::nullopt;
  return impl_->ReadRun("WHERE id = ?", id);
}

std::optional<RunRecord> Store::LastRun() { return impl_->ReadRun("ORDER BY id DESC LIMIT 1", 0); }

void Store::ResumeRun(const RunRecord& run) {
  const std::string_view status = kRunStatuses.Name(kRunStatuses.Parse(run.status));
  Transaction transaction(impl_->database);
  Statement update(impl_->database,
                   "UPDATE runs SET status = ?, stopped = '', finished_utc = '', command_line = ?, "
                   "options_json = ? WHERE id = ? RETURNING id");
  update.Bind(status).Bind(run.command_line).Bind(Compact(run.options)).Bind(run.id);
  impl_->CheckOneRun(update, run.id);
  transaction.Commit();
}

void Store::UpdateRun(std::int64_t id, std::string_view status, double elapsed_s,
                      std::string_view stopped, std::string_view finished_utc) {
  const std::string_view name = kRunStatuses.Name(kRunStatuses.Parse(status));
  CheckFinite(impl_->database.path(), "elapsed_s", std::span(&elapsed_s, 1));
  Transaction transaction(impl_->database);
  Statement update(impl_->database,
                   "UPDATE runs SET status = ?, elapsed_s = ?, stopped = ?, finished_utc = ? "
                   "WHERE id = ? RETURNING id");
  update.Bind(name).Bind(elapsed_s).Bind(stopped).Bind(finished_utc).Bind(id);
  impl_->CheckOneRun(update, id);
  transaction.Commit();
}

void Store::SaveEvaluation(const Architecture& architecture, const MeasurementKey& key,
                           const Environment& environment,
                           const std::vector<Measurement>& measurements, std::int64_t run_id,
                           const RunEvaluation* evaluation) {
  LTS_CHECK(environment.key() == key.environment_key);
  LTS_CHECK((run_id > 0) == (evaluation != nullptr));
  const std::string id = architecture.Id();
  LTS_CHECK(evaluation == nullptr || evaluation->architecture_id == id);
  const std::string& path = impl_->database.path();
  for (const Measurement& m : measurements) {
    CheckFinite(path, Info(m.metric).name, std::vector{m.value, m.low, m.high, m.p95, m.drift});
    CheckFinite(path, Info(m.metric).name, m.samples);
  }
  if (evaluation != nullptr) {
    CheckFinite(path, "at_s", std::span(&evaluation->at_s, 1));
    CheckFinite(path, "objectives", evaluation->objectives);
  }

  Transaction transaction(impl_->database);
  impl_->SaveArchitecture(architecture);
  if (!measurements.empty()) {
    const std::int64_t key_id = impl_->SaveKey(key, environment);
    Statement insert(impl_->database,
                     "INSERT OR REPLACE INTO measurements (key_id, architecture_id, metric, value, "
                     "low, high, p95, samples_json, drift, noisy, source) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const Measurement& m : measurements) {
      insert.Bind(key_id)
          .Bind(id)
          .Bind(Info(m.metric).name)
          .Bind(m.value)
          .Bind(m.low)
          .Bind(m.high)
          .Bind(m.p95)
          .Bind(Compact(ToArray(m.samples)))
          .Bind(m.drift)
          .Bind(std::int64_t{m.noisy})
          .Bind(m.source)
          .Finish();
    }
  }
  if (evaluation != nullptr) impl_->AppendEvaluation(run_id, *evaluation);
  transaction.Commit();
}

std::vector<Measurement> Store::FindMeasurements(const std::string& architecture_id,
                                                 const MeasurementKey& key) {
  // One statement, so that another process's write cannot fall between two reads.
  Statement select(
      impl_->database,
      "SELECT metric, value, low, high, p95, samples_json, drift, noisy, source "
      "FROM keys JOIN environments ON environments.id = keys.environment_id "
      "JOIN measurements ON measurements.key_id = keys.id "
      "WHERE runtime = ? AND dtype = ? AND kv_dtype = ? AND threads = ? AND "
      "prompt_tokens = ? AND output_tokens = ? AND batch = ? AND environments.key = ? AND "
      "architecture_id = ?");
  Impl::BindConfig(select, key);
  select.Bind(key.environment_key).Bind(architecture_id);
  std::vector<Measurement> found;
  const std::string row = fmt::format("measurement of '{}'", Quoted(architecture_id));
  while (select.Next()) {
    Measurement m;
    const std::string metric = select.Text(0);
    m.metric = impl_->Validated(row, [&] { return MetricByName(metric).metric; });
    m.value = select.Real(1);
    m.low = select.Real(2);
    m.high = select.Real(3);
    m.p95 = select.Real(4);
    m.samples = impl_->ReadNumbers(select.Text(5), row);
    m.drift = select.Real(6);
    m.noisy = select.IntIn(7, 0, 1) == 1;
    m.source = select.Text(8);
    found.push_back(std::move(m));
  }
  std::sort(found.begin(), found.end(),
            [](const Measurement& a, const Measurement& b) { return a.metric < b.metric; });
  return found;
}

std::vector<RunEvaluation> Store::RunEvaluations(std::int64_t run_id) {
  Statement select(impl_->database,
                   "SELECT position, iteration, architecture_id, feasible, reused, at_s, "
                   "objectives_json FROM run_evaluations WHERE run_id = ? ORDER BY position");
  select.Bind(run_id);
  std::vector<RunEvaluation> evaluations;
  while (select.Next()) {
    const std::int64_t expected = std::ssize(evaluations);
    RunEvaluation evaluation;
    evaluation.index = select.Int(0);
    const std::string row = fmt::format("run {}, evaluation {}", run_id, expected);
    if (evaluation.index != expected) {
      impl_->database.FailCorrupt(fmt::format("{}: missing, {} follows", row, evaluation.index));
    }
    evaluation.iteration = select.IntIn(1, 0, kMaxInt);
    evaluation.architecture_id = select.Text(2);
    evaluation.feasible = select.IntIn(3, 0, 1) == 1;
    evaluation.reused = select.IntIn(4, 0, 1) == 1;
    evaluation.at_s = select.Real(5);
    evaluation.objectives = impl_->ReadNumbers(select.Text(6), row);
    evaluations.push_back(std::move(evaluation));
  }
  return evaluations;
}

std::optional<Architecture> Store::FindArchitecture(const std::string& architecture_id) {
  Statement select(impl_->database, "SELECT config_json FROM architectures WHERE id = ?");
  select.Bind(architecture_id);
  if (!select.Next()) return std::nullopt;
  const std::string config = select.Text(0);
  const std::string row = fmt::format("architecture '{}'", Quoted(architecture_id));
  Architecture architecture = impl_->Validated(
      row, [&] { return ParseArchitecture(ParseJson(config, "config"), "config"); });
  if (architecture.Id() != architecture_id) {
    impl_->database.FailCorrupt(
        fmt::format("{}: its configuration has the id '{}'", row, architecture.Id()));
  }
  return architecture;
}

Json Store::CanaryReference(const std::string& environment_key, const std::string& canary_key,
                            const Json& mine) {
  Transaction transaction(impl_->database);
  Statement(impl_->database,
            "INSERT OR IGNORE INTO canary_references (environment_key, canary_key, reference_json) "
            "VALUES (?, ?, ?)")
      .Bind(environment_key)
      .Bind(canary_key)
      .Bind(Compact(mine))
      .Finish();
  Statement select(impl_->database,
                   "SELECT reference_json FROM canary_references WHERE environment_key = ? AND "
                   "canary_key = ?");
  select.Bind(environment_key).Bind(canary_key);
  if (!select.Next()) impl_->database.FailCorrupt("a canary reference vanished");
  const std::string text = select.Text(0);
  select.Finish();
  Json reference =
      impl_->Validated("canary reference", [&] { return ParseJson(text, "reference"); });
  transaction.Commit();
  return reference;
}

std::vector<std::string> Store::IntegrityCheck() {
  std::vector<std::string> problems;
  Statement integrity(impl_->database, "PRAGMA integrity_check");
  while (integrity.Next()) {
    std::string line = integrity.Text(0);
    if (line != "ok") problems.push_back(Quoted(line, 200));
  }
  Statement foreign(impl_->database, "PRAGMA foreign_key_check");
  while (foreign.Next()) {
    problems.push_back(fmt::format("a row of '{}' refers to a missing row of '{}'",
                                   Quoted(foreign.Text(0)), Quoted(foreign.Text(2))));
  }
  return problems;
}

}  // namespace lts
