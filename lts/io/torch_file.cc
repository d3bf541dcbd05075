#include "lts/io/torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/suggest.h"
#include "lts/io/byte_reader.h"
#include "lts/io/pickle.h"
#include "lts/io/zip_file.h"

namespace lts {
namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
constexpr std::size_t kMaxNameShown = 200;
constexpr std::size_t kMaxExtents = 32;

struct StorageType {
  std::string_view global;
  StoredType type;
};
constexpr std::array<StorageType, 10> kStorageTypes{
    {{"torch DoubleStorage", StoredType::kFloat64},
     {"torch FloatStorage", StoredType::kFloat32},
     {"torch HalfStorage", StoredType::kFloat16},
     {"torch BFloat16Storage", StoredType::kBFloat16},
     {"torch LongStorage", StoredType::kInt64},
     {"torch IntStorage", StoredType::kInt32},
     {"torch ShortStorage", StoredType::kInt16},
     {"torch CharStorage", StoredType::kInt8},
     {"torch ByteStorage", StoredType::kUInt8},
     {"torch BoolStorage", StoredType::kBool}}};

constexpr auto kGlobals = [] {
  std::array<std::string_view, kStorageTypes.size() + 3> names{kOrderedDict, kRebuildTensor,
                                                               kRebuildParameter};
  for (std::size_t i = 0; i < kStorageTypes.size(); ++i) names[i + 3] = kStorageTypes[i].global;
  return names;
}();

// The first pickle of a legacy file: protocol 2, LONG1 of 10 bytes, the magic number
// 0x1950a86a20f9469cfc6c, STOP.
constexpr std::array<std::uint8_t, 15> kLegacyMagic{0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                                    0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
constexpr std::int64_t kLegacyProtocol = 1001;

struct Storage {
  StoredType type = StoredType::kFloat32;
  std::int64_t count = 0;
};
// The bytes of a storage by its key.
using BytesOf = std::function<std::span<std::byte>(const std::string& key)>;

// A state_dict, taken from what its pickle says.
class StateDict {
 public:
  StateDict(const Pickle& pickle, std::string_view name) : pickle_(pickle), name_(name) {}

  [[noreturn]] void Fail(const std::string& problem, ErrorCode code = ErrorCode::kCorrupt) const {
    throw Error(code, fmt::format("{}: {}", name_, problem));
  }

  std::vector<StoredTensor> Tensors(const BytesOf& bytes_of) const {
    const PickleNode& root = pickle_[pickle_.root];
    if (!IsDict(root)) Fail("it holds no state_dict but another value", ErrorCode::kUnsupported);
    std::vector<StoredTensor> tensors;
    std::set<std::string_view> names;
    for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
      const PickleNode& key = pickle_[root.items[i]];
      if (key.kind != Kind::kText) Fail("a key of the state_dict is no string");
      if (!names.insert(key.text).second) FailTensor(key.text, "is there twice");
      tensors.push_back(Tensor(key.text, pickle_[root.items[i + 1]], bytes_of));
    }
    return tensors;
  }

  // All storages by key, as the pickle speaks of them.
  std::map<std::string, Storage> Storages() const {
    std::map<std::string, Storage> storages;
    for (const PickleNode& node : pickle_.nodes) {
      if (node.kind != Kind::kPersistent) continue;
      const auto [key, storage] = StorageOf(node);
      const auto [known, is_new] = storages.emplace(key, storage);
      if (!is_new && (known->second.type != storage.type || known->second.count != storage.count)) {
        Fail(fmt::format("storage '{}' has two types or sizes", Quoted(key)));
      }
    }
    return storages;
  }

 private:
  [[noreturn]] void FailTensor(std::string_view tensor, std::string_view problem,
                               ErrorCode code = ErrorCode::kCorrupt) const {
    Fail(fmt::format("tensor '{}' {}", Quoted(tensor, kMaxNameShown), problem), code);
  }

  bool IsDict(const PickleNode& node) const {
    return node.kind == Kind::kDict || (node.kind == Kind::kCall && node.text == kOrderedDict);
  }

  // The arguments of a call, at least `count` of them.
  const std::vector<PickleId>& Arguments(const PickleNode& call, std::size_t count) const {
    const std::vector<PickleId>& arguments = pickle_[call.arguments].items;
    if (arguments.size() < count) {
      Fail(fmt::format("{} with {} arguments, expected {}", call.text, arguments.size(), count));
    }
    return arguments;
  }

  std::int64_t Int(PickleId id, std::string_view what) const {
    const PickleNode& node = pickle_[id];
    if (node.kind != Kind::kInt || node.integer < 0) {
      Fail(fmt::format("{}: expected an integer >= 0", what));
    }
    return node.integer;
  }

  std::vector<std::int64_t> Ints(PickleId id, std::string_view what) const {
    const PickleNode& node = pickle_[id];
    if (node.kind != Kind::kTuple || node.items.size() > kMaxExtents) {
      Fail(fmt::format("{}: expected a tuple of at most {} integers", what, kMaxExtents));
    }
    std::vector<std::int64_t> values;
    for (const PickleId item : node.items) values.push_back(Int(item, what));
    return values;
  }

  std::pair<std::string, Storage> StorageOf(const PickleNode& node) const {
    if (node.kind != Kind::kPersistent) Fail("a tensor without a storage");
    const PickleNode& id = pickle_[node.arguments];
    constexpr std::size_t kMembers = 5;  // "storage", type, key, device, elements
    if (id.kind != Kind::kTuple || id.items.size() < kMembers ||
        pickle_[id.items[0]].text != "storage") {
      Fail("a storage that is none of torch.save's");
    }
    const std::string& global = pickle_[id.items[1]].text;
    const auto type = std::find_if(kStorageTypes.begin(), kStorageTypes.end(),
                                   [&](const StorageType& t) { return t.global == global; });
    const PickleNode& key = pickle_[id.items[2]];
    if (type == kStorageTypes.end() || key.kind != Kind::kText) Fail("a storage of no known type");
    // A sixth member makes it a view of another storage; releases before 0.4 wrote such.
    if (id.items.size() > kMembers && pickle_[id.items[kMembers]].kind != Kind::kNone) {
      Fail(fmt::format("storage '{}' is a view of another; load the file with PyTorch and save it "
                       "again",
                       Quoted(key.text)),
           ErrorCode::kUnsupported);
    }
    return {key.text, {type->type, Int(id.items[4], "elements of a storage")}};
  }

  StoredTensor Tensor(std::string_view name, const PickleNode& value,
                      const BytesOf& bytes_of) const {
    const PickleNode* node = &value;
    if (node->kind == Kind::kCall && node->text == kRebuildParameter) {
      node = &pickle_[Arguments(*node, 1).front()];
    }
    if (node->kind != Kind::kCall || node->text != kRebuildTensor) {
      FailTensor(name,
                 IsDict(*node) ? "is a dictionary: is this a training state? Save its model's "
                                 "state_dict alone"
                               : "is no tensor",
                 ErrorCode::kUnsupported);
    }
    const std::vector<PickleId>& arguments = Arguments(*node, 4);
    const auto [key, storage] = StorageOf(pickle_[arguments[0]]);
    StoredTensor tensor;
    tensor.name = name;
    tensor.type = storage.type;
    const std::int64_t offset = Int(arguments[1], "offset of a tensor");
    tensor.shape = Ints(arguments[2], "shape of a tensor");
    tensor.strides = Ints(arguments[3], "strides of a tensor");
    if (tensor.shape.size() != tensor.strides.size()) {
      FailTensor(name, "has other numbers of extents and strides");
    }
    tensor.bytes = Bytes(tensor, offset, storage, bytes_of(key));
    return tensor;
  }

  // From the tensor's first element to its last, which must lie in the storage.
  std::span<std::byte> Bytes(StoredTensor& tensor, std::int64_t offset, const Storage& storage,
                             std::span<std::byte> bytes) const {
    const std::int64_t size = SizeOf(tensor.type);
    try {
      RowMajorStrides(tensor.shape);  // the number of elements does not overflow
      if (CheckedMul(storage.count, size) > std::ssize(bytes)) {
        FailTensor(tensor.name,
                   fmt::format("has a storage of {} {}, but the file gives it {} bytes",
                               storage.count, kStoredTypes.Name(tensor.type), bytes.size()));
      }
      if (tensor.count() == 0) return {};
      std::int64_t last = offset;
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        last = CheckedAdd(last, CheckedMul(tensor.shape[i] - 1, tensor.strides[i]));
      }
      if (last >= storage.count) {
        FailTensor(tensor.name,
                   fmt::format("reaches element {} of a storage of {}", last, storage.count));
      }
      // A stride that is never taken may be anything in the file; nobody must multiply by it.
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        if (tensor.shape[i] == 1) tensor.strides[i] = 0;
      }
      return bytes.subspan(static_cast<std::size_t>(offset * size),
                           static_cast<std::size_t>((last - offset + 1) * size));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCorrupt) throw;
      FailTensor(tensor.name, error.what());
    }
  }

  const Pickle& pickle_;
  std::string_view name_;
};

