#include "lts/runtime/ort/version.h"

#include <charconv>
#include <system_error>

namespace lts::ort {

std::vector<int> VersionNumbers(std::string_view text) {
  std::vector<int> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    int number = 0;
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc()) break;
    numbers.push_back(number);
    if (rest == end || *rest != '.') break;
    at = rest + 1;
  }
  return numbers;
}

bool HasSoundFusedAttention(std::string_view version) {
  return VersionNumbers(version) >= std::vector<int>{1, 20};
}

}  // namespace lts::ort
