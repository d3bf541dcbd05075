#include "lts/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "lts/base/checked.h"
#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kDataAlignment = 64;
constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::size_t kMaxNameShown = 200;
// Far more extents than any tensor has, few enough that a header cannot ask for much work.
constexpr std::size_t kMaxExtents = 32;

class Parser {
 public:
  Parser(std::span<std::byte> file, std::string_view name) : file_(file), name_(name) {}

  std::vector<StoredTensor> Run() {
    const Json header = Header();
    std::vector<Placed> placed;
    placed.reserve(header.AsObject().size());
    for (const auto& [tensor, description] : header.AsObject()) {
      if (tensor == kMetadataKey) {
        CheckMetadata(description);
      } else {
        placed.push_back(Place(tensor, description));
      }
    }
    return Covering(std::move(placed));
  }

 private:
  struct Placed {
    StoredTensor tensor;
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  [[noreturn]] void Fail(const std::string& problem, ErrorCode code = ErrorCode::kCorrupt) const {
    throw Error(code, fmt::format("{}: {}", name_, problem));
  }
  [[noreturn]] void FailTensor(std::string_view tensor, const std::string& problem) const {
    Fail(fmt::format("tensor '{}': {}", Quoted(tensor, kMaxNameShown), problem));
  }

  Json Header() {
    if (file_.size() < kLengthBytes) {
      Fail(
          fmt::format("the file has {} bytes, a safetensors file has at least {}; is the download "
                      "complete?",
                      file_.size(), kLengthBytes + 2));
    }
    std::uint64_t length = 0;
    std::memcpy(&length, file_.data(), sizeof(length));
    if (length > kMaxHeaderBytes) {
      Fail(
          fmt::format("the header's length is {}, expected at most {}; is this a safetensors file?",
                      length, kMaxHeaderBytes));
    }
    if (length > file_.size() - kLengthBytes) {
      Fail(
          fmt::format("the header has {} bytes, but the file ends after {}; is the download "
                      "complete?",
                      length, file_.size() - kLengthBytes));
    }
    const auto header_bytes = static_cast<std::size_t>(length);
    const std::string_view text(reinterpret_cast<const char*>(file_.data()) + kLengthBytes,
                                header_bytes);
    data_ = file_.subspan(kLengthBytes + header_bytes);
    try {
      Json header = ParseJson(text, "header", {.max_bytes = kMaxHeaderBytes});
      if (!header.is_object())
        Fail(fmt::format("header: got {}, expected an object", header.type_name()));
      return header;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCorrupt) throw;
      Fail(error.what());
    }
  }

  void CheckMetadata(const Json& metadata) const {
    if (!metadata.is_object()) Fail("header: '__metadata__' is no object");
    for (const auto& [key, value] : metadata.AsObject()) {
      if (!value.is_string()) {
        Fail(fmt::format("header: '__metadata__': '{}' is no string", Quoted(key, kMaxNameShown)));
      }
    }
  }

  // A member of a tensor's description: three are required, others mean nothing here.
  const Json& Member(std::string_view tensor, const Json& description, std::string_view key) const {
    const Json* const member = description.Find(key);
    if (member == nullptr) FailTensor(tensor, fmt::format("'{}' is missing", key));
    return *member;
  }

  std::vector<std::int64_t> Sizes(std::string_view tensor, const Json& list, std::string_view key,
                                  std::size_t max_count) const {
    if (!list.is_array() || list.AsArray().size() > max_count) {
      FailTensor(tensor,
                 fmt::format("'{}': expected an array of at most {} integers", key, max_count));
    }
    std::vector<std::int64_t> sizes;
    for (const Json& element : list.AsArray()) {
      if (!element.is_int() || element.AsInt() < 0) {
        FailTensor(tensor, fmt::format("'{}': got {}, expected an integer >= 0", key,
                                       Quoted(WriteJson(element, JsonStyle::kCompact))));
      }
      sizes.push_back(element.AsInt());
    }
    return sizes;
  }

  Placed Place(std::string_view tensor, const Json& description) const {
    if (!description.is_object()) FailTensor(tensor, "its description is no object");
    Placed placed;
    placed.tensor.name = tensor;
    placed.tensor.type = Type(tensor, Member(tensor, description, "dtype"));
    placed.tensor.shape = Sizes(tensor, Member(tensor, description, "shape"), "shape", kMaxExtents);
    const auto offsets =
        Sizes(tensor, Member(tensor, description, "data_offsets"), "data_offsets", 2);
    if (offsets.size() != 2 || offsets[0] > offsets[1]) {
      FailTensor(tensor,
                 fmt::format("'data_offsets': got {}, expected a begin and an end behind it",
                             ShapeText(offsets)));
    }
    placed.begin = offsets[0];
    placed.end = offsets[1];
    if (placed.end > std::ssize(data_)) {
      FailTensor(tensor, fmt::format("ends at byte {} of the data, which has {}; is the download "
                                     "complete?",
                                     placed.end, data_.size()));
    }
    CheckSize(placed);
    placed.tensor.bytes = data_.subspan(static_cast<std::size_t>(placed.begin),
                                        static_cast<std::size_t>(placed.end - placed.begin));
    return placed;
  }

