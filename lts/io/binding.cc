#include "lts/io/binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "lts/arch/registry.h"
#include "lts/base/aligned_buffer.h"
#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/io/safetensors.h"

namespace lts {
namespace {

constexpr std::int64_t kAlignFloats = 16;  // 64 bytes
constexpr std::size_t kMaxNamesShown = 5;
constexpr std::int64_t kQvkBlocks = 4;  // WeightLayout::kTransposedQvk

// "h.3.attn.c_attn.weight" <-> {"h.#.attn.c_attn.weight", 3}; layer -1: the name has none.
struct LayerName {
  std::string pattern;
  std::int64_t layer = -1;
};

LayerName SplitLayer(std::string_view name) {
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    constexpr std::size_t kMaxDigits = 9;
    const bool digits = !part.empty() && part.size() <= kMaxDigits &&
                        part.find_first_not_of("0123456789") == std::string_view::npos;
    if (digits) {
      return {std::string(name.substr(0, begin)) + "#" + std::string(name.substr(end)),
              std::stoll(std::string(part))};
    }
    begin = end + 1;
  }
  return {std::string(name), -1};
}

std::string WithLayer(std::string_view pattern, std::int64_t layer) {
  const std::size_t at = pattern.find('#');
  if (at == std::string_view::npos) return std::string(pattern);
  return fmt::format("{}{}{}", pattern.substr(0, at), layer, pattern.substr(at + 1));
}

// One stored tensor and the columns of ours that it fills.
struct Part {
  std::string stored;  // its name without prefix
  std::vector<std::int64_t> shape;
  std::int64_t column = 0;  // of our matrix, or the element of our bias
};

// How one tensor of the graph is stored.
struct Binding {
  WeightLayout layout = WeightLayout::kAsOurs;
  std::int64_t layer = -1;
  std::vector<Part> parts;  // one, or queries, keys and values
};

Binding BindingOf(const Architecture& architecture, const Backbone& backbone,
                  const TensorSpec& spec) {
  const LayerName name = SplitLayer(spec.name);
  const auto row =
      std::find_if(backbone.weights.weights.begin(), backbone.weights.weights.end(),
                   [&](const StoredWeight& weight) { return weight.name == name.pattern; });
  if (row == backbone.weights.weights.end()) {
    // The tables are whole for every backbone that runs (tested), less its adaptive vocabulary.
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} {}: checkpoints have no place for '{}': weights of {} are neither "
                            "read nor written",
                            backbone.name, architecture.ShortName(), spec.name,
                            backbone.runs() ? "an adaptive vocabulary" : backbone.name));
  }
  Binding binding{.layout = row->layout, .layer = name.layer};
  const auto add = [&](std::string_view stored, std::int64_t column, std::int64_t width) {
    std::vector<std::int64_t> shape(spec.shape.begin(), spec.shape.end());
    shape.back() = width;
    if (row->layout != WeightLayout::kAsOurs) std::reverse(shape.begin(), shape.end());
    binding.parts.push_back({WithLayer(stored, name.layer), std::move(shape), column});
  };
  const std::int64_t columns = spec.shape[spec.shape.size() - 1];
  if (row->stored_keys.empty()) {
    add(row->stored, 0, columns);
  } else {
    const LayerShape& layer = architecture.layers()[static_cast<std::size_t>(name.layer)];
    const std::int64_t d_head = architecture.d_head(name.layer);
    const std::int64_t queries = layer.n_head * d_head;
    const std::int64_t keys = layer.n_kv_head * d_head;
    add(row->stored, 0, queries);
    add(row->stored_keys, queries, keys);
    add(row->stored_values, queries + keys, keys);
  }
  return binding;
}

std::string_view WithoutPrefix(std::string_view name, const WeightNames& names) {
  for (const std::string_view prefix : names.prefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxNamesShown); ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "" : ", ", Quoted(names[i], 200));
  }
  if (names.size() > kMaxNamesShown) {
    text += fmt::format(" and {} more", names.size() - kMaxNamesShown);
  }
  return text;
}

