#include "lts/data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxDimensions = 32;  // NumPy's own limit

// The Python literal that the header is: a dict of a string, a bool and a tuple of integers.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  void Read(NpyHeader& header) {
    std::optional<std::string_view> descr;
    bool has_order = false;
    bool has_shape = false;
    Expect('{');
    while (!Accept('}')) {
      const std::string_view key = String();
      Expect(':');
      if (key == "descr" && !descr) {
        descr = String();
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        if (Word() != "False") Unsupported("fortran_order is True, expected an array in C order");
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        header.elements = Shape();
      } else {
        Fail(fmt::format("got key '{}', expected descr, fortran_order and shape once each",
                         Quoted(key)));
      }
      if (!Accept(',')) {
        Expect('}');
        break;
      }
    }
    SkipSpace();
    if (!rest_.empty()) Fail("something follows the array's description");
    if (!descr || !has_order || !has_shape) Fail("expected descr, fortran_order and shape");
    if (*descr != "<u2" && *descr != "<u4") {
      Unsupported(
          fmt::format("got elements of '{}', expected '<u2' (uint16) or '<u4' (uint32): "
                      "token ids",
                      Quoted(*descr)));
    }
    header.element_bytes = *descr == "<u2" ? 2 : 4;
    CheckedMul(header.elements, header.element_bytes);
  }

  [[noreturn]] void Fail(std::string_view problem) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: array header: {}", Quoted(name_, 400), problem));
  }

 private:
  [[noreturn]] void Unsupported(std::string_view problem) const {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", Quoted(name_, 400), problem));
  }
  void SkipSpace() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  bool Accept(char c) {
    SkipSpace();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) {
      Fail(fmt::format("expected '{}' before '{}'", c, Quoted(rest_.substr(0, 20))));
    }
  }
  std::string_view String() {
    SkipSpace();
    const char quote = rest_.empty() ? ' ' : rest_.front();
    if (quote != '\'' && quote != '"') Fail("expected a string");
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) Fail("a string does not end");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string_view Word() {
    SkipSpace();
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] >= 'A' && rest_[end] <= 'z') ++end;
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (word != "True" && word != "False") Fail("expected True or False");
    return word;
  }
  std::int64_t Shape() {
    Expect('(');
    std::int64_t elements = 1;
    for (std::size_t dimensions = 0; !Accept(')'); ++dimensions) {
      if (dimensions == kMaxDimensions) Fail("expected at most 32 dimensions");
      SkipSpace();
      std::int64_t size = -1;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) Fail("expected a size of at least 0 in the shape");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      elements = CheckedMul(elements, size);
      if (!Accept(',')) {
        Expect(')');
        break;
      }
    }
    return elements;
  }

  std::string_view rest_;
  const std::string& name_;
};

}  // namespace

NpyHeader ParseNpyHeader(std::string_view start, const std::string& name) {
  const auto byte = [&](std::size_t at) {
    return std::size_t{static_cast<std::uint8_t>(start[at])};
  };
  constexpr std::size_t kVersionEnd = 8;
  if (!start.starts_with(kMagic) || start.size() < kVersionEnd + 2) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: is no .npy file: it does not begin with \\x93NUMPY", Quoted(name, 400)));
  }
  const std::size_t major = byte(6);
  if (major < 1 || major > 3) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: got .npy format {}, expected 1 to 3", Quoted(name, 400), major));
  }
  std::size_t begin = kVersionEnd + 2;
  std::size_t length = byte(8) | byte(9) << 8;
  if (major > 1 && start.size() >= kVersionEnd + 4) {
    begin = kVersionEnd + 4;
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (length > start.size() - begin) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: array header: got a length of {}, expected at most {}",
                            Quoted(name, 400), length, start.size() - begin));
  }
  NpyHeader header{.header_bytes = static_cast<std::int64_t>(begin + length)};
  HeaderReader(start.substr(begin, length), name).Read(header);
  return header;
}

}  // namespace lts
