#include "lts/text/byte_pairs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <queue>

#include "lts/base/error.h"

namespace lts {
namespace {

constexpr std::uint64_t kGolden =
    0x9E3779B97F4A7C15;  // 2^64 / golden ratio: multiplicative hashing

// Up to this many bytes the pair of lowest rank is found by looking at all: faster than a heap
// while the ranks fit into a few vector registers' loads.
constexpr std::size_t kShortPiece = 96;

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// The shift that leaves the index of a table of at least 2 * count slots, a power of two.
int ShiftFor(std::size_t count) {
  return 64 - static_cast<int>(std::bit_width(2 * std::max<std::size_t>(count, 2) - 1));
}
std::size_t SlotsOf(int shift) { return std::size_t{1} << (64 - shift); }

}  // namespace

void BytePairs::PairTable::Build(const std::vector<Merge>& merges) {
  shift_ = ShiftFor(merges.size());
  slots_.assign(SlotsOf(shift_), ~std::uint64_t{0});
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::uint64_t pair = static_cast<std::uint64_t>(merges[rank].left) << 20 |
                               static_cast<std::uint64_t>(merges[rank].right);
    std::size_t at = (pair * kGolden) >> shift_;
    while (slots_[at] != ~std::uint64_t{0} && slots_[at] >> 24 != pair) at = (at + 1) & mask;
    slots_[at] = pair << 24 | rank;  // a pair that comes twice keeps its last rank
  }
}

inline std::uint32_t BytePairs::PairTable::Rank(std::int32_t left, std::int32_t right) const {
  const std::uint64_t pair =
      static_cast<std::uint64_t>(left) << 20 | static_cast<std::uint64_t>(right);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = (pair * kGolden) >> shift_;; at = (at + 1) & mask) {
    const std::uint64_t slot = slots_[at];
    if (slot >> 24 == pair) return static_cast<std::uint32_t>(slot & 0xFFFFFF);
    if (slot == ~std::uint64_t{0}) return kNoRank;
  }
}

inline std::uint64_t BytePairs::WordTable::Key(std::string_view bytes) {
  const char* const data = bytes.data();
  const std::size_t size = bytes.size();
  if (size > 8) {
    std::uint64_t hash = size;
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      hash = std::rotl((hash ^ Load<std::uint64_t>(data + at)) * kGolden, 29);
    }
    return (hash ^ Load<std::uint64_t>(data + size - 8)) * kGolden;
  }
  // Loads that overlap: with the size, these bits are the bytes.
  if (size >= 4) {
    return Load<std::uint32_t>(data) |
           static_cast<std::uint64_t>(Load<std::uint32_t>(data + size - 4)) << 32;
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<std::uint8_t>(data[i]));
  };
  return byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
}

inline std::size_t BytePairs::WordTable::Home(std::uint64_t key, std::size_t size) const {
  const std::uint64_t mixed = (key + size) * kGolden;
  return static_cast<std::size_t>((mixed ^ mixed >> 32) * kGolden >> shift_);
}

void BytePairs::WordTable::Build(const std::vector<Word>& words) {
  shift_ = ShiftFor(words.size());
  slots_.assign(SlotsOf(shift_), {});
  const std::size_t mask = slots_.size() - 1;
  std::int32_t last_id = -1;
  for (const Word& word : words) {
    longest_ = std::max(longest_, word.bytes.size());
    if (word.bytes.size() > 8) last_id = std::max(last_id, word.id);
  }
  long_words_.assign(static_cast<std::size_t>(last_id + 1), {});
  for (const Word& word : words) {
    const std::uint64_t key = Key(word.bytes);
    std::size_t at = Home(key, word.bytes.size());
    while (slots_[at].size != 0) at = (at + 1) & mask;
    slots_[at] = {key, static_cast<std::uint32_t>(word.bytes.size()), word.id};
    if (word.bytes.size() > 8) long_words_[static_cast<std::size_t>(word.id)] = word.bytes;
  }
}

inline std::int32_t BytePairs::WordTable::Find(std::string_view bytes) const {
  if (bytes.size() > longest_ || bytes.empty()) return -1;
  const std::uint64_t key = Key(bytes);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = Home(key, bytes.size());; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.size == 0) return -1;
    if (slot.key != key || slot.size != bytes.size()) continue;
    if (bytes.size() <= 8 || long_words_[static_cast<std::size_t>(slot.id)] == bytes)
      return slot.id;
  }
}

