// The header of a NumPy array file (.npy, format 1.0 to 3.0) of token ids.
//
//   "\x93NUMPY" major minor    8 bytes; major 1: then the header's length in 2 bytes, else in 4,
//                              little-endian
//   {'descr': '<u2', 'fortran_order': False, 'shape': (901,), }     then the elements
//
// Read are little-endian unsigned integers of 2 or 4 bytes, C order, of any shape (its elements one
// after another); anything else is refused by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lts {

struct NpyHeader {
  std::int64_t header_bytes = 0;   // what lies before the first element
  std::int64_t element_bytes = 0;  // 2 or 4
  std::int64_t elements = 0;
};

// Longer than any header of such an array: NumPy writes 128 bytes.
inline constexpr std::size_t kMaxNpyHeaderBytes = 4096;

// `start` is the beginning of the file: kMaxNpyHeaderBytes, or all of it where it is shorter.
// Throws kInvalidArgument for what is no .npy file, kUnsupported for arrays of other elements.
// Whether the elements are there is not looked at.
NpyHeader ParseNpyHeader(std::string_view start, const std::string& name);

}  // namespace lts