// Rows of a transposed matrix of theirs that are neighbouring columns of ours.
struct Strip {
  std::int64_t their_row = 0;
  std::int64_t our_column = 0;  // of the part
  std::int64_t count = 0;
};

std::vector<Strip> StripsOf(WeightLayout layout, std::int64_t their_rows) {
  if (layout != WeightLayout::kTransposedQvk) return {{0, 0, their_rows}};
  const std::int64_t all = their_rows / 3;  // queries, say
  const std::int64_t share = all / kQvkBlocks;
  std::vector<Strip> strips;
  for (std::int64_t block = 0; block < kQvkBlocks; ++block) {
    std::int64_t their_row = 3 * block * share;
    for (const std::int64_t ours : {0, 2, 1}) {  // queries, values, keys
      strips.push_back({their_row, ours * all + block * share, share});
      their_row += share;
    }
  }
  return strips;
}

// Our rows and columns of a stored tensor.
void CopyPart(const StoredTensor& from, WeightLayout layout, float* to, std::int64_t to_stride) {
  const StoredMatrix matrix = AsMatrix(from);
  if (layout == WeightLayout::kAsOurs || from.shape.size() == 1) {
    return CopyAsFloat32(matrix, from.name, to, to_stride);
  }
  for (const Strip& strip : StripsOf(layout, matrix.rows)) {
    CopyAsFloat32(matrix.Rows(strip.their_row, strip.count).Transposed(), from.name,
                  to + strip.our_column, to_stride);
  }
}

class Binder {
 public:
  Binder(const Architecture& architecture, StoredTensors stored, const BindingNames& names)
      : architecture_(architecture),
        backbone_(FindBackbone(architecture.backbone())),
        graph_(BuildGraph(architecture)),
        stored_(std::move(stored)),
        names_(names) {}

  Model Run() {
    for (const StoredTensor& tensor : stored_.tensors) {
      const std::string_view name = WithoutPrefix(tensor.name, backbone_.weights);
      if (!by_name_.emplace(name, &tensor).second) {
        Fail(fmt::format("tensor '{}' is there with and without its prefix", Quoted(name, 200)));
      }
    }
    for (const TensorSpec& spec : graph_.tensors) {
      bindings_.push_back(BindingOf(architecture_, backbone_, spec));
    }
    CheckNames();
    for (std::size_t i = 0; i < bindings_.size(); ++i) CheckShapes(i);
    return Build();
  }

 private:
  [[noreturn]] void Fail(const std::string& problem) const {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", names_.weights, problem));
  }
  const StoredTensor& Stored(const Part& part) const { return *by_name_.find(part.stored)->second; }

  void CheckNames() const {
    std::vector<std::string> missing;
    std::set<std::string_view> known;
    for (const Binding& binding : bindings_) {
      for (const Part& part : binding.parts) {
        known.insert(part.stored);
        if (!by_name_.contains(part.stored)) missing.push_back(part.stored);
      }
    }
    const std::string layers = fmt::format("; {} says {} {}", names_.config, backbone_.keys.n_layer,
                                           architecture_.n_layer());
    if (!missing.empty()) {
      Fail(fmt::format("{} of the {} tensors of {} {} missing: {}{}", missing.size(), known.size(),
                       backbone_.name, missing.size() == 1 ? "is" : "are", Listed(missing),
                       layers));
    }
    std::vector<std::string> unexpected;
    for (const auto& [name, tensor] : by_name_) {
      if (known.contains(name) || name == backbone_.weights.tied_head) continue;
      const std::string pattern = SplitLayer(name).pattern;
      const auto& ignored = backbone_.weights.ignored;
      if (std::find(ignored.begin(), ignored.end(), pattern) != ignored.end()) continue;
      unexpected.push_back(tensor->name);
    }
    if (unexpected.empty()) return;
    Fail(fmt::format("{} {} no tensor of {}: {}{}", unexpected.size(),
                     unexpected.size() == 1 ? "is" : "are", backbone_.name, Listed(unexpected),
                     layers));
  }

