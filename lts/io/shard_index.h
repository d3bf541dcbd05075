// The index of a checkpoint whose weights are in several files, as Hugging Face writes it.
//
//   {"metadata"?: ..., "weight_map": {tensor: file, ...}}
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lts {

// The file of each tensor. Files are names of at most 255 bytes without '/' or anything that does
// not print: they lie beside the index, and one from elsewhere cannot make us open others. Throws
// kCorrupt for an index that says something else, kInvalidArgument for text that is no JSON;
// `name` is the index, for messages. O(text).
std::map<std::string, std::string> ParseShardIndex(std::string_view text, std::string_view name);

}  // namespace lts
