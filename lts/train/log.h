// The log of a run, a line of JSON for each step and each evaluation:
//
//   {"step":1,"loss":9.01,"learning_rate":4e-06,"gradient_norm":2.5,"tokens":2048,"ms":341.2}
//   {"step":100,"validation_loss":6.2}
//
// `tokens` are all that were trained on until then. A resumed run goes on with the lines up to its
// checkpoint, so a log reads as if nothing had ended the run, but for its times.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "lts/base/json.h"

namespace lts {

struct StepRecord {
  std::int64_t step = 0;  // 1 for the first
  double loss = 0;        // mean of the batch before the step, nats a token
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping
  std::int64_t tokens = 0;   // of the run so far
  double seconds = 0;        // of this step
};

struct EvaluationRecord {
  std::int64_t step = 0;
  double loss = 0;  // of the validation split, nats a token
  bool best = false;
};

Json ToJson(const StepRecord& record);
Json ToJson(const EvaluationRecord& record);

class TrainingLog {
 public:
  // Goes on with the lines of `path` whose step is at most `last_step`; a line that is no JSON ends
  // them. 0: an empty log. Throws kIo.
  TrainingLog(const std::string& path, std::int64_t last_step);
  // On its way to disk when this returns, so that whoever kills the process finds it. Throws kIo.
  void Append(const Json& record);

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace lts
