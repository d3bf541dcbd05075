// Checkpoint folders of Hugging Face: config.json, weights and the tokenizer's files.
//
//   folder/config.json             what ReadArchitecture() reads (arch/architecture.h)
//   folder/model.safetensors ...   weights (weights.h has the names)
//   folder/tokenizer.json ...      or one folder above, where several models share a tokenizer:
//   folder/NAME/config.json ...    such models are sub-folders (microsoft/lts-gpt2-sm)
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/arch/model.h"

namespace lts {

struct CheckpointFiles {
  std::string config;
  std::optional<std::string> weights;  // a file or an index of files
  std::vector<std::string> tokenizer;  // those of its files that are there, in the order of names
};

// The files of `folder`, or of its sub-folder when one is named. Throws kNotFound when there is no
// config.json, listing the sub-folders that have one.
CheckpointFiles FindCheckpoint(const std::string& folder, std::string_view subfolder = "");

// Those of the files that make a tokenizer that are in `folder` itself, in the order of names.
std::vector<std::string> TokenizerFilesIn(const std::string& folder);

struct Checkpoint {
  Model model;
  CheckpointFiles files;
};
// Finds, reads and checks. Weights that need no conversion stay in the file and are read page by
// page when they are first used: see MappedFile about files that change. Throws kNotFound without
// weights; else as ReadArchitecture, ReadWeights and BindWeights.
Checkpoint LoadCheckpoint(const std::string& folder, std::string_view subfolder = "");

// Writes config.json, model.safetensors and copies of `tokenizer_files` to `folder`, which is
// created. Reading it gives an equal architecture and equal weights; Hugging Face Transformers
// loads it. Whatever ends it early leaves an earlier checkpoint there as it was, or no config.json:
// weights are on disk before the old config.json goes, and the new one is written last, each file
// at once. Throws kIo; kUnsupported where ToHuggingFaceConfig does.
void WriteCheckpoint(const Model& model, const std::string& folder,
                     std::span<const std::string> tokenizer_files = {});

}  // namespace lts
