// What a training run needs to go on after it was killed, on disk whole or not at all.
//
//   folder/state.json          {"format": "lts-training-1", "step": 120, "tensors":
//                               "step-120.safetensors", "seconds": 61.5, "best_loss": 3.2,
//                               "best_step": 100, "run": {...}}       best_*: null before any
//   folder/step-120.safetensors   float32: weight/NAME, first_moment/NAME and second_moment/NAME of
//                                 every tensor of the graph, in our names and layouts
//
// state.json is what makes a checkpoint: it is replaced after the tensors that it names are on
// disk, and older tensors are removed after that. Whatever ends a save early leaves the earlier
// checkpoint readable. There is no state of a random generator: all draws follow from the seed and
// the step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lts/base/json.h"
#include "lts/train/learner.h"

namespace lts {

struct TrainingState {
  std::int64_t step = 0;  // steps that are done
  std::string tensors;    // the file's name within the folder; SaveTrainingState gives it
  double seconds = 0;     // that they took, of all sittings together
  std::optional<double> best_loss;
  std::int64_t best_step = 0;
  Json run = Json::MakeObject();  // what the run is (train.h)
};

// `name` is the file, for messages. Throws kUnsupported for another format, else kInvalidArgument.
TrainingState ParseTrainingState(const Json& json, const std::string& name);
Json ToJson(const TrainingState& state);

// Throws kIo; the earlier checkpoint then is as it was.
void SaveTrainingState(const std::string& folder, const TrainingState& state,
                       const Learner& learner);

// nullopt: the folder holds none. Throws as ParseTrainingState.
std::optional<TrainingState> ReadTrainingState(const std::string& folder);

// Gives the learner the tensors of `state`. Throws kNotFound and kCorrupt where the file is gone or
// lacks a tensor of the graph in its shape; the learner may then hold some of them.
void RestoreLearner(const std::string& folder, const TrainingState& state, Learner& learner);

// Removes what a killed process left behind: temporaries, and tensors that `state` does not name.
void RemoveStaleTensors(const std::string& folder, const TrainingState* state);

}  // namespace lts
