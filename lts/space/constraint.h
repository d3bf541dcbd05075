// Constraints on architectures, written as a user would: "d_inner >= 2 * d_model",
// "1e6 <= decoder_params <= 1e9", "latency_ms < 50".
//
//   constraint := sum (relop sum)+      relop := "<" | "<=" | ">" | ">=" | "==" | "!="
//   sum        := product (("+" | "-") product)*
//   product    := factor (("*" | "/" | "%") factor)*
//   factor     := NUMBER | NAME | "(" sum ")" | "-" factor
//   NUMBER     := 12 | 1.5 | 2e6        NAME := a dimension of the space or a metric
// Chains mean what they mean in Python: a < b < c is a < b and b < c. So does "%": the result has
// the sign of the divisor. Spaces, tabs and line ends may stand between tokens.
// Limits: 4096 bytes, nesting 64. Arithmetic in double; a division by zero (also of "%") or a
// result that is not a number makes the constraint false.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

class Constraint {
 public:
  // Throws kInvalidArgument with the position (1-based, in bytes):
  // "constraint 'd_inner >> 2': column 10: expected a number, a name or '(', got '>'".
  static Constraint Parse(std::string_view text);

  const std::string& text() const { return text_; }  // as given, without spaces around it
  // Each name once, in order of appearance.
  const std::vector<std::string>& names() const { return names_; }

  // `value` gives each name its value and is asked once for each. Pure; allocates at most the list
  // of values.
  bool Holds(const std::function<double(std::string_view name)>& value) const;
  // The same with the values in the order of names(). Allocates nothing, about 10 ns for each term.
  bool Holds(std::span<const double> values) const;

  struct Bounds {
    double low;
    double high;
  };
  // Like Holds, with only bounds known (low <= high, inclusive): false only when no values inside
  // the bounds make Holds true (interval arithmetic, so true is not a promise). Used to prove a
  // space empty.
  bool CanHold(const std::function<Bounds(std::string_view name)>& bounds) const;
  bool CanHold(std::span<const Bounds> bounds) const;  // in the order of names()

  struct Program;  // postfix form of the expressions (constraint.cc)

 private:
  Constraint() = default;

  std::string text_;
  std::vector<std::string> names_;
  std::shared_ptr<const Program> program_;
};

}  // namespace lts
