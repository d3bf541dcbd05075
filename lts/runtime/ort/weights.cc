#include "lts/runtime/ort/weights.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/parallel_fill.h"
#include "lts/runtime/runtime.h"

namespace lts::ort {
namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);
constexpr float kStd = 0.02F;
constexpr std::uint64_t kStream = 0;
constexpr std::int64_t kLineFloats = 64 / kFloatBytes;

// Where each tensor begins, in floats; one more: the end of all. Each begins at a multiple of
// `alignment`.
std::vector<std::int64_t> Offsets(const Graph& graph, std::int64_t alignment) {
  std::vector<std::int64_t> offsets{0};
  for (const TensorSpec& tensor : graph.tensors) {
    const std::int64_t blocks = CheckedAdd(tensor.count(), alignment - 1) / alignment;
    offsets.push_back(CheckedAdd(offsets.back(), CheckedMul(blocks, alignment)));
  }
  return offsets;
}

// Views of `data`.
Weights ViewsOf(Graph graph, const std::vector<std::int64_t>& offsets, const float* data) {
  Weights weights;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    weights.tensors.push_back(data + offsets[i]);
    weights.bytes = CheckedAdd(weights.bytes, CheckedMul(graph.tensors[i].count(), kFloatBytes));
  }
  weights.graph = std::move(graph);
  return weights;
}

// The numbers of `old` are copied, the others drawn: each depends on its place alone.
std::shared_ptr<const AlignedBuffer<float>> Fill(std::int64_t size, std::uint64_t seed,
                                                 const AlignedBuffer<float>* old) {
  auto buffer = std::make_shared<AlignedBuffer<float>>(size);
  const std::int64_t known = old == nullptr ? 0 : old->size();
  if (known > 0) std::copy_n(old->data(), known, buffer->data());
  ThreadPool pool(FillThreads());
  const auto first = static_cast<std::size_t>(known);
  FillNormalLike(buffer->span().subspan(first), kStd, seed, kStream, first, pool);
  return buffer;
}

// Zeroed memory that is resident only where it was written, to a page.
class HollowMemory {
 public:
  explicit HollowMemory(std::int64_t floats)
      : bytes_(static_cast<std::size_t>(CheckedMul(floats, kFloatBytes))) {
    void* const data = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
      throw Error(ErrorCode::kOutOfMemory,
                  fmt::format("onnxruntime model: no {} MiB of address space", bytes_ >> 20));
    }
    // A huge page would make 2 MiB resident for one number.
    ::madvise(data, bytes_, MADV_NOHUGEPAGE);
    data_ = static_cast<float*>(data);
  }
  ~HollowMemory() { ::munmap(data_, bytes_); }
  HollowMemory(const HollowMemory&) = delete;
  HollowMemory& operator=(const HollowMemory&) = delete;
  float* data() const { return data_; }

 private:
  std::size_t bytes_;
  float* data_ = nullptr;
};

}  // namespace

Weights OwnWeights(Model model) {
  const auto owned = std::make_shared<const Model>(std::move(model));
  Weights weights;
  weights.graph = owned->graph();
  for (std::size_t i = 0; i < weights.graph.tensors.size(); ++i) {
    weights.tensors.push_back(owned->tensor(static_cast<TensorId>(i)).data());
  }
  weights.bytes = owned->weight_bytes();
  weights.storage = owned;
  return weights;
}

Weights SharedWeights::For(const Graph& graph, std::uint64_t seed) {
  const std::vector<std::int64_t> offsets = Offsets(graph, kLineFloats);
  const std::int64_t size = offsets.back();
  const std::lock_guard lock(mutex_);
  if (buffer_ != nullptr && seed_ != seed) buffer_ = nullptr;
  if (buffer_ == nullptr || buffer_->size() < size) {
    const std::int64_t known = buffer_ == nullptr ? 0 : buffer_->size();
    const std::int64_t wish = std::max(size, known + known / 2);
    const bool is_modest = wish <= AvailableMemoryBytes() / 4 / kFloatBytes;
    const std::int64_t next = is_modest ? wish : size;
    CheckMemory(CheckedMul(next, kFloatBytes), "onnxruntime: random weights");
    buffer_ = Fill(next, seed, buffer_.get());
    seed_ = seed;
  }
  Weights weights = ViewsOf(graph, offsets, buffer_->data());
  weights.storage = buffer_;
  return weights;
}

Weights HollowWeights(Graph graph, std::uint64_t seed) {
  const std::int64_t page = ::sysconf(_SC_PAGESIZE) / kFloatBytes;
  const std::vector<std::int64_t> offsets = Offsets(graph, page);
  const auto memory = std::make_shared<HollowMemory>(offsets.back());
  std::vector<float> firsts(graph.tensors.size());
  FillNormalLike(firsts, kStd, seed, kStream);
  for (std::size_t i = 0; i < firsts.size(); ++i) memory->data()[offsets[i]] = firsts[i];
  Weights weights = ViewsOf(std::move(graph), offsets, memory->data());
  weights.storage = memory;
  weights.viewed = false;
  return weights;
}

}  // namespace lts::ort
