#include "lts/text/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/base/utf8.h"
#include "lts/text/unicode.h"

namespace lts {
namespace {

constexpr std::size_t kMaxBytes = 4096;
constexpr int kMaxDepth = 16;               // of groups
constexpr std::uint32_t kMaxRepeat = 1000;  // in {n,m}
constexpr std::uint32_t kUnbounded = 0xFFFFFFFF;
constexpr std::uint32_t kLongS = 0x17F;

struct Property {
  std::string_view name;
  Category first;
  Category last;
};
constexpr std::array<Property, 19> kProperties = {{{"L", Category::kLu, Category::kLo},
                                                   {"Lu", Category::kLu, Category::kLu},
                                                   {"Ll", Category::kLl, Category::kLl},
                                                   {"Lt", Category::kLt, Category::kLt},
                                                   {"Lm", Category::kLm, Category::kLm},
                                                   {"Lo", Category::kLo, Category::kLo},
                                                   {"M", Category::kMn, Category::kMe},
                                                   {"Mn", Category::kMn, Category::kMn},
                                                   {"Mc", Category::kMc, Category::kMc},
                                                   {"Me", Category::kMe, Category::kMe},
                                                   {"N", Category::kNd, Category::kNo},
                                                   {"Nd", Category::kNd, Category::kNd},
                                                   {"Nl", Category::kNl, Category::kNl},
                                                   {"No", Category::kNo, Category::kNo},
                                                   {"P", Category::kPc, Category::kPo},
                                                   {"S", Category::kSm, Category::kSo},
                                                   {"Z", Category::kZs, Category::kZp},
                                                   {"Cc", Category::kCc, Category::kCc},
                                                   {"Cf", Category::kCf, Category::kCf}}};

constexpr std::uint32_t kAllCategories = (1U << 30) - 1;
std::uint32_t Bits(Category first, Category last) {
  return ((2U << static_cast<int>(last)) - 1) & ~((1U << static_cast<int>(first)) - 1);
}

}  // namespace

struct Expression::Letter {
  std::uint32_t code_point;
  std::uint32_t category;  // a bit
  bool space;
  std::size_t start;  // in the text
};

class Expression::Parser {
 public:
  Parser(std::string_view text, Expression& result) : text_(text), result_(result) {}

  void Parse() {
    Alternatives(0);
    if (at_ < text_.size()) Refuse();
    Emit({.op = Op::kMatch});
  }

