#include "lts/train/log.h"

#include <filesystem>
#include <sstream>

#include "lts/base/error.h"
#include "lts/base/files.h"

namespace lts {
namespace {

// The lines of an earlier sitting that belong to steps up to `last_step`.
std::string KeptLines(const std::string& path, std::int64_t last_step) {
  std::string kept;
  if (last_step == 0 || !std::filesystem::exists(path)) return kept;
  std::istringstream lines(ReadFile(path));
  std::string line;
  while (std::getline(lines, line)) {
    try {
      const Json json = ParseJson(line, path);
      const Json* step = json.is_object() ? json.Find("step") : nullptr;
      if (step == nullptr || step->AsInt() > last_step) continue;
    } catch (const Error&) {  // cut off by what ended that sitting
      break;
    }
    kept += line + "\n";
  }
  return kept;
}

}  // namespace

Json ToJson(const StepRecord& record) {
  Json json = Json::MakeObject();
  json["step"] = record.step;
  json["loss"] = record.loss;
  json["learning_rate"] = record.learning_rate;
  json["gradient_norm"] = record.gradient_norm;
  json["tokens"] = record.tokens;
  json["ms"] = 1e3 * record.seconds;
  return json;
}

Json ToJson(const EvaluationRecord& record) {
  Json json = Json::MakeObject();
  json["step"] = record.step;
  json["validation_loss"] = record.loss;
  return json;
}

TrainingLog::TrainingLog(const std::string& path, std::int64_t last_step) : path_(path) {
  WriteFileAtomic(path, KeptLines(path, last_step));
  file_.open(path, std::ios::app | std::ios::binary);
  if (!file_) throw Error(ErrorCode::kIo, path + ": cannot open the log");
}

void TrainingLog::Append(const Json& record) {
  file_ << WriteJson(record, JsonStyle::kCompact) << '\n' << std::flush;
  if (!file_) throw Error(ErrorCode::kIo, path_ + ": cannot write to the log; is the disk full?");
}

}  // namespace lts