std::vector<StoredTensor> ParseArchive(std::span<std::byte> file, std::string_view name) {
  const std::vector<ZipEntry> entries = ParseZip(file, name);
  const auto fail = [name](const std::string& problem, ErrorCode code) {
    throw Error(code, fmt::format("{}: {}", name, problem));
  };
  constexpr std::string_view kPickleEntry = "/data.pkl";
  std::map<std::string_view, std::span<std::byte>> contents;
  std::optional<std::string_view> top;  // "archive" of "archive/data.pkl"
  for (const ZipEntry& entry : entries) {
    contents.emplace(entry.name, entry.contents);
    const std::string_view path = entry.name;
    if (path.ends_with(kPickleEntry)) top = path.substr(0, path.size() - kPickleEntry.size());
  }
  if (!top) fail("no data.pkl in it; is it a file of torch.save?", ErrorCode::kUnsupported);
  if (const auto order = contents.find(fmt::format("{}/byteorder", *top));
      order != contents.end()) {
    const std::string_view text(reinterpret_cast<const char*>(order->second.data()),
                                order->second.size());
    if (text != "little") fail("it is big-endian", ErrorCode::kUnsupported);
  }
  const Pickle pickle =
      ParsePickle(contents.at(fmt::format("{}{}", *top, kPickleEntry)), name, kGlobals);
  const StateDict state(pickle, name);
  state.Storages();
  return state.Tensors([&](const std::string& key) {
    const auto found = contents.find(fmt::format("{}/data/{}", *top, key));
    if (found == contents.end()) {
      fail(fmt::format("storage '{}' is missing", Quoted(key)), ErrorCode::kCorrupt);
    }
    return found->second;
  });
}

