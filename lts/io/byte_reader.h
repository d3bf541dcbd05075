// Little-endian numbers and bytes from a span, each compared with what is left of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "lts/base/error.h"

namespace lts {

class ByteReader {
 public:
  // `what` starts the message of the kCorrupt that reading past the end throws; it must outlive
  // the reader.
  ByteReader(std::span<const std::byte> bytes, std::string_view what)
      : bytes_(bytes), what_(what) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  template <typename T>
  T Number() {
    T value;
    std::memcpy(&value, Take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view Text(std::size_t count) {
    const auto bytes = Take(count);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Up to the next newline, which is taken too.
  std::string_view Line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, left());
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) FailShort(left() + 1);
    position_ += end + 1;
    return rest.substr(0, end);
  }
  std::span<const std::byte> Take(std::size_t count) {
    if (count > left()) FailShort(count);
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

 private:
  [[noreturn]] void FailShort(std::size_t count) const {
    throw Error(ErrorCode::kCorrupt, std::string(what_) + ": expected " + std::to_string(count) +
                                         " bytes at " + std::to_string(position_) +
                                         ", but it ends at " + std::to_string(bytes_.size()) +
                                         "; is the download complete?");
  }

  std::span<const std::byte> bytes_;
  std::string_view what_;
  std::size_t position_ = 0;
};

}  // namespace lts
