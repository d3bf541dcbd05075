// What the fuzz targets of weight files share.
#pragma once

#include <cstddef>
#include <vector>

#include "lts/base/error.h"
#include "lts/io/stored_tensor.h"

namespace lts {

// Converts `matrix` to float32: every element can be read, or its type is kUnsupported.
inline void CheckConverts(const StoredMatrix& matrix) {
  std::vector<float> values(static_cast<std::size_t>(matrix.rows * matrix.columns));
  try {
    CopyAsFloat32(matrix, "fuzz", values.data(), matrix.columns);
  } catch (const Error& error) {
    LTS_CHECK(error.code() == ErrorCode::kUnsupported);
  }
}

}  // namespace lts