std::vector<StoredTensor> ParseLegacy(std::span<std::byte> file, std::string_view name) {
  const auto fail = [name](const std::string& problem, ErrorCode code = ErrorCode::kCorrupt) {
    throw Error(code, fmt::format("{}: {}", name, problem));
  };
  std::size_t position = kLegacyMagic.size();
  const auto next_pickle = [&] {
    Pickle pickle = ParsePickle(file.subspan(position), name, kGlobals);
    position += pickle.bytes;
    return pickle;
  };
  const Pickle protocol = next_pickle();
  if (protocol[protocol.root].integer != kLegacyProtocol) {
    fail("its protocol is not 1001", ErrorCode::kUnsupported);
  }
  const Pickle machine = next_pickle();
  const std::vector<PickleId>& facts = machine[machine.root].items;
  for (std::size_t i = 0; i + 1 < facts.size(); i += 2) {
    const PickleNode& value = machine[facts[i + 1]];
    if (machine[facts[i]].text == "little_endian" && value.integer == 0) {
      fail("it is big-endian", ErrorCode::kUnsupported);
    }
  }
  const Pickle pickle = next_pickle();
  const StateDict state(pickle, name);
  const std::map<std::string, Storage> storages = state.Storages();
  const Pickle keys = next_pickle();

  std::map<std::string, std::span<std::byte>, std::less<>> bytes;
  for (const PickleId id : keys[keys.root].items) {
    const std::string& key = keys[id].text;
    const auto storage = storages.find(key);
    if (storage == storages.end()) fail(fmt::format("storage '{}' has no type", Quoted(key)));
    const auto count = ByteReader(file.subspan(position), name).Number<std::int64_t>();
    position += sizeof(count);
    if (count != storage->second.count) {
      fail(fmt::format("storage '{}' has {} elements, its tensor says {}", Quoted(key), count,
                       storage->second.count));
    }
    const std::int64_t size = SizeOf(storage->second.type);
    if (count > static_cast<std::int64_t>(file.size() - position) / size) {
      fail(
          fmt::format("storage '{}': {} elements at {}, but the file ends at {}; is the download "
                      "complete?",
                      Quoted(key), count, position, file.size()));
    }
    const auto length = static_cast<std::size_t>(count * size);
    bytes[key] = file.subspan(position, length);
    position += length;
  }
  return state.Tensors([&](const std::string& key) {
    const auto found = bytes.find(key);
    if (found == bytes.end()) fail(fmt::format("storage '{}' is missing", Quoted(key)));
    return found->second;
  });
}

}  // namespace

std::vector<StoredTensor> ParseTorchFile(std::span<std::byte> file, std::string_view name) {
  if (LooksLikeZip(file)) return ParseArchive(file, name);
  const bool is_legacy = file.size() >= kLegacyMagic.size() &&
                         std::equal(kLegacyMagic.begin(), kLegacyMagic.end(), file.begin(),
                                    [](std::uint8_t a, std::byte b) { return std::byte{a} == b; });
  if (is_legacy) return ParseLegacy(file, name);
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: neither a zip archive nor a legacy file of torch.save; is the "
                          "download complete?",
                          name));
}

StoredTensors ReadTorchFile(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  StoredTensors stored;
  stored.tensors = ParseTorchFile(file->bytes(), path);
  stored.storage.push_back(std::move(file));
  return stored;
}

}  // namespace lts
