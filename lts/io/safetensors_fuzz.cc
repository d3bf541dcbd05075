// Any bytes as a safetensors file: only lts::Error escapes, and what is accepted covers its data
// exactly and can be converted.
#include <cstdint>
#include <span>
#include <vector>

#include "lts/base/error.h"
#include "lts/io/convert_fuzz.h"
#include "lts/io/safetensors.h"

namespace {

void CheckAccepted(const std::vector<lts::StoredTensor>& tensors, std::span<std::byte> file) {
  const std::byte* end = nullptr;
  for (const lts::StoredTensor& tensor : tensors) {
    LTS_CHECK(tensor.contiguous());
    LTS_CHECK(std::ssize(tensor.bytes) == tensor.count() * SizeOf(tensor.type));
    LTS_CHECK(end == nullptr || tensor.bytes.data() == end);
    end = tensor.bytes.data() + tensor.bytes.size();
    if (tensor.shape.empty() || tensor.shape.size() > 2) continue;
    lts::CheckConverts(AsMatrix(tensor).Transposed());
  }
  LTS_CHECK(end == nullptr || end == file.data() + file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> copy(data, data + size);
  const std::span<std::byte> file = std::as_writable_bytes(std::span(copy));
  std::vector<lts::StoredTensor> tensors;
  try {
    tensors = lts::ParseSafetensors(file, "fuzz");
  } catch (const lts::Error&) {
    return 0;
  }
  CheckAccepted(tensors, file);
  return 0;
}
