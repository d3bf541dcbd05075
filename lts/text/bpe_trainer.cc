#include "lts/text/bpe_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lts/base/error.h"
#include "lts/text/byte_level.h"
#include "lts/text/splitter.h"

namespace lts {
namespace {

constexpr std::int64_t kProgressInterval = 256;  // tokens

using Pair =
    std::uint64_t;  // left id in the upper half, right id in the lower: ordered as ties are
Pair MakePair(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}
std::int32_t Left(Pair pair) { return static_cast<std::int32_t>(pair >> 32); }
std::int32_t Right(Pair pair) { return static_cast<std::int32_t>(pair & 0xFFFFFFFF); }

struct PairHash {
  std::size_t operator()(Pair pair) const {
    const std::uint64_t hash = pair * 0x9E3779B97F4A7C15;
    return hash ^ hash >> 32;
  }
};
template <typename Value>
using PairMap = std::unordered_map<Pair, Value, PairHash>;

// A pair to merge, as it was when it was put on the heap: its count may have changed since.
struct Candidate {
  Pair pair = 0;
  std::int64_t count = 0;
  std::vector<std::uint32_t> words;  // that may hold it, ascending
};
// For a heap whose top is the most frequent pair, and of those the first.
bool ComesLater(const Candidate& a, const Candidate& b) {
  return a.count != b.count ? a.count < b.count : a.pair > b.pair;
}

class Training {
 public:
  Training(const WordCounts& words, const BpeTrainingOptions& options) : options_(options) {
    if (options.vocab_size < 257 || options.vocab_size > kMaxVocabularySize) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("vocabulary: got {} tokens, expected 257 (the bytes and end of text) "
                              "to {}",
                              options.vocab_size, kMaxVocabularySize));
    }
    if (options.min_frequency < 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("min_frequency: got {}, expected at least 1", options.min_frequency));
    }
    AddAlphabet();
    AddWords(words);
  }

  TokenizerData Run() {
    CountPairs();
    while (std::ssize(data_.tokens) < options_.vocab_size && !heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), ComesLater);
      Candidate top = std::move(heap_.back());
      heap_.pop_back();
      if (const std::int64_t count = counts_[top.pair]; top.count != count) {
        top.count = count;  // out of date: back to where it belongs now
        Push(std::move(top));
        continue;
      }
      if (top.count < options_.min_frequency) break;
      Apply(top);
    }
    return std::move(data_);
  }

 private:
  struct Word {
    std::size_t begin = 0;  // in symbols_
    std::uint32_t size = 0;
    std::int64_t count = 0;
  };

  void AddAlphabet() {
    data_.tokens.push_back({options_.end_of_text, true, false});
    data_.added.push_back({.content = options_.end_of_text, .id = 0, .special = true});
    data_.end_of_text = 0;
    data_.splits = {std::string(kGpt2Expression)};
    std::vector<std::pair<std::string, std::uint8_t>> alphabet;  // UTF-8 sorts as code points do
    for (int byte = 0; byte < 256; ++byte) {
      const std::string bytes(1, static_cast<char>(byte));
      alphabet.emplace_back(ToByteLevel(bytes), static_cast<std::uint8_t>(byte));
    }
    std::sort(alphabet.begin(), alphabet.end());
    for (const auto& [name, byte] : alphabet) {
      byte_ids_[byte] = static_cast<std::int32_t>(data_.tokens.size());
      data_.tokens.push_back({std::string(1, static_cast<char>(byte)), true, false});
    }
    for (std::size_t id = 0; id < data_.tokens.size(); ++id) {
      ids_.emplace(data_.tokens[id].bytes, static_cast<std::int32_t>(id));
    }
  }

  void AddWords(const WordCounts& words) {
    words_.reserve(words.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string_view bytes = words.word(i);
      words_.push_back({symbols_.size(), static_cast<std::uint32_t>(bytes.size()), words.count(i)});
      for (const char byte : bytes) {
        symbols_.push_back(byte_ids_[static_cast<std::uint8_t>(byte)]);
      }
    }
  }

  // Every pair of neighbours counts, those that overlap ("a a" in "aaa" is two) as well.
  void CountPairs() {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      const Word& word = words_[w];
      for (std::uint32_t i = 0; i + 1 < word.size; ++i) {
        const Pair pair = MakePair(symbols_[word.begin + i], symbols_[word.begin + i + 1]);
        counts_[pair] += word.count;
        Remember(pair, static_cast<std::uint32_t>(w));
      }
    }
    PushTouched();
  }

  void Remember(Pair pair, std::uint32_t word) {
    std::vector<std::uint32_t>& words = touched_[pair];
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  void Push(Candidate candidate) {
    heap_.push_back(std::move(candidate));
    std::push_heap(heap_.begin(), heap_.end(), ComesLater);
  }
  void PushTouched() {
    for (auto& [pair, words] : touched_) {
      if (const std::int64_t count = counts_[pair]; count > 0)
        Push({pair, count, std::move(words)});
    }
    touched_.clear();
  }

  void Apply(const Candidate& top) {
    const std::string bytes = data_.tokens[static_cast<std::size_t>(Left(top.pair))].bytes +
                              data_.tokens[static_cast<std::size_t>(Right(top.pair))].bytes;
    // Two pairs may have one result: "a bc" and "ab c".
    const auto [found, is_new] =
        ids_.emplace(bytes, static_cast<std::int32_t>(data_.tokens.size()));
    if (is_new) data_.tokens.push_back({bytes, true, false});
    data_.merges.push_back({Left(top.pair), Right(top.pair), found->second});
    for (const std::uint32_t word : top.words) MergeIn(word, top.pair, found->second);
    PushTouched();
    if (options_.progress && is_new && std::ssize(data_.tokens) % kProgressInterval == 0) {
      options_.progress(std::ssize(data_.tokens));
    }
  }

  // Puts `result` in the place of each `pair` of the word, from left to right, and counts the pairs
  // that it has then on either side in place of those before.
  void MergeIn(std::uint32_t index, Pair pair, std::int32_t result) {
    Word& word = words_[index];
    std::int32_t* const symbols = symbols_.data() + word.begin;
    const auto change = [&](std::int32_t left, std::int32_t right, std::int64_t count) {
      const Pair changed = MakePair(left, right);
      counts_[changed] += count;
      if (count > 0) Remember(changed, index);
    };
    std::uint32_t size = 0;  // of what is merged already, at the front
    for (std::uint32_t i = 0; i < word.size; ++i) {
      const bool here =
          i + 1 < word.size && symbols[i] == Left(pair) && symbols[i + 1] == Right(pair);
      if (!here) {
        symbols[size++] = symbols[i];
        continue;
      }
      if (size > 0) {
        change(symbols[size - 1], Left(pair), -word.count);
        change(symbols[size - 1], result, word.count);
      }
      if (i + 2 < word.size) {
        change(Right(pair), symbols[i + 2], -word.count);
        change(result, symbols[i + 2], word.count);
      }
      symbols[size++] = result;
      ++i;
    }
    word.size = size;
  }

  const BpeTrainingOptions& options_;
  TokenizerData data_;
  std::array<std::int32_t, 256> byte_ids_{};
  std::unordered_map<std::string, std::int32_t> ids_;  // by bytes
  std::vector<std::int32_t> symbols_;                  // of all words, one after another
  std::vector<Word> words_;
  // How often each pair occurs. A pair that was merged keeps the count that it had: it arises again
  // only where another merge has one of its tokens as result, and is then as frequent as it ever
  // was.
  PairMap<std::int64_t> counts_;
  PairMap<std::vector<std::uint32_t>> touched_;  // new since the last PushTouched(): words by pair
  std::vector<Candidate> heap_;
};

}  // namespace

TokenizerData TrainBpe(const WordCounts& words, const BpeTrainingOptions& options) {
  return Training(words, options).Run();
}

}  // namespace lts
