#include "lts/text/word_counts.h"

#include <utility>

#include "lts/base/error.h"
#include "lts/base/hash.h"
#include "lts/text/splitter.h"

namespace lts {

// The slot of `word`, or the free one where it belongs. There is always a free one.
std::size_t WordCounts::Slot(std::string_view word, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return slot;
    const Word& known = words_[slots_[slot] - 1];
    if (known.hash == hash >> 32 &&
        std::string_view(bytes_).substr(known.begin, known.size) == word) {
      return slot;
    }
  }
}

void WordCounts::Grow() {
  constexpr std::size_t kFirstSlots = 1024;
  slots_.assign(slots_.empty() ? kFirstSlots : 2 * slots_.size(), 0);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    slots_[Slot(word(i), Hash64(word(i)))] = static_cast<std::uint32_t>(i + 1);
  }
}

void WordCounts::AddHashed(std::string_view word, std::uint64_t hash, std::int64_t count) {
  if (2 * (words_.size() + 1) > slots_.size()) Grow();
  const std::size_t slot = Slot(word, hash);
  if (slots_[slot] != 0) {
    words_[slots_[slot] - 1].count += count;
    return;
  }
  LTS_CHECK(words_.size() < 0xFFFFFFFE);
  words_.push_back({bytes_.size(), static_cast<std::uint32_t>(word.size()),
                    static_cast<std::uint32_t>(hash >> 32), count});
  bytes_ += word;
  slots_[slot] = static_cast<std::uint32_t>(words_.size());
}

void WordCounts::Add(std::string_view word, std::int64_t count) {
  LTS_CHECK(!word.empty() && word.size() <= kMaxWordBytes);
  AddHashed(word, Hash64(word), count);
}

void WordCounts::AddText(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = PieceEnd(SplitRule::kGpt2, text, at);
    const std::string_view word = text.substr(at, end - at);
    if (word.size() <= kMaxWordBytes) AddHashed(word, Hash64(word), 1);
    at = end;
  }
}

void WordCounts::Add(const WordCounts& other) {
  for (std::size_t i = 0; i < other.size(); ++i) Add(other.word(i), other.count(i));
}

std::int64_t WordCounts::total() const {
  std::int64_t total = 0;
  for (const Word& word : words_) total += word.count;
  return total;
}

std::int64_t WordCounts::Count(std::string_view word) const {
  if (slots_.empty()) return 0;
  const std::uint32_t index = slots_[Slot(word, Hash64(word))];
  return index == 0 ? 0 : words_[index - 1].count;
}

void WordCounts::DropRarerThan(std::int64_t count) {
  WordCounts kept;
  for (std::size_t i = 0; i < size(); ++i) {
    if (words_[i].count >= count) kept.Add(word(i), words_[i].count);
  }
  *this = std::move(kept);
}

}  // namespace lts