  // What config.json says about extent `dimension` of our tensor: "n_embd 512".
  std::string Says(const TensorSpec& spec, std::size_t dimension, std::int64_t layer) const {
    const ConfigKeys& keys = backbone_.keys;
    const auto says = [](std::string_view key, std::int64_t value) {
      return fmt::format("{} {}", key, value);
    };
    const std::string width = says(keys.d_model, architecture_.d_model());
    const bool is_first = dimension == 0 && spec.shape.size() == 2;
    switch (spec.role) {
      case TensorRole::kTokenEmbedding:
        return is_first ? says(keys.vocab_size, architecture_.vocab_size()) : width;
      case TensorRole::kHead:
        return dimension == 0 ? says(keys.vocab_size, architecture_.vocab_size()) : width;
      case TensorRole::kPositionEmbedding:
        return is_first ? says(keys.max_seq_len, architecture_.max_seq_len()) : width;
      case TensorRole::kFeedForward: {
        const std::int64_t d_inner =
            architecture_.layers()[static_cast<std::size_t>(layer)].d_inner;
        if (spec.shape[dimension] != d_inner) return width;
        const std::string inner = says(keys.d_inner, d_inner);
        return d_inner == architecture_.d_model() ? width + " and " + inner : inner;
      }
      case TensorRole::kAttention: {
        const LayerShape& shape = architecture_.layers()[static_cast<std::size_t>(layer)];
        if (shape.n_head == shape.n_kv_head) return width;
        return fmt::format("{}, {} and {}", width, says(keys.n_head, shape.n_head),
                           says(keys.n_kv_head, shape.n_kv_head));
      }
      default:
        return width;
    }
  }

