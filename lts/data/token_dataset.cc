#include "lts/data/token_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/sha1.h"
#include "lts/base/suggest.h"

namespace lts {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::size_t kMaxPathShown = 400;

// Widens ids and returns the largest: one pass, which compilers turn into vectors.
template <typename Id>
std::uint32_t Widen(const std::byte* from, std::span<std::int32_t> out) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Id id;
    std::memcpy(&id, from + i * sizeof(Id), sizeof(Id));
    largest = std::max<std::uint32_t>(largest, id);
    out[i] = static_cast<std::int32_t>(id);
  }
  return largest;
}

}  // namespace

TokenDataset TokenDataset::Open(const std::string& folder) {
  const std::string path = folder + "/" + std::string(kManifestFile);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no {} in it, expected a folder that `lts tokenize ... -o` wrote; "
                            "was it interrupted?",
                            Quoted(folder, kMaxPathShown), kManifestFile));
  }
  return {folder, ParseManifest(ReadJsonFile(path), path)};
}

TokenDataset::TokenDataset(std::string folder, DatasetManifest manifest)
    : folder_(std::move(folder)), manifest_(std::move(manifest)) {
  for (const auto& [split, name] : kSplits.entries) {
    const std::string path = PathOf(split);
    auto file = std::make_shared<const MappedFile>(path);
    const auto bytes = static_cast<std::int64_t>(file->bytes().size());
    const std::int64_t expected = tokens(split) * SizeOf(manifest_.token_type());
    if (bytes != expected) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{}: got {} bytes, expected {} ({} tokens of {}); was the folder "
                              "copied whole?",
                              Quoted(path, kMaxPathShown), bytes, expected, tokens(split),
                              kTokenTypes.Name(manifest_.token_type())));
    }
    files_[static_cast<std::size_t>(split)] = std::move(file);
  }
}

std::string TokenDataset::PathOf(Split split) const {
  return folder_ + "/" + manifest_[split].file;
}

double TokenDataset::bytes_per_token(Split split) const {
  const SplitInfo& info = manifest_[split];
  if (info.tokens == 0) return 0;
  return static_cast<double>(info.text_bytes) / static_cast<double>(info.tokens);
}

void TokenDataset::Read(Split split, std::int64_t offset, std::span<std::int32_t> out) const {
  const std::int64_t count = tokens(split);
  if (offset < 0 || offset > count || std::ssize(out) > count - offset) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: got {} tokens from {}, expected to stay within its {}",
                            Quoted(PathOf(split), kMaxPathShown), out.size(), offset, count));
  }
  if (out.empty()) return;
  const std::byte* const from = files_[static_cast<std::size_t>(split)]->bytes().data() +
                                offset * SizeOf(manifest_.token_type());
  const std::uint32_t largest = manifest_.token_type() == TokenType::kUint16
                                    ? Widen<std::uint16_t>(from, out)
                                    : Widen<std::uint32_t>(from, out);
  if (largest >= vocab_size()) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: got token id {} in the {} tokens from {}, expected 0 to {}; does "
                            "the file belong to this data.json?",
                            Quoted(PathOf(split), kMaxPathShown), largest, out.size(), offset,
                            vocab_size() - 1));
  }
}

void TokenDataset::CheckHashes() const {
  for (const auto& [split, name] : kSplits.entries) {
    const std::span<const std::byte> bytes = files_[static_cast<std::size_t>(split)]->bytes();
    const std::string got = Sha1Hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (got == manifest_[split].sha1) continue;
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: got SHA-1 {}, expected {}; tokenize again or copy the file anew",
                            Quoted(PathOf(split), kMaxPathShown), got, manifest_[split].sha1));
  }
}

}  // namespace lts
