#include "lts/space/constraint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "lts/base/enum_table.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::size_t kMaxBytes = 4096;
constexpr int kMaxNesting = 64;
// A nesting level leaves at most a pending sum and a pending product on the stack, and pushes one
// operand.
constexpr std::size_t kStackSize = 3 * (std::size_t{kMaxNesting} + 1);
constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Relation { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual };
// Longer spellings first: the lexer takes the first that fits.
constexpr EnumTable<Relation, 6> kRelations{"relation",
                                            {{{Relation::kLessEqual, "<="},
                                              {Relation::kGreaterEqual, ">="},
                                              {Relation::kEqual, "=="},
                                              {Relation::kNotEqual, "!="},
                                              {Relation::kLess, "<"},
                                              {Relation::kGreater, ">"}}}};

enum class OpCode : std::uint8_t {
  kNumber,
  kName,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kNegate
};

struct Instruction {
  OpCode op = OpCode::kNumber;
  std::size_t name = 0;  // kName: index into names()
  double number = 0;     // kNumber
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsName(char c) { return IsNameStart(c) || IsDigit(c); }

}  // namespace

// The sides of the chain, each in postfix order. side_ends[i] is one past the last instruction of
// side i, and relations[i] stands between sides i and i + 1.
struct Constraint::Program {
  std::vector<Instruction> instructions;
  std::vector<std::size_t> side_ends;
  std::vector<Relation> relations;
};

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  void Parse() {
    Sum();
    program.side_ends.push_back(program.instructions.size());
    for (std::optional<Relation> relation = TakeRelation(); relation; relation = TakeRelation()) {
      program.relations.push_back(*relation);
      Sum();
      program.side_ends.push_back(program.instructions.size());
    }
    if (position_ < text_.size()) {
      if (Peek() == '=') Fail("expected '==' (a single '=' assigns)");
      Fail(program.relations.empty()
               ? "expected an operator or a comparison"
               : "expected an operator, a comparison or the end; write one constraint for each "
                 "condition");
    }
    if (program.relations.empty()) Fail("expected a comparison: <, <=, >, >=, == or !=");
  }

  Constraint::Program program;
  std::vector<std::string> names;

 private:
  [[noreturn]] void Fail(std::string_view expected) const {
    const std::string got = position_ < text_.size()
                                ? fmt::format("'{}'", Quoted(text_.substr(position_, 1)))
                                : "the end";
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("constraint '{}': column {}: {}, got {}", Quoted(text_, 120),
                            position_ + 1, expected, got));
  }

  char Peek() {
    while (position_ < text_.size() && IsSpace(text_[position_])) ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c || position_ == text_.size()) return false;
    ++position_;
    return true;
  }
  std::optional<Relation> TakeRelation() {
    Peek();
    for (const auto& entry : kRelations.entries) {
      if (text_.substr(position_).starts_with(entry.name)) {
        position_ += entry.name.size();
        return entry.value;
      }
    }
    return std::nullopt;
  }

  void Emit(OpCode op) { program.instructions.push_back({.op = op}); }

  void Sum() {
    Product();
    while (true) {
      if (Take('+')) {
        Product();
        Emit(OpCode::kAdd);
      } else if (Take('-')) {
        Product();
        Emit(OpCode::kSubtract);
      } else {
        return;
      }
    }
  }

  void Product() {
    Factor();
    while (true) {
      if (Take('*')) {
        Factor();
        Emit(OpCode::kMultiply);
      } else if (Take('/')) {
        Factor();
        Emit(OpCode::kDivide);
      } else if (Take('%')) {
        Factor();
        Emit(OpCode::kModulo);
      } else {
        return;
      }
    }
  }

  void Factor() {
    const char c = Peek();
    if (IsDigit(c) || c == '.') return Number();
    if (IsNameStart(c)) return Name();
    if (c != '(' && c != '-') Fail("expected a number, a name or '('");
    if (nesting_ == kMaxNesting)
      Fail(fmt::format("expected at most {} levels of nesting", kMaxNesting));
    ++position_;
    ++nesting_;
    if (c == '(') {
      Sum();
      if (!Take(')')) Fail("expected ')'");
    } else {
      Factor();
      Emit(OpCode::kNegate);
    }
    --nesting_;
  }

  void Number() {
    double value = 0;
    const char* const first = text_.data() + position_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range)
      Fail("expected a number within +-1.8e308 and not below 1e-308");
    if (error != std::errc()) Fail("expected a number, a name or '('");
    const std::size_t after = position_ + static_cast<std::size_t>(end - first);
    if (after < text_.size() && (IsName(text_[after]) || text_[after] == '.')) {
      position_ = after;
      Fail("expected the end of the number");
    }
    position_ = after;
    program.instructions.push_back({.op = OpCode::kNumber, .number = value});
  }

  void Name() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && IsName(text_[position_])) ++position_;
    const std::string_view name = text_.substr(begin, position_ - begin);
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) found = names.insert(names.end(), std::string(name));
    program.instructions.push_back(
        {.op = OpCode::kName, .name = static_cast<std::size_t>(found - names.begin())});
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int nesting_ = 0;
};

// The two ways to run a program: on values, and on bounds. Each operation returns nullopt when it
// cannot be carried out for any operands, which makes the constraint false.

std::optional<double> Apply(OpCode op, double a, double b) {
  switch (op) {
    case OpCode::kAdd:
      return a + b;
    case OpCode::kSubtract:
      return a - b;
    case OpCode::kMultiply:
      return a * b;
    case OpCode::kDivide:
      if (b == 0) return std::nullopt;
      return a / b;
    case OpCode::kModulo: {
      if (b == 0) return std::nullopt;
      const double remainder = std::fmod(a, b);
      return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
    }
    default:
      return std::nullopt;  // kNumber, kName and kNegate take no two operands
  }
}