  void CheckShapes(std::size_t i) const {
    const TensorSpec& spec = graph_.tensors[i];
    const Binding& binding = bindings_[i];
    for (const Part& part : binding.parts) {
      const StoredTensor& stored = Stored(part);
      if (stored.shape == part.shape) continue;
      std::size_t dimension = 0;  // the first of theirs that differs
      const std::size_t rank = part.shape.size();
      if (stored.shape.size() == rank) {
        while (stored.shape[dimension] == part.shape[dimension]) ++dimension;
      }
      if (binding.layout != WeightLayout::kAsOurs) dimension = rank - 1 - dimension;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} says {}, but {} is {} in {}, expected {}", names_.config,
                              Says(spec, dimension, binding.layer), Quoted(stored.name, 200),
                              ShapeText(stored.shape), names_.weights, ShapeText(part.shape)));
    }
  }

  void CheckTiedHead() const {
    const auto found = by_name_.find(backbone_.weights.tied_head);
    if (backbone_.weights.tied_head.empty() || found == by_name_.end()) return;
    if (!architecture_.settings().tied_head) return;  // a tensor of the graph
    const StoredTensor& head = *found->second;
    const auto table = std::find_if(
        graph_.tensors.begin(), graph_.tensors.end(),
        [](const TensorSpec& spec) { return spec.role == TensorRole::kTokenEmbedding; });
    const auto index = static_cast<std::size_t>(table - graph_.tensors.begin());
    const StoredTensor& embedding = Stored(bindings_[index].parts.front());
    if (head.shape == embedding.shape && SameValues(head, embedding)) return;
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: '{}' {} differs from '{}' {}; {} has a head tied to the token "
                    "embedding: is the file of another kind of model?",
                    names_.weights, Quoted(head.name, 200), ShapeText(head.shape),
                    Quoted(embedding.name, 200), ShapeText(embedding.shape), backbone_.name));
  }

  static bool SameValues(const StoredTensor& a, const StoredTensor& b) {
    const auto bytes = static_cast<std::size_t>(a.count() * SizeOf(a.type));
    if (a.type == b.type && a.contiguous() && b.contiguous()) {
      return a.bytes.data() == b.bytes.data() ||
             std::memcmp(a.bytes.data(), b.bytes.data(), bytes) == 0;
    }
    const StoredMatrix left = AsMatrix(a);
    const StoredMatrix right = AsMatrix(b);
    std::vector<float> row_a(static_cast<std::size_t>(left.columns));
    std::vector<float> row_b(row_a.size());
    for (std::int64_t row = 0; row < left.rows; ++row) {
      CopyAsFloat32(left.Rows(row, 1), a.name, row_a.data(), left.columns);
      CopyAsFloat32(right.Rows(row, 1), b.name, row_b.data(), left.columns);
      if (row_a != row_b) return false;
    }
    return true;
  }

  // The tensors that can be used where they lie; all others are empty. Of tensors that share
  // storage, none is a view: whoever writes to one must not change the other.
  std::vector<std::span<float>> Views() const {
    std::vector<std::span<float>> views(bindings_.size());
    std::vector<std::size_t> by_address;
    for (std::size_t i = 0; i < bindings_.size(); ++i) {
      const Binding& binding = bindings_[i];
      const StoredTensor& stored = Stored(binding.parts.front());
      const bool as_ours = binding.parts.size() == 1 &&
                           (binding.layout == WeightLayout::kAsOurs || stored.shape.size() == 1);
      const auto address = reinterpret_cast<std::uintptr_t>(stored.bytes.data());
      if (!as_ours || stored.type != StoredType::kFloat32 || !stored.contiguous() ||
          address % alignof(float) != 0) {
        continue;
      }
      views[i] = {reinterpret_cast<float*>(stored.bytes.data()),
                  static_cast<std::size_t>(graph_.tensors[i].count())};
      by_address.push_back(i);
    }
    std::sort(by_address.begin(), by_address.end(), [&](std::size_t a, std::size_t b) {
      return std::less<>()(views[a].data(), views[b].data());
    });
    std::vector<std::size_t> shared;
    const float* end = nullptr;
    for (std::size_t k = 0; k < by_address.size(); ++k) {
      const std::span<float> view = views[by_address[k]];
      if (k > 0 && std::less<>()(view.data(), end)) {
        shared.push_back(by_address[k]);
      } else {
        end = view.data() + view.size();
      }
    }
    for (const std::size_t i : shared) views[i] = {};
    return views;
  }

  Model Build() {
    std::vector<std::span<float>> tensors = Views();
    std::int64_t floats = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!tensors[i].empty()) continue;
      const std::int64_t blocks = (graph_.tensors[i].count() + kAlignFloats - 1) / kAlignFloats;
      floats = CheckedAdd(floats, CheckedMul(blocks, kAlignFloats));
    }
    struct Storage {
      std::vector<std::shared_ptr<const void>> files;
      AlignedBuffer<float> converted;
    };
    auto storage = std::make_shared<Storage>();
    if (floats > 0) storage->converted = AlignedBuffer<float>(floats);
    // Not before: strides of 0 make any size of a few bytes, but none that does not fit in memory
    // passes the allocation.
    CheckTiedHead();
    float* next = storage->converted.data();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!tensors[i].empty()) continue;
      const std::int64_t count = graph_.tensors[i].count();
      tensors[i] = {next, static_cast<std::size_t>(count)};
      next += (count + kAlignFloats - 1) / kAlignFloats * kAlignFloats;
      Convert(i, tensors[i].data());
    }
    storage->files = std::move(stored_.storage);
    return Model(architecture_, std::move(tensors), std::move(storage));
  }

  void Convert(std::size_t i, float* to) const {
    const TensorShape& shape = graph_.tensors[i].shape;
    const std::int64_t columns = shape[shape.size() - 1];
    for (const Part& part : bindings_[i].parts) {
      CopyPart(Stored(part), bindings_[i].layout, to + part.column, columns);
    }
  }

  const Architecture& architecture_;
  const Backbone& backbone_;
  Graph graph_;
  StoredTensors stored_;
  BindingNames names_;
  std::map<std::string, const StoredTensor*, std::less<>> by_name_;  // without prefixes
  std::vector<Binding> bindings_;                                    // of each tensor of the graph
};