  StoredType Type(std::string_view tensor, const Json& dtype) const {
    if (!dtype.is_string()) FailTensor(tensor, "'dtype': expected a string");
    if (const auto type = kStoredTypes.Find(dtype.AsString())) return *type;
    Fail(fmt::format("tensor '{}': {}", Quoted(tensor, kMaxNameShown),
                     UnknownName("dtype", dtype.AsString(), kStoredTypes.Names())),
         ErrorCode::kUnsupported);
  }

  void CheckSize(Placed& placed) const {
    StoredTensor& tensor = placed.tensor;
    try {
      tensor.strides = RowMajorStrides(tensor.shape);
      const std::int64_t bytes = CheckedMul(tensor.count(), SizeOf(tensor.type));
      if (bytes == placed.end - placed.begin) return;
      FailTensor(tensor.name, fmt::format("{} of {} take {} bytes, but the file gives it {}",
                                          ShapeText(tensor.shape), kStoredTypes.Name(tensor.type),
                                          bytes, placed.end - placed.begin));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCorrupt) throw;
      FailTensor(tensor.name, error.what());
    }
  }

  std::vector<StoredTensor> Covering(std::vector<Placed> placed) const {
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::int64_t end = 0;
    std::vector<StoredTensor> tensors;
    tensors.reserve(placed.size());
    for (Placed& next : placed) {
      if (next.begin != end) {
        FailTensor(next.tensor.name,
                   fmt::format("begins at byte {} of the data, but the tensor before it ends at {}",
                               next.begin, end));
      }
      end = next.end;
      tensors.push_back(std::move(next.tensor));
    }
    if (end != std::ssize(data_)) {
      Fail(fmt::format("the tensors end at byte {} of the data, which has {}", end, data_.size()));
    }
    return tensors;
  }

  std::span<std::byte> file_;
  std::span<std::byte> data_;
  std::string_view name_;
};

std::string HeaderOf(const std::vector<SafetensorsWriter::Entry>& entries) {
  Json header = Json::MakeObject();
  header[kMetadataKey] = Json(Json::Object{{"format", "pt"}});
  std::int64_t begin = 0;
  for (const auto& [name, shape] : entries) {
    LTS_CHECK(header.Find(name) == nullptr);
    std::int64_t bytes = sizeof(float);
    for (const std::int64_t extent : shape) bytes = CheckedMul(bytes, extent);
    const std::int64_t end = CheckedAdd(begin, bytes);
    header[name] = Json(Json::Object{{"dtype", "F32"},
                                     {"shape", Json(Json::Array(shape.begin(), shape.end()))},
                                     {"data_offsets", Json(Json::Array{Json(begin), Json(end)})}});
    begin = end;
  }
  std::string text = WriteJson(header, JsonStyle::kCompact);
  const std::size_t used = (kLengthBytes + text.size()) % kDataAlignment;
  if (used != 0) text.append(kDataAlignment - used, ' ');
  return text;
}

}  // namespace

std::vector<StoredTensor> ParseSafetensors(std::span<std::byte> file, std::string_view name) {
  return Parser(file, name).Run();
}

StoredTensors ReadSafetensors(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  StoredTensors stored;
  stored.tensors = ParseSafetensors(file->bytes(), path);
  stored.storage.push_back(std::move(file));
  return stored;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, const std::vector<Entry>& entries)
    : file_(path) {
  const std::string header = HeaderOf(entries);
  const std::uint64_t length = header.size();
  file_.Write({reinterpret_cast<const char*>(&length), sizeof(length)});
  file_.Write(header);
  for (const Entry& entry : entries) {
    std::int64_t count = 1;
    for (const std::int64_t extent : entry.shape) count *= extent;
    counts_.push_back(count);
  }
}

void SafetensorsWriter::Append(std::span<const float> values) {
  LTS_CHECK(next_ < counts_.size() && std::ssize(values) == counts_[next_]);
  ++next_;
  file_.Write({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void SafetensorsWriter::Commit() {
  LTS_CHECK(next_ == counts_.size());
  file_.Commit();
}

}  // namespace lts
