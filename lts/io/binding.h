// Stored tensors of Hugging Face's names and layouts <-> the tensors of our graphs, by the table of
// the backbone (arch/registry.h WeightNames).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lts/arch/model.h"
#include "lts/io/stored_tensor.h"

namespace lts {

// For messages: "config.json says n_embd 512, but transformer.wte.weight is [50257, 768]".
struct BindingNames {
  std::string_view config;   // the file of the architecture
  std::string_view weights;  // the file of the tensors, or its index
};

// A model of the stored weights. Float32 tensors that lie as ours do are views of the file's
// mapping; all others are converted into one buffer (kOutOfMemory before it is allocated).
// Names may come with or without the base model's prefix. Throws kInvalidArgument, naming tensors,
// when
//   a shape contradicts the architecture,
//   a tensor is missing, or one is there that no such model has (buffers such as causal masks may).
// Throws kUnsupported for element types that are no floats of 16 bits or more, and when a tied head
// is stored and differs from the token embedding.
Model BindWeights(const Architecture& architecture, StoredTensors stored,
                  const BindingNames& names);

// Writes the weights as Hugging Face Transformers stores them: model.safetensors at `path`,
// float32, without the tied head. Throws kIo. Holds one tensor's copy at a time where the layouts
// differ. `before_replacing` is called when all is on disk but not yet at `path`.
void WriteWeights(const Model& model, const std::string& path,
                  const std::function<void()>& before_replacing);

}  // namespace lts