 private:
  [[noreturn]] void Refuse() const {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("expression '{}': at {}: got {}, expected what lts matches: characters, "
                    "classes, greedy repeats of one of them, groups, |, (?!x)",
                    Quoted(text_, 200), at_,
                    at_ < text_.size() ? "'" + Quoted(text_.substr(at_, 8)) + "'" : "its end"));
  }
  bool At(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool Take(std::string_view what) {
    if (!At(what)) return false;
    at_ += what.size();
    return true;
  }
  std::uint32_t Emit(Instruction instruction) {
    result_.program_.push_back(instruction);
    return Size() - 1;
  }
  std::uint32_t Size() const { return static_cast<std::uint32_t>(result_.program_.size()); }
  std::uint32_t AddSet(Set set) {
    if (fold_) Fold(set);
    result_.sets_.push_back(std::move(set));
    return static_cast<std::uint32_t>(result_.sets_.size() - 1);
  }
  static void Fold(Set& set) {
    const std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges = set.ranges;
    for (const auto& [first, last] : ranges) {
      for (std::uint32_t c = first; c <= last && c < 0x80; ++c) {
        if (kAsciiClasses[c] != CharClass::kLetter) continue;
        set.ranges.emplace_back(c ^ 0x20, c ^ 0x20);
        if ((c | 0x20) == 's') set.ranges.emplace_back(kLongS, kLongS);
      }
    }
  }

  // a|b|c: fork to b, a, jump to the end, fork to c, b, jump to the end, c.
  void Alternatives(int depth) {
    if (depth > kMaxDepth) Refuse();
    std::vector<std::uint32_t> jumps;
    for (;;) {
      const std::uint32_t fork = Emit({.op = Op::kFork});
      while (at_ < text_.size() && !At("|") && !At(")")) Item(depth);
      if (!Take("|")) {
        // The last one has nothing to fork to: a jump to what follows the fork instead.
        result_.program_[fork].op = Op::kJump;
        result_.program_[fork].target = fork + 1;
        break;
      }
      jumps.push_back(Emit({.op = Op::kJump}));
      result_.program_[fork].target = Size();
    }
    for (const std::uint32_t jump : jumps) result_.program_[jump].target = Size();
  }

  void Item(int depth) {
    if (Take("(?!")) {
      Emit({.op = Op::kNotAhead, .set = AddSet(One())});
      if (!Take(")")) Refuse();
      return;
    }
    if (At("(")) {
      Group(depth);
      return;
    }
    Instruction repeat{.op = Op::kRepeat, .set = AddSet(One())};
    if (Take("?")) {
      repeat.min = 0;
    } else if (Take("*")) {
      repeat.min = 0;
      repeat.max = kUnbounded;
    } else if (Take("+")) {
      repeat.max = kUnbounded;
    } else if (Take("{")) {
      repeat.min = Number();
      repeat.max = repeat.min;
      if (Take(",")) repeat.max = At("}") ? kUnbounded : Number();
      if (!At("}") || repeat.max < repeat.min) Refuse();
      ++at_;
      if (At("+")) Refuse();  // engines disagree whether that is possessive
    } else {
      Emit(repeat);
      return;
    }
    repeat.possessive = Take("+");
    if (At("?") || At("*") || At("{")) Refuse();  // lazy, or a repeat of a repeat
    Emit(repeat);
  }

  void Group(int depth) {
    const bool outer_fold = fold_;
    if (Take("(?i:")) {
      fold_ = true;
    } else if (!Take("(?:")) {
      ++at_;
      if (At("?") || At("*")) Refuse();
    }
    const std::uint32_t fork = Emit({.op = Op::kFork});
    Alternatives(depth + 1);
    if (!Take(")")) Refuse();
    fold_ = outer_fold;
    if (Take("?")) {
      result_.program_[fork].target = Size();
    } else {
      result_.program_[fork].op = Op::kJump;
      result_.program_[fork].target = fork + 1;
    }
    if (At("?") || At("*") || At("+") || At("{")) Refuse();
  }

  std::uint32_t Number() {
    std::uint32_t number = 0;
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && number <= kMaxRepeat) {
      number = number * 10 + static_cast<std::uint32_t>(text_[at_++] - '0');
    }
    if (at_ == start || number > kMaxRepeat) Refuse();
    return number;
  }

  // A character or class outside brackets, or a bracketed class.
  Set One() {
    Set set;
    if (Take("[")) {
      set.negated = Take("^");
      do {
        if (at_ >= text_.size() || At("[") || At("&&")) Refuse();
        Member(set);
      } while (!At("]"));
      ++at_;
      return set;
    }
    if (Take(".")) {
      set.ranges.emplace_back('\n', '\n');
      set.negated = true;
      return set;
    }
    if (at_ >= text_.size() ||
        std::string_view("|()[{?*+^$").find(text_[at_]) != std::string_view::npos) {
      Refuse();
    }
    if (const std::optional<std::uint32_t> character = ClassOrCharacter(set)) {
      set.ranges.emplace_back(*character, *character);
    }
    return set;
  }

  void Member(Set& set) {
    const std::optional<std::uint32_t> first = ClassOrCharacter(set);
    if (!first) return;
    std::uint32_t last = *first;
    if (At("-") && !At("-]")) {
      ++at_;
      Set other;
      const std::optional<std::uint32_t> end = ClassOrCharacter(other);
      if (!end || *end < *first) Refuse();
      last = *end;
    }
    set.ranges.emplace_back(*first, last);
  }

  // Adds a class to `set`, or returns the character.
  std::optional<std::uint32_t> ClassOrCharacter(Set& set) {
    if (at_ >= text_.size()) Refuse();
    if (!At("\\")) {
      const CodePoint point = DecodeUtf8(text_, at_);
      if (point.bytes == 0) Refuse();
      at_ += point.bytes;
      return point.value;
    }
    if (Take("\\s")) {
      set.space = true;
    } else if (Take("\\S")) {
      set.not_space = true;
    } else if (Take("\\d")) {
      set.categories |= Bits(Category::kNd, Category::kNd);
    } else if (At("\\p{") || At("\\P{")) {
      const bool complement = At("\\P{");
      const std::size_t end = text_.find('}', at_);
      if (end == std::string_view::npos) Refuse();
      const std::string_view name = text_.substr(at_ + 3, end - at_ - 3);
      const auto* const property = std::find_if(kProperties.begin(), kProperties.end(),
                                                [&](const Property& p) { return p.name == name; });
      if (property == kProperties.end()) Refuse();
      const std::uint32_t bits = Bits(property->first, property->last);
      set.categories |= complement ? kAllCategories & ~bits : bits;
      at_ = end + 1;
    } else {
      constexpr std::string_view kNames = "rnt";
      constexpr std::string_view kControls = "\r\n\t";
      const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      const std::size_t control = kNames.find(c);
      const bool known = control != std::string_view::npos;
      if (!known &&
          std::string_view("\\|()[]{}?*+.^$-/'\"&#~! ").find(c) == std::string_view::npos) {
        Refuse();
      }
      at_ += 2;
      return static_cast<std::uint32_t>(known ? kControls[control] : c);
    }
    return std::nullopt;
  }

