// Versions of ONNX Runtime as numbers, and what depends on them.
#pragma once

#include <string_view>
#include <vector>

namespace lts::ort {

// The numbers at the front of "1.31.1" or of a file name's end, parted by dots; what is no number
// ends them. They compare as versions do: {1, 9} < {1, 20} < {1, 20, 1}.
std::vector<int> VersionNumbers(std::string_view text);

// GroupQueryAttention of several tokens behind a context gives wrong values before 1.20, without a
// word (seen with 1.19.2).
bool HasSoundFusedAttention(std::string_view version);

}  // namespace lts::ort