bool Compare(Relation relation, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return false;
  switch (relation) {
    case Relation::kLess:
      return a < b;
    case Relation::kLessEqual:
      return a <= b;
    case Relation::kGreater:
      return a > b;
    case Relation::kGreaterEqual:
      return a >= b;
    case Relation::kEqual:
      return a == b;
    case Relation::kNotEqual:
      return a != b;
  }
  return false;
}

using Bounds = Constraint::Bounds;
constexpr Bounds kEverything{-kInfinity, kInfinity};

// The hull of some values; a value that is not a number (inf - inf, 0 * inf) says nothing:
// everything is possible.
template <std::size_t N>
Bounds Hull(const std::array<double, N>& values) {
  Bounds hull{kInfinity, -kInfinity};
  for (const double value : values) {
    if (std::isnan(value)) return kEverything;
    hull = {std::min(hull.low, value), std::max(hull.high, value)};
  }
  return hull;
}

// Rounding to nearest is monotone, so the bounds of the rounded results are the rounded results of
// the bounds: no outward rounding is needed to enclose what Apply() computes.
std::optional<Bounds> Apply(OpCode op, Bounds a, Bounds b) {
  switch (op) {
    case OpCode::kAdd:
      return Hull<2>({a.low + b.low, a.high + b.high});
    case OpCode::kSubtract:
      return Hull<2>({a.low - b.high, a.high - b.low});
    case OpCode::kMultiply:
      return Hull<4>({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
    case OpCode::kDivide:
      if (b.low == 0 && b.high == 0) return std::nullopt;
      if (b.low <= 0 && b.high >= 0) return kEverything;
      return Hull<4>({a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high});
    case OpCode::kModulo: {
      if (b.low == 0 && b.high == 0) return std::nullopt;
      if (b.low == b.high && b.low > 0 && a.low >= 0 && a.high - a.low < b.low) {
        const double low = std::fmod(a.low, b.low);
        const double high = std::fmod(a.high, b.low);
        if (low <= high) return Bounds{low, high};  // no multiple of the divisor lies in between
      }
      return Bounds{std::min(b.low, 0.0), std::max(b.high, 0.0)};
    }
    default:
      return std::nullopt;
  }
}

bool Compare(Relation relation, Bounds a, Bounds b) {
  switch (relation) {
    case Relation::kLess:
      return a.low < b.high;
    case Relation::kLessEqual:
      return a.low <= b.high;
    case Relation::kGreater:
      return a.high > b.low;
    case Relation::kGreaterEqual:
      return a.high >= b.low;
    case Relation::kEqual:
      return a.low <= b.high && b.low <= a.high;
    case Relation::kNotEqual:
      return !(a.low == a.high && b.low == b.high && a.low == b.low);
  }
  return false;
}

double FromNumber(double number, double /*like*/) { return number; }
Bounds FromNumber(double number, Bounds /*like*/) { return {number, number}; }
double Negate(double a) { return -a; }
Bounds Negate(Bounds a) { return {-a.high, -a.low}; }

template <typename Value>
bool Run(const Constraint::Program& program, std::span<const Value> names) {
  std::array<Value, kStackSize> stack;
  std::size_t next = 0;
  Value left{};
  for (std::size_t side = 0; side < program.side_ends.size(); ++side) {
    std::size_t depth = 0;
    for (; next < program.side_ends[side]; ++next) {
      const Instruction& instruction = program.instructions[next];
      if (instruction.op == OpCode::kNumber) {
        stack[depth++] = FromNumber(instruction.number, Value{});
      } else if (instruction.op == OpCode::kName) {
        stack[depth++] = names[instruction.name];
      } else if (instruction.op == OpCode::kNegate) {
        stack[depth - 1] = Negate(stack[depth - 1]);
      } else {
        const std::optional<Value> result =
            Apply(instruction.op, stack[depth - 2], stack[depth - 1]);
        if (!result) return false;
        stack[--depth - 1] = *result;
      }
    }
    if (side > 0 && !Compare(program.relations[side - 1], left, stack[0])) return false;
    left = stack[0];
  }
  return true;
}

}  // namespace

Constraint Constraint::Parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("constraint '{}': got {} bytes, expected at most {}", Quoted(text),
                            text.size(), kMaxBytes));
  }
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  Parser parser(text);
  parser.Parse();
  Constraint constraint;
  constraint.text_ = text;
  constraint.names_ = std::move(parser.names);
  constraint.program_ = std::make_shared<const Program>(std::move(parser.program));
  return constraint;
}

bool Constraint::Holds(const std::function<double(std::string_view)>& value) const {
  std::vector<double> values;
  values.reserve(names_.size());
  for (const std::string& name : names_) values.push_back(value(name));
  return Holds(values);
}

bool Constraint::Holds(std::span<const double> values) const {
  LTS_DCHECK(values.size() == names_.size());
  return Run<double>(*program_, values);
}

bool Constraint::CanHold(const std::function<Bounds(std::string_view)>& bounds) const {
  std::vector<Bounds> values;
  values.reserve(names_.size());
  for (const std::string& name : names_) values.push_back(bounds(name));
  return CanHold(values);
}

bool Constraint::CanHold(std::span<const Bounds> bounds) const {
  LTS_DCHECK(bounds.size() == names_.size());
  return Run<Bounds>(*program_, bounds);
}

}  // namespace lts
