// The regular expressions of tokenizers, matched by backtracking exactly as they are written: what
// any expression that splitter.h has no fast matcher for is split by, and the reference that the
// fast ones are held against.
//
// Grammar (Oniguruma's and Rust's meaning, the first alternative that matches wins, greedy):
//
//   expression := sequence { "|" sequence }
//   sequence   := { item }
//   item       := (character | class) [repeat] | group ["?"] | "(?!" (character | class) ")"
//   group      := ("(" | "(?:" | "(?i:") expression ")"
//   repeat     := ("?" | "*" | "+") ["+"] | "{" number ["," [number]] "}"
//                 (a "+" after it: possessive)
//   class      := "." | property | "[" ["^"] { property | range } "]"
//   property   := "\s" | "\S" | "\d" | "\p{..}" | "\P{..}"
//   range      := character ["-" character]
//   character  := any but | ( ) [ { ? * + ^ $ \ and ".", or one of \r \n \t, or "\" and a sign
//
// Properties: L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P S Z Cc Cf. (?i: folds ASCII letters, and
// U+017F to s. What else an expression may hold (back references, look-behind, anchors, lazy
// repeats, &&) is refused, kUnsupported.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

class Expression {
 public:
  // Throws kUnsupported "expression '...': at 12: got '(?<', expected ...". At most 4 KiB.
  explicit Expression(std::string_view text);

  // Appends the matches, from left to right and not overlapping, and whatever lies between them,
  // as pieces: together they are `text`. An empty match is no piece. O(bytes) for the expressions
  // of tokenizers; an expression that fails after long runs tries each of its items at each place
  // of them, from each place: at most O(items * run^3), whatever the expression. Thread-safe.
  void Split(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
  struct Set {                     // of characters
    std::uint32_t categories = 0;  // bits 1 << Category
    bool space = false;            // \s
    bool not_space = false;        // \S
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
    bool negated = false;
  };
  enum class Op : std::uint8_t { kRepeat, kNotAhead, kFork, kJump, kMatch };
  struct Instruction {
    Op op = Op::kMatch;
    bool possessive = false;
    std::uint32_t set = 0;  // kRepeat, kNotAhead
    std::uint32_t min = 1;  // kRepeat
    std::uint32_t max = 1;
    std::uint32_t target = 0;  // kFork: tried after what follows; kJump
  };
  struct Letter;  // a character of the text that is being matched
  class Parser;

  bool Contains(const Set& set, const Letter& letter) const;
  std::size_t MatchEnd(const std::vector<Letter>& letters, std::size_t at) const;

  std::vector<Set> sets_;
  std::vector<Instruction> program_;
};

}  // namespace lts
