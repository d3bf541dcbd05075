// Constraints on architectures, written as a user would: "d_inner >= 2 * d_model", "1e6 <= decoder_params <= 1e9",
// "latency_ms < 50".
//
//   constraint := sum (relop sum)+                 relop := "<" | "<=" | ">" | ">=" | "==" | "!="   (chains as in Python)
//   sum        := product (("+" | "-") product)*
//   product    := factor (("*" | "/" | "%") factor)*
//   factor     := NUMBER | NAME | "(" sum ")" | "-" factor
//   NUMBER     := 12 | 1.5 | 2e6;   NAME := a dimension of the space or a metric
// Limits: 4096 bytes, nesting 64. Arithmetic in double; division by zero makes the constraint false.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

class Constraint {
 public:
  // Throws kInvalidArgument with the position: "constraint 'd_inner >> 2': column 10: expected a number, a name or '('".
  static Constraint Parse(std::string_view text);

  const std::string& text() const { return text_; }
  const std::vector<std::string>& names() const { return names_; }  // each name once, in order of appearance

  // `value` gives each name its value. Pure.
  bool Holds(const std::function<double(std::string_view name)>& value) const;
  // Like Holds, with only bounds known: false only when no values inside the bounds can satisfy it (interval
  // arithmetic, so true is not a promise). Used to prove a space empty.
  struct Bounds { double low; double high; };
  bool CanHold(const std::function<Bounds(std::string_view name)>& bounds) const;

  // Opaque syntax tree (constraint.cc).
  struct Node;

 private:
  std::string text_;
  std::vector<std::string> names_;
  std::shared_ptr<const Node> root_;
};

}  // namespace lts