  std::string_view text_;
  Expression& result_;
  std::size_t at_ = 0;
  bool fold_ = false;
};

Expression::Expression(std::string_view text) {
  if (text.empty() || text.size() > kMaxBytes) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("expression: got {} bytes, expected 1 to {}", text.size(), kMaxBytes));
  }
  Parser(text, *this).Parse();
}

bool Expression::Contains(const Set& set, const Letter& letter) const {
  bool found = (set.categories & letter.category) != 0 || (set.space && letter.space) ||
               (set.not_space && !letter.space);
  for (const auto& [first, last] : set.ranges) {
    found = found || (letter.code_point >= first && letter.code_point <= last);
  }
  return found != set.negated;
}

std::size_t Expression::MatchEnd(const std::vector<Letter>& letters, std::size_t start) const {
  // Where to go on when what follows fails: at `next`, at `high`, then one letter earlier, down to
  // `low`.
  struct Choice {
    std::uint32_t next;
    std::size_t low;
    std::size_t high;
  };
  constexpr std::size_t kNoMatch = ~std::size_t{0};
  std::vector<Choice> choices;
  // Where this match has gone on before, after the first retries: from there it fails again.
  // Without it, k repeats in a row would try the k-th power of a run's length.
  constexpr std::size_t kFreeRetries = 64;
  std::size_t retries = 0;
  std::unordered_set<std::uint64_t> tried;  // next << 48 | at
  std::uint32_t next = 0;
  std::size_t at = start;
  for (;;) {
    const Instruction& instruction = program_[next];
    bool failed = false;
    switch (instruction.op) {
      case Op::kMatch:
        return at;
      case Op::kJump:
        next = instruction.target;
        break;
      case Op::kFork:
        choices.push_back({instruction.target, at, at});
        ++next;
        break;
      case Op::kNotAhead:
        failed = at < letters.size() && Contains(sets_[instruction.set], letters[at]);
        ++next;
        break;
      case Op::kRepeat: {
        const Set& set = sets_[instruction.set];
        const std::size_t before = at;
        while (at < letters.size() && at - before < instruction.max && Contains(set, letters[at])) {
          ++at;
        }
        failed = at - before < instruction.min;
        ++next;
        const std::size_t low = before + instruction.min;
        if (!failed && !instruction.possessive && at > low) choices.push_back({next, low, at - 1});
        break;
      }
    }
    if (!failed) continue;
    do {
      if (choices.empty()) return kNoMatch;
      Choice& choice = choices.back();
      next = choice.next;
      at = choice.high;
      if (choice.high == choice.low) {
        choices.pop_back();
      } else {
        --choice.high;
      }
    } while (++retries > kFreeRetries &&
             !tried.insert(std::uint64_t{next} << 48 | std::uint64_t{at}).second);
  }
}

void Expression::Split(std::string_view text, std::vector<std::string_view>& pieces) const {
  std::vector<Letter> letters;
  letters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    const std::uint32_t category = 1U << static_cast<int>(CategoryOf(character.code_point));
    letters.push_back(
        {character.code_point, category, character.char_class == CharClass::kSpace, at});
    at += character.bytes;
  }
  const auto offset = [&](std::size_t i) {
    return i < letters.size() ? letters[i].start : text.size();
  };
  std::size_t done = 0;
  for (std::size_t at = 0; at < letters.size();) {
    const std::size_t end = MatchEnd(letters, at);
    if (end > letters.size() || end == at) {  // no match, or one of nothing
      ++at;
      continue;
    }
    if (at > done) pieces.push_back(text.substr(offset(done), offset(at) - offset(done)));
    pieces.push_back(text.substr(offset(at), offset(end) - offset(at)));
    at = done = end;
  }
  if (done < letters.size()) pieces.push_back(text.substr(offset(done)));
}

}  // namespace lts
