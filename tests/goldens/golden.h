// Reads the goldens that tools/make_goldens.py wrote (its first comment is the format), for tests.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lts/arch/architecture.h"
#include "lts/arch/graph.h"
#include "lts/base/files.h"
#include "lts/base/json.h"
#include "lts/base/sha1.h"

namespace lts {

struct Golden {
  std::string decoder;  // "gpt2", "opt", "codegen", "llama"
  std::int64_t vocab_size = 0;
  std::int64_t max_seq_len = 0;
  std::int64_t d_model = 0;
  std::vector<LayerShape> layers;
  std::int64_t rotary_dims = 0;
  std::uint64_t seed = 0;
  float weight_scale = 1.0F;
  std::string weights_sha1;
  std::int64_t batch = 0;
  std::vector<std::int32_t> tokens;     // [batch, n]
  std::vector<std::int64_t> positions;  // whose logits are kept
  std::vector<float> exact_logits;      // [batch, positions, V] of float64
  std::vector<float> single_logits;     // likewise of float32

  std::int64_t n() const { return std::ssize(tokens) / batch; }
  Architecture ToArchitecture() const {
    ArchitectureFields fields{.backbone = decoder,
                              .vocab_size = vocab_size,
                              .max_seq_len = max_seq_len,
                              .d_model = d_model,
                              .layers = layers};
    if (rotary_dims > 0) {
      fields.settings = Architecture(fields).settings();
      fields.settings->rotary_dims = rotary_dims;
    }
    return Architecture(fields);
  }
  // Of all logits [batch, n, V], those at `positions`.
  std::vector<float> AtPositions(std::span<const float> all) const {
    std::vector<float> kept;
    for (std::int64_t b = 0; b < batch; ++b) {
      for (const std::int64_t position : positions) {
        const auto row = all.subspan(static_cast<std::size_t>((b * n() + position) * vocab_size),
                                     static_cast<std::size_t>(vocab_size));
        kept.insert(kept.end(), row.begin(), row.end());
      }
    }
    return kept;
  }
};

inline std::string GoldenFolder() { return std::string(LTS_SOURCE_DIR) + "/tests/goldens"; }

// The names of all goldens, sorted.
inline std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenFolder())) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What every golden says of its decoder and weights; no tokens and no values.
inline Golden ReadGoldenDecoder(const Json& json) {
  const auto integer = [](const Json& object, const char* key, std::int64_t otherwise) {
    const Json* member = object.Find(key);
    return member == nullptr ? otherwise : member->AsInt();
  };
  Golden golden;
  golden.decoder = json.Find("decoder")->AsString();
  const Json& sizes = *json.Find("sizes");
  golden.vocab_size = sizes.Find("vocab_size")->AsInt();
  golden.max_seq_len = sizes.Find("max_sequence_length")->AsInt();
  golden.d_model = sizes.Find("d_model")->AsInt();
  golden.rotary_dims = integer(sizes, "rotary_dims", 0);
  const Json::Array& n_head = sizes.Find("n_head")->AsArray();
  const Json::Array& d_inner = sizes.Find("d_inner")->AsArray();
  for (std::size_t i = 0; i < n_head.size(); ++i) {
    const std::int64_t heads = n_head[i].AsInt();
    golden.layers.push_back({heads, integer(sizes, "n_kv_head", heads), d_inner[i].AsInt()});
  }
  golden.seed = static_cast<std::uint64_t>(json.Find("seed")->AsInt());
  golden.weight_scale = static_cast<float>(json.Find("weight_scale")->AsDouble());
  golden.weights_sha1 = json.Find("weights_sha1")->AsString();
  return golden;
}

inline Golden ReadGolden(const std::string& name) {
  const std::string base = GoldenFolder() + "/" + name;
  const Json json = ReadJsonFile(base + ".json");
  Golden golden = ReadGoldenDecoder(json);
  golden.batch = std::ssize(json.Find("tokens")->AsArray());
  for (const Json& sequence : json.Find("tokens")->AsArray()) {
    for (const Json& token : sequence.AsArray()) {
      golden.tokens.push_back(static_cast<std::int32_t>(token.AsInt()));
    }
  }
  for (const Json& position : json.Find("positions")->AsArray()) {
    golden.positions.push_back(position.AsInt());
  }
  const std::string bytes = ReadFile(base + ".bin");
  const auto count =
      static_cast<std::size_t>(golden.batch * std::ssize(golden.positions) * golden.vocab_size);
  LTS_CHECK(std::endian::native == std::endian::little);
  LTS_CHECK(bytes.size() == 2 * count * sizeof(float));
  golden.exact_logits.resize(count);
  golden.single_logits.resize(count);
  std::memcpy(golden.exact_logits.data(), bytes.data(), count * sizeof(float));
  std::memcpy(golden.single_logits.data(), bytes.data() + count * sizeof(float),
              count * sizeof(float));
  return golden;
}

// Multiplies every matrix (every tensor that is not a bias or a gain): tensor(i) must give a span
// of mutable floats.
template <typename TensorOf>
void ScaleMatrices(const Graph& graph, float scale, const TensorOf& tensor) {
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    if (graph.tensors[i].init.kind != TensorInit::Kind::kNormal) continue;
    for (float& value : tensor(static_cast<TensorId>(i))) value *= scale;
  }
}

// Of all tensors in the order of the graph, little-endian and without padding.
template <typename TensorOf>
std::string WeightsSha1(const Graph& graph, const TensorOf& tensor) {
  std::string bytes;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const std::span<const float> values = tensor(static_cast<TensorId>(i));
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  return Sha1Hex(bytes);
}

}  // namespace lts