BytePairs::BytePairs(const TokenizerData& data) : byte_ids_(256, -1), byte_ranks_(256 * 256) {
  for (std::size_t id = 0; id < data.tokens.size(); ++id) {
    const VocabularyToken& token = data.tokens[id];
    if (!token.exists || token.raw || token.bytes.size() != 1) continue;
    byte_ids_[static_cast<std::uint8_t>(token.bytes[0])] = static_cast<std::int32_t>(id);
  }
  pairs_.Build(data.merges);
  results_.reserve(data.merges.size());
  for (const Merge& merge : data.merges) results_.push_back(merge.result);
  for (std::size_t left = 0; left < 256; ++left) {
    for (std::size_t right = 0; right < 256; ++right) {
      byte_ranks_[left << 8 | right] = pairs_.Rank(byte_ids_[left], byte_ids_[right]);
    }
  }
  std::vector<WordTable::Word> words;
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < data.tokens.size(); ++i) {
    const VocabularyToken& token = data.tokens[i];
    if (!token.exists || token.raw || token.bytes.empty()) continue;
    const auto id = static_cast<std::int32_t>(i);
    ids.clear();
    if (!data.ignore_merges) Merged(token.bytes, ids);
    if (data.ignore_merges || (ids.size() == 1 && ids[0] == id)) words.push_back({token.bytes, id});
  }
  words_.Build(words);
}

void BytePairs::Append(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (const std::int32_t id = words_.Find(piece); id >= 0) {
    ids.push_back(id);
  } else {
    Merged(piece, ids);
  }
}

void BytePairs::Merged(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (piece.size() <= kShortPiece) {
    MergedShort(piece, ids);
  } else {
    MergedLong(piece, ids);
  }
}

void BytePairs::MergedShort(std::string_view piece, std::vector<std::int32_t>& ids) const {
  // ranks[i] is that of the pair (tokens[i], tokens[i + 1]); the last one stays kNoRank.
  std::array<std::int32_t, kShortPiece> tokens;
  std::array<std::uint32_t, kShortPiece> ranks;
  std::size_t count = piece.size();
  if (count == 0) return;
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = byte_ids_[static_cast<std::uint8_t>(piece[i])];
  }
  for (std::size_t i = 0; i + 1 < count; ++i) {
    ranks[i] = byte_ranks_[static_cast<std::size_t>(static_cast<std::uint8_t>(piece[i])) << 8 |
                           static_cast<std::uint8_t>(piece[i + 1])];
  }
  ranks[count - 1] = kNoRank;
  for (;;) {
    std::uint32_t lowest = kNoRank;
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (ranks[i] < lowest) {
        lowest = ranks[i];
        at = i;
      }
    }
    if (lowest == kNoRank) break;
    tokens[at] = results_[lowest];
    --count;
    const std::size_t moved = count - at - 1;
    std::memmove(&tokens[at + 1], &tokens[at + 2], moved * sizeof tokens[0]);
    std::memmove(&ranks[at], &ranks[at + 1], (moved + 1) * sizeof ranks[0]);
    if (at + 1 < count) ranks[at] = pairs_.Rank(tokens[at], tokens[at + 1]);
    if (at > 0) ranks[at - 1] = pairs_.Rank(tokens[at - 1], tokens[at]);
  }
  ids.insert(ids.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
}

void BytePairs::MergedLong(std::string_view piece, std::vector<std::int32_t>& ids) const {
  // A list of tokens linked by their places, and a heap of candidate pairs. An entry whose pair has
  // changed since is recognised by its rank and dropped: a place's token only ever grows.
  struct Node {
    std::int32_t token;
    std::uint32_t previous;
    std::uint32_t next;
    std::uint32_t rank;  // of the pair with `next`
  };
  constexpr std::uint32_t kNone = 0xFFFFFFFF;
  LTS_CHECK(piece.size() < kNone);
  const auto count = static_cast<std::uint32_t>(piece.size());
  std::vector<Node> nodes(count);
  std::vector<std::uint64_t> first;  // rank << 32 | place: the order in which pairs are merged
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto byte = static_cast<std::uint8_t>(piece[i]);
    const bool last = i + 1 == count;
    const std::uint32_t rank = last ? kNoRank
                                    : byte_ranks_[static_cast<std::size_t>(byte) << 8 |
                                                  static_cast<std::uint8_t>(piece[i + 1])];
    nodes[i] = {byte_ids_[byte], i == 0 ? kNone : i - 1, last ? kNone : i + 1, rank};
    if (rank != kNoRank) first.push_back(static_cast<std::uint64_t>(rank) << 32 | i);
  }
  std::priority_queue heap(std::greater<>(), std::move(first));
  const auto update = [&](std::uint32_t at) {
    Node& node = nodes[at];
    node.rank = node.next == kNone ? kNoRank : pairs_.Rank(node.token, nodes[node.next].token);
    if (node.rank != kNoRank) heap.push(static_cast<std::uint64_t>(node.rank) << 32 | at);
  };
  while (!heap.empty()) {
    const auto rank = static_cast<std::uint32_t>(heap.top() >> 32);
    const auto at = static_cast<std::uint32_t>(heap.top());
    heap.pop();
    Node& node = nodes[at];
    if (node.rank != rank) continue;
    Node& gone = nodes[node.next];
    node.token = results_[rank];
    node.next = gone.next;
    gone.rank = kNoRank;
    if (node.next != kNone) nodes[node.next].previous = at;
    update(at);
    if (node.previous != kNone) update(node.previous);
  }
  for (std::uint32_t at = 0; at != kNone; at = nodes[at].next) ids.push_back(nodes[at].token);
}

}  // namespace lts
