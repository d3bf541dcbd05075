#include "lts/runtime/cpu/weights.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <variant>

#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts::cpu {
namespace {

constexpr std::int64_t kPieceFloats = 1 << 20;         // of a table converted at once
constexpr std::uintptr_t kPackedAlignment = 64;  // of a PackedMatrix

// Gives the whole pages inside `values` back to the system (they read as zeros afterwards). Returns
// the bytes given back.
std::int64_t ReleasePages(std::span<float> values) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(values.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(values.data() + values.size()) / page * page;
  if (begin >= end) return 0;
  // The address was rounded, so there is no pointer into `values` to derive this one from.
  auto* const first = reinterpret_cast<void*>(begin);  // NOLINT(performance-no-int-to-ptr)
  if (::madvise(first, end - begin, MADV_DONTNEED) != 0) return 0;
  return static_cast<std::int64_t>(end - begin);
}

std::vector<TensorId> MatricesOf(const Graph& graph) {
  std::vector<TensorId> ids;
  for (const Op& op : graph.ops) {
    if (const auto* attention = std::get_if<AttentionOp>(&op.attributes)) {
      ids.insert(ids.end(), {attention->qkv_weight, attention->out_weight});
    } else if (const auto* feed_forward = std::get_if<FeedForwardOp>(&op.attributes)) {
      ids.insert(ids.end(), {feed_forward->up_weight, feed_forward->down_weight});
      if (feed_forward->gate_weight != kNoTensor) ids.push_back(feed_forward->gate_weight);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// The tables of embeddings and heads; most heads share the embedding's.
std::vector<TensorId> TablesOf(const Graph& graph) {
  std::vector<TensorId> ids;
  for (const Op& op : graph.ops) {
    if (const auto* embed = std::get_if<EmbedOp>(&op.attributes)) {
      for (const VocabCluster& cluster : embed->clusters) ids.push_back(cluster.table);
    } else if (const auto* head = std::get_if<HeadOp>(&op.attributes)) {
      for (const VocabCluster& cluster : head->clusters) ids.push_back(cluster.table);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

Weights::Weights(Model model, DType dtype, ThreadPool& pool, const FillTensor& fill)
    : model_(std::move(model)), dtype_(dtype), bytes_(model_.weight_bytes()) {
  if (dtype != DType::kFloat32) {
    narrow_.resize(graph().tensors.size());
    tables_.resize(graph().tensors.size());
    for (const TensorId id : MatricesOf(graph())) PackAsNarrow(id, pool, fill);
    for (const TensorId id : TablesOf(graph())) PackAsTable(id, pool, fill);
  }
  if (fill) {
    for (TensorId id = 0; id < std::ssize(graph().tensors); ++id) {
      const auto i = static_cast<std::size_t>(id);
      const bool packed =
          dtype != DType::kFloat32 && (narrow_[i].words != nullptr || tables_[i].data != nullptr);
      if (!packed) fill(id, 0, model_.mutable_tensor(id));
    }
  }
  if (dtype != DType::kFloat32) return;
  matrices_.resize(graph().tensors.size());
  const std::vector<TensorId> ids = MatricesOf(graph());
  std::int64_t largest = 0;
  for (const TensorId id : ids) largest = std::max(largest, std::ssize(model_.tensor(id)));
  AlignedBuffer<float> copy(largest);
  for (const TensorId id : ids) Pack(id, copy, pool);
}

void Weights::Pack(TensorId id, AlignedBuffer<float>& copy, ThreadPool& pool) {
  const TensorShape& shape = graph().tensors[static_cast<std::size_t>(id)].shape;
  LTS_CHECK(shape.size() == 2);
  const std::span<float> original = model_.mutable_tensor(id);
  const std::int64_t size = PackedSize(shape[0], shape[1]);
  float* packed = original.data();
  const bool aligned = reinterpret_cast<std::uintptr_t>(packed) % kPackedAlignment == 0;
  if (size == std::ssize(original) && aligned) {
    pool.ParallelFor(size, kColumnGrain, [&](std::int64_t begin, std::int64_t end, int) {
      std::memcpy(copy.data() + begin, original.data() + begin,
                  static_cast<std::size_t>(end - begin) * sizeof(float));
    });
    PackMatrix(copy.data(), shape[0], shape[1], packed, pool);
  } else {
    own_.emplace_back(size);
    packed = own_.back().data();
    PackMatrix(original.data(), shape[0], shape[1], packed, pool);
    bytes_ += own_.back().bytes() - ReleasePages(original);
  }
  matrices_[static_cast<std::size_t>(id)] = {packed, shape[0], shape[1]};
}

float* Weights::NewScales(std::int64_t count) {
  if (dtype_ != DType::kInt8) return nullptr;
  own_.emplace_back(count);
  bytes_ += own_.back().bytes();
  return own_.back().data();
}

void Weights::PackAsNarrow(TensorId id, ThreadPool& pool, const FillTensor& fill) {
  const TensorShape& shape = graph().tensors[static_cast<std::size_t>(id)].shape;
  LTS_CHECK(shape.size() == 2);
  const std::span<float> original = model_.mutable_tensor(id);
  if (fill) fill(id, 0, original);
  words_.emplace_back(NarrowPackedWords(shape[0], shape[1], dtype_));
  float* scales = NewScales(PaddedColumns(shape[1]));
  PackNarrow(original.data(), shape[0], shape[1], dtype_, words_.back().data(), scales, pool);
  narrow_[static_cast<std::size_t>(id)] = {words_.back().data(), scales, dtype_, shape[0],
                                           shape[1]};
  widest_input_ = std::max(widest_input_, shape[0]);
  bytes_ += words_.back().bytes() - ReleasePages(original);
}

void Weights::PackAsTable(TensorId id, ThreadPool& pool, const FillTensor& fill) {
  const TensorShape& shape = graph().tensors[static_cast<std::size_t>(id)].shape;
  LTS_CHECK(shape.size() == 2);
  const std::int64_t rows = shape[0];
  const std::int64_t depth = shape[1];
  const std::int64_t row_bytes = NarrowDepthBytes(depth, dtype_);
  const std::span<float> original = model_.mutable_tensor(id);
  table_bytes_.emplace_back(CheckedMul(rows, row_bytes));
  float* scales = NewScales(rows);
  // The largest tensor of a small decoder: in pieces of a few MiB, so that what was read or filled
  // of the original is soon given back.
  const std::int64_t piece = std::max<std::int64_t>(1, kPieceFloats / depth);
  for (std::int64_t row = 0; row < rows; row += piece) {
    const std::int64_t count = std::min(piece, rows - row);
    const std::span<float> values = original.subspan(static_cast<std::size_t>(row * depth),
                                                     static_cast<std::size_t>(count * depth));
    if (fill) fill(id, row * depth, values);
    PackNarrowTable(values.data(), count, depth, dtype_,
                    table_bytes_.back().data() + row * row_bytes,
                    scales == nullptr ? nullptr : scales + row, pool);
    bytes_ -= ReleasePages(values);
  }
  tables_[static_cast<std::size_t>(id)] = {table_bytes_.back().data(), scales, dtype_, rows, depth};
  widest_input_ = std::max(widest_input_, depth);
  bytes_ += table_bytes_.back().bytes();
}

const float* Weights::Tensor(TensorId id) const {
  return id == kNoTensor ? nullptr : model_.tensor(id).data();
}

const PackedMatrix& Weights::Matrix(TensorId id) const {
  return matrices_[static_cast<std::size_t>(id)];
}

const NarrowMatrix& Weights::Narrow(TensorId id) const {
  return narrow_[static_cast<std::size_t>(id)];
}

const NarrowTable& Weights::Table(TensorId id) const {
  return tables_[static_cast<std::size_t>(id)];
}

}  // namespace lts::cpu