// A stored tensor to be written, and the tensor of ours that it is a part of.
struct Output {
  TensorId id = kNoTensor;
  WeightLayout layout = WeightLayout::kAsOurs;
  Part part;
  std::int64_t count = 0;
};

// The values of a part in the order of the file.
std::vector<float> StoredValues(const Model& model, const Output& output) {
  const TensorShape& ours = model.graph().tensors[static_cast<std::size_t>(output.id)].shape;
  const float* const from = model.tensor(output.id).data() + output.part.column;
  const std::int64_t stride = ours[ours.size() - 1];
  std::vector<float> values(static_cast<std::size_t>(output.count));
  const std::int64_t their_columns = output.part.shape.back();
  const bool is_matrix = output.part.shape.size() == 2;
  const bool swapped = is_matrix && output.layout != WeightLayout::kAsOurs;
  const StoredMatrix part{.rows = is_matrix ? ours[0] : 1,
                          .columns = swapped ? output.part.shape.front() : their_columns,
                          .row_stride = stride,
                          .column_stride = 1,
                          .data = reinterpret_cast<const std::byte*>(from)};
  if (!swapped) {
    CopyAsFloat32(part, output.part.stored, values.data(), their_columns);
    return values;
  }
  for (const Strip& strip : StripsOf(output.layout, part.columns)) {
    CopyAsFloat32(part.Transposed().Rows(strip.our_column, strip.count), output.part.stored,
                  values.data() + strip.their_row * their_columns, their_columns);
  }
  return values;
}

std::vector<Output> OutputsOf(const Model& model, const Backbone& backbone) {
  std::vector<Output> outputs;
  for (std::size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const TensorSpec& spec = model.graph().tensors[i];
    Binding binding = BindingOf(model.architecture(), backbone, spec);
    for (Part& part : binding.parts) {
      std::int64_t count = 1;
      for (const std::int64_t extent : part.shape) count *= extent;
      outputs.push_back({static_cast<TensorId>(i), binding.layout, std::move(part), count});
    }
  }
  // Whole cache lines first: then every tensor of them is aligned in a mapping.
  std::stable_partition(outputs.begin(), outputs.end(),
                        [](const Output& output) { return output.count % kAlignFloats == 0; });
  return outputs;
}

}  // namespace

Model BindWeights(const Architecture& architecture, StoredTensors stored,
                  const BindingNames& names) {
  return Binder(architecture, std::move(stored), names).Run();
}

void WriteWeights(const Model& model, const std::string& path,
                  const std::function<void()>& before_replacing) {
  const Backbone& backbone = FindBackbone(model.architecture().backbone());
  const std::vector<Output> outputs = OutputsOf(model, backbone);
  std::vector<SafetensorsWriter::Entry> entries;
  for (const Output& output : outputs) {
    // A head of its own stands outside the base model and carries no prefix.
    const TensorSpec& spec = model.graph().tensors[static_cast<std::size_t>(output.id)];
    const bool is_head = spec.role == TensorRole::kHead;
    entries.push_back(
        {fmt::format("{}{}", is_head ? "" : backbone.weights.prefixes.front(), output.part.stored),
         output.part.shape});
  }
  SafetensorsWriter writer(path, entries);
  for (const Output& output : outputs) {
    const std::span<const float> ours = model.tensor(output.id);
    const bool as_ours = output.layout == WeightLayout::kAsOurs && output.count == std::ssize(ours);
    if (as_ours) {
      writer.Append(ours);
    } else {
      writer.Append(StoredValues(model, output));
    }
  }
  before_replacing();
  writer.Commit();
}

}  // namespace lts
