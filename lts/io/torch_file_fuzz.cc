// Any bytes as a file of torch.save, zip archive or legacy: only lts::Error escapes, and every
// element of what is accepted lies inside the file.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "lts/base/error.h"
#include "lts/io/convert_fuzz.h"
#include "lts/io/torch_file.h"

namespace {

constexpr std::int64_t kMaxConverted = 1 << 16;  // strides of 0 make any size of a few bytes

void CheckAccepted(const lts::StoredTensor& tensor, std::span<std::byte> file) {
  if (tensor.count() == 0) return;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    last += (tensor.shape[i] - 1) * tensor.strides[i];
  }
  LTS_CHECK((last + 1) * SizeOf(tensor.type) == std::ssize(tensor.bytes));
  LTS_CHECK(tensor.bytes.data() >= file.data() &&
            tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
  if (tensor.shape.empty() || tensor.shape.size() > 2 || tensor.count() > kMaxConverted) return;
  lts::CheckConverts(AsMatrix(tensor));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> copy(data, data + size);
  const std::span<std::byte> file = std::as_writable_bytes(std::span(copy));
  std::vector<lts::StoredTensor> tensors;
  try {
    tensors = lts::ParseTorchFile(file, "fuzz");
  } catch (const lts::Error&) {
    return 0;
  }
  for (const lts::StoredTensor& tensor : tensors) CheckAccepted(tensor, file);
  return 0;
}
