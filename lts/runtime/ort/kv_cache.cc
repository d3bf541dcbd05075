#include "lts/runtime/ort/kv_cache.h"

#include <array>
#include <cstring>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"

namespace lts::ort {
namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);
constexpr std::int64_t kLineFloats = 64 / kFloatBytes;

// Floats of a layer's keys or values at full length, in whole cache lines.
std::int64_t BufferSize(const LayerCache& layer, const SessionOptions& options) {
  const std::int64_t floats =
      CheckedMul(options.batch, layer.n_head, options.max_tokens, layer.d_head);
  return CheckedAdd(floats, kLineFloats - 1) / kLineFloats * kLineFloats;
}

// Where each layer's keys and values begin in one buffer, and the size of all.
struct Layout {
  std::vector<std::array<std::int64_t, 2>> layers;
  std::int64_t size = 0;
};

Layout MakeLayout(const std::vector<LayerCache>& layers, const SessionOptions& options) {
  Layout layout;
  for (const LayerCache& layer : layers) {
    const std::int64_t size = BufferSize(layer, options);
    layout.layers.push_back({layout.size, CheckedAdd(layout.size, size)});
    layout.size = CheckedAdd(layout.size, CheckedMul(2, size));
  }
  return layout;
}

using Pair = std::array<Owned<OrtValue>, 2>;  // views of a layer's keys and values

void BindPasts(const Engine& engine, OrtIoBinding& binding, std::size_t layer, const Pair& views) {
  const auto bind = engine.api().functions().BindInput;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const std::string& name = engine.layers()[layer].names.past[i];
    engine.api().Check(bind(&binding, name.c_str(), views[i].get()), name);
  }
}
void BindPresents(const Engine& engine, OrtIoBinding& binding, std::size_t layer,
                  const Pair& views) {
  const auto bind = engine.api().functions().BindOutput;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const std::string& name = engine.layers()[layer].names.present[i];
    engine.api().Check(bind(&binding, name.c_str(), views[i].get()), name);
  }
}

// What both kinds share: buffers of one layout, seen as [count, n_head, tokens, d_head] from
// sequence `first` on.
class Buffers : public KvCache {
 public:
  Buffers(const Engine& engine, const SessionOptions& options)
      : engine_(engine), options_(options), layout_(MakeLayout(engine.layers(), options)) {}

 protected:
  Pair Views(std::size_t layer, const AlignedBuffer<float>& floats, std::int64_t first,
             std::int64_t count, std::int64_t tokens) const {
    const LayerCache& cache = engine_.layers()[layer];
    const std::int64_t shape[] = {count, cache.n_head, tokens, cache.d_head};
    const std::int64_t offset = first * cache.n_head * tokens * cache.d_head;
    Pair pair;
    for (std::size_t i = 0; i < pair.size(); ++i) {
      pair[i] = engine_.api().NewValue(floats.data() + layout_.layers[layer][i] + offset, shape,
                                       ElementType::kFloat32);
    }
    return pair;
  }

  const Engine& engine_;
  SessionOptions options_;
  Layout layout_;
};

// Every past is its present: [batch, n_head, max_tokens, d_head], whatever the length.
class InPlace final : public Buffers {
 public:
  InPlace(const Engine& engine, const SessionOptions& options)
      : Buffers(engine, options), floats_(layout_.size) {}

  void Bind(OrtIoBinding& binding, std::int64_t /*length*/, std::int64_t /*new_length*/) override {
    if (!bound_) BindViews(binding, 0, options_.batch);
    bound_ = true;
  }
  void BindSequence(OrtIoBinding& binding, std::int64_t sequence, std::int64_t /*length*/,
                    std::int64_t /*new_length*/) override {
    BindViews(binding, sequence, 1);
  }
  void Finish() override {}
  void Rewind(std::int64_t /*length*/, std::int64_t /*new_length*/) override {}
  std::int64_t bytes() const override { return floats_.bytes(); }

 private:
  // A binding keeps what it needs of its values.
  void BindViews(OrtIoBinding& binding, std::int64_t first, std::int64_t count) {
    for (std::size_t i = 0; i < engine_.layers().size(); ++i) {
      const Pair views = Views(i, floats_, first, count, options_.max_tokens);
      BindPasts(engine_, binding, i, views);
      BindPresents(engine_, binding, i, views);
    }
  }

  AlignedBuffer<float> floats_;
  bool bound_ = false;
};

// Two buffers by turns: a step reads one as [batch, n_head, length, d_head] and writes the other as
// [batch, n_head, new_length, d_head].
class ByTurns final : public Buffers {
 public:
  ByTurns(const Engine& engine, const SessionOptions& options) : Buffers(engine, options) {
    for (AlignedBuffer<float>& floats : floats_) floats = AlignedBuffer<float>(layout_.size);
  }

  void Bind(OrtIoBinding& binding, std::int64_t length, std::int64_t new_length) override {
    BindViews(binding, 0, options_.batch, length, new_length);
  }
  void BindSequence(OrtIoBinding& binding, std::int64_t sequence, std::int64_t length,
                    std::int64_t new_length) override {
    BindViews(binding, sequence, 1, length, new_length);
  }
  void Finish() override { current_ = 1 - current_; }

  // The rows of each sequence and head move together: towards the front, one after another.
  void Rewind(std::int64_t length, std::int64_t new_length) override {
    if (new_length == length || new_length == 0) return;
    for (std::size_t i = 0; i < engine_.layers().size(); ++i) {
      const LayerCache& layer = engine_.layers()[i];
      const std::int64_t from = length * layer.d_head;
      const std::int64_t to = new_length * layer.d_head;
      for (const std::int64_t begin : layout_.layers[i]) {
        float* const data = floats_[current_].data() + begin;
        for (std::int64_t row = 1; row < options_.batch * layer.n_head; ++row) {
          std::memmove(data + row * to, data + row * from,
                       static_cast<std::size_t>(to) * sizeof(float));
        }
      }
    }
  }
  std::int64_t bytes() const override { return floats_[0].bytes() + floats_[1].bytes(); }

 private:
  void BindViews(OrtIoBinding& binding, std::int64_t first, std::int64_t count, std::int64_t length,
                 std::int64_t new_length) {
    for (std::size_t i = 0; i < engine_.layers().size(); ++i) {
      BindPasts(engine_, binding, i, Views(i, floats_[current_], first, count, length));
      BindPresents(engine_, binding, i, Views(i, floats_[1 - current_], first, count, new_length));
    }
  }

  std::array<AlignedBuffer<float>, 2> floats_;
  std::size_t current_ = 0;  // the buffer that holds the context
};

}  // namespace

std::int64_t KvCache::Bytes(const std::vector<LayerCache>& layers, const SessionOptions& options,
                            bool shared) {
  return CheckedMul(MakeLayout(layers, options).size, kFloatBytes, shared ? 1 : 2);
}

std::unique_ptr<KvCache> KvCache::Make(const Engine& engine, const SessionOptions& options) {
  if (engine.options().shared_cache) return std::make_unique<InPlace>(engine, options);
  return std::make_unique<ByTurns>(engine, options);
}

}  // namespace lts::ort
