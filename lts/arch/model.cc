#include "lts/arch/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "lts/base/aligned_buffer.h"
#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/parallel_fill.h"

namespace lts {
namespace {

constexpr std::int64_t kAlignFloats = 64 / static_cast<std::int64_t>(sizeof(float));
constexpr float kTestStd = 0.1F;  // of biases and around gains, when everything is random

}  // namespace

Model::Model(Architecture architecture)
    : architecture_(std::move(architecture)), graph_(BuildGraph(architecture_)) {
  std::int64_t floats = 0;
  std::vector<std::int64_t> offsets;
  offsets.reserve(graph_.tensors.size());
  for (const TensorSpec& tensor : graph_.tensors) {
    offsets.push_back(floats);
    const std::int64_t padded = CheckedAdd(tensor.count(), kAlignFloats - 1) / kAlignFloats;
    floats = CheckedAdd(floats, CheckedMul(padded, kAlignFloats));
  }
  const std::int64_t bytes = CheckedMul(floats, std::int64_t{sizeof(float)});
  const std::int64_t available = AvailableMemoryBytes();
  if (bytes > available) {
    constexpr double kMiB = 1 << 20;
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("model {}: float32 weights take {:.0f} MiB, but only {:.0f} MiB of "
                            "memory are available; "
                            "try a smaller architecture",
                            architecture_.ShortName(), static_cast<double>(bytes) / kMiB,
                            static_cast<double>(available) / kMiB));
  }
  const auto buffer = std::make_shared<AlignedBuffer<float>>(floats);
  tensors_.reserve(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    tensors_.emplace_back(buffer->data() + offsets[i],
                          static_cast<std::size_t>(graph_.tensors[i].count()));
  }
  storage_ = buffer;
  weight_bytes_ = buffer->bytes();
}

Model::Model(Architecture architecture, std::vector<std::span<float>> tensors,
             std::shared_ptr<const void> storage)
    : architecture_(std::move(architecture)),
      graph_(BuildGraph(architecture_)),
      tensors_(std::move(tensors)),
      storage_(std::move(storage)) {
  LTS_CHECK(tensors_.size() == graph_.tensors.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    LTS_CHECK(std::ssize(tensors_[i]) == graph_.tensors[i].count());
    LTS_CHECK(reinterpret_cast<std::uintptr_t>(tensors_[i].data()) % alignof(float) == 0);
    weight_bytes_ += static_cast<std::int64_t>(tensors_[i].size_bytes());
  }
  std::vector<std::span<float>> by_address = tensors_;
  std::sort(by_address.begin(), by_address.end(),
            [](auto a, auto b) { return std::less<>()(a.data(), b.data()); });
  for (std::size_t i = 1; i < by_address.size(); ++i) {
    const std::span<float> before = by_address[i - 1];
    LTS_CHECK(!std::less<>()(by_address[i].data(), before.data() + before.size()));
  }
}

std::span<const float> Model::tensor(TensorId id) const {
  LTS_CHECK(id >= 0 && static_cast<std::size_t>(id) < tensors_.size());
  return tensors_[static_cast<std::size_t>(id)];
}

std::span<float> Model::mutable_tensor(TensorId id) {
  LTS_CHECK(id >= 0 && static_cast<std::size_t>(id) < tensors_.size());
  return tensors_[static_cast<std::size_t>(id)];
}

void FillRandomTensor(const Graph& graph, TensorId id, std::uint64_t seed, std::int64_t first,
                      std::span<float> values, ThreadPool& pool) {
  const TensorInit& init = graph.tensors[static_cast<std::size_t>(id)].init;
  switch (init.kind) {
    case TensorInit::Kind::kNormal:
      FillNormalLike(values, init.std, seed, static_cast<std::uint64_t>(id),
                     static_cast<std::uint64_t>(first), pool);
      break;
    case TensorInit::Kind::kZero:
    case TensorInit::Kind::kOne:
      std::fill(values.begin(), values.end(), init.kind == TensorInit::Kind::kOne ? 1.0F : 0.0F);
      break;
  }
}

Model RandomModel(const Architecture& architecture, std::uint64_t seed, bool everything_random) {
  Model model(architecture);
  ThreadPool pool(FillThreads());
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const auto id = static_cast<TensorId>(i);
    const TensorInit::Kind kind = model.graph().tensors[i].init.kind;
    const std::span<float> values = model.mutable_tensor(id);
    if (kind == TensorInit::Kind::kNormal || !everything_random) {
      FillRandomTensor(model.graph(), id, seed, 0, values, pool);
      continue;
    }
    FillNormalLike(values, kTestStd, seed, i, /*first_index=*/0, pool);
    if (kind == TensorInit::Kind::kOne) {
      for (float& value : values) value += 1.0F;
    }
  }
  return model;
}

}  // namespace lts
