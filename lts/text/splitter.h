// Splitting text into the pieces ("words") within which byte-level BPE merges, by the regular
// expressions of the models that most others copy. A rule here is a matcher written by hand for one
// expression, tens of times faster than matching it as written (expression.h), and equal to that.
//
// Pieces follow each other without gaps: every rule takes every character. Broken UTF-8: unicode.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lts {

enum class SplitRule : std::uint8_t {
  kGpt2,    // GPT-2, OPT, CodeGen, Pythia
  kLlama3,  // Llama 3; tiktoken's cl100k_base
  kQwen2,   // as Llama 3, but digits one by one
  kNumber,  // \p{N}: each number character by itself, and what lies between them
};

inline constexpr std::string_view kGpt2Expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kLlama3Expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kNumberExpression = R"(\p{N})";

// The rule of an expression, spelt exactly so; nullopt for any other.
std::optional<SplitRule> FindSplitRule(std::string_view expression);

// The end of the piece that starts at text[at]; at < text.size(). `text` must be the whole segment:
// expressions look one character ahead. O(bytes of the piece) and one character more, but for runs
// of white space: O(run).
std::size_t PieceEnd(SplitRule rule, std::string_view text, std::size_t at);

}  // namespace lts
