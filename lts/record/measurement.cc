#include "lts/record/measurement.h"

namespace lts {

const Measurement* Evaluation::Find(Metric metric) const {
  for (const Measurement& measurement : measurements) {
    if (measurement.metric == metric) return &measurement;
  }
  return nullptr;
}

}  // namespace lts
