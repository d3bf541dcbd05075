#include "lts/base/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "lts/base/utf8.h"

namespace lts {
namespace {

constexpr std::size_t kMaxCompared = 128;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// C0, DEL and C1 controls, and the two line separators that some terminals and log viewers break
// lines at.
bool BreaksLine(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

}  // namespace

int EditDistance(std::string_view a, std::string_view b) {
  a = a.substr(0, kMaxCompared);
  b = b.substr(0, kMaxCompared);
  using Row = std::array<int, kMaxCompared + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::exchange(last, row);
  }
  return last[b.size()];
}

std::string UnknownName(std::string_view what, std::string_view name,
                        const std::vector<std::string>& known) {
  std::string message = fmt::format("unknown {} '{}'", what, Quoted(name));
  if (known.empty()) return message;
  const std::string* nearest = nullptr;
  int least = std::numeric_limits<int>::max();
  for (const std::string& candidate : known) {
    const int distance = EditDistance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = &candidate;
    }
  }
  const int close_enough = std::max(2, static_cast<int>(name.size() / 3));
  // A distance of a whole name is no likeness: 'x' is not a misspelt 'b'.
  const bool alike = least < static_cast<int>(std::max(name.size(), nearest->size()));
  if (least <= close_enough && alike) {
    return message + fmt::format("; did you mean '{}'?", Quoted(*nearest));
  }
  message += "; known: ";
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) message += ", ";
    message += Quoted(known[i]);
  }
  return message;
}

std::string Quoted(std::string_view text, std::size_t max_bytes) {
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = DecodeUtf8(text, at);
    std::string piece;
    if (code.bytes == 0) {
      piece = fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[at]));
    } else if (code.value == '\n') {
      piece = "\\n";
    } else if (code.value == '\t') {
      piece = "\\t";
    } else if (code.value == '\r') {
      piece = "\\r";
    } else if (BreaksLine(code.value)) {
      piece = code.value < 0x100 ? fmt::format("\\x{:02x}", code.value)
                                 : fmt::format("\\u{:04x}", code.value);
    } else {
      piece = text.substr(at, code.bytes);
    }
    if (safe.size() + piece.size() > max_bytes) return safe + "...";
    safe += piece;
    at += std::max<std::size_t>(code.bytes, 1);
  }
  return safe;
}

}  // namespace lts
