// Byte-pair encoding of one piece of text. Sources: Sennrich, Haddow & Birch 2016
// (arXiv:1508.07909); on bytes, Radford et al. 2019 (GPT-2).
//
// A piece begins as one token per byte. As long as two neighbours are in the list of merges, the
// pair of lowest rank is replaced by its result; of equal ranks the leftmost goes first.
//   merges: 0 "l o", 1 "lo w", 2 "e r";  "lower" = l o w e r -> lo w e r -> low e r -> low er
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lts/text/tokenizer_data.h"

namespace lts {

class BytePairs {
 public:
  // `data` has passed CheckTokenizerData. Finds out which tokens their own bytes encode to: those
  // need no merging later.
  explicit BytePairs(const TokenizerData& data);

  // Appends the ids of `piece`: of one that is a token by one look-up, else by merging, O(n log n)
  // beyond 96 bytes and faster than that below. piece.size() < 2^32 - 1. Thread-safe.
  void Append(std::string_view piece, std::vector<std::int32_t>& ids) const;

 private:
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFF;

  // Open addressing, at most half full. A slot packs left id (20 bits), right id (20), rank (24).
  class PairTable {
   public:
    void Build(const std::vector<Merge>& merges);
    std::uint32_t Rank(std::int32_t left, std::int32_t right) const;

   private:
    std::vector<std::uint64_t> slots_;
    int shift_ = 64;
  };

  // From bytes to the id of the token that they are.
  class WordTable {
   public:
    struct Word {
      std::string_view bytes;
      std::int32_t id;
    };
    void Build(const std::vector<Word>& words);       // the bytes must live on elsewhere
    std::int32_t Find(std::string_view bytes) const;  // -1: none

   private:
    struct Slot {
      std::uint64_t key = 0;   // the bytes themselves up to 8, beyond that their hash
      std::uint32_t size = 0;  // 0: free
      std::int32_t id = -1;
    };
    static std::uint64_t Key(std::string_view bytes);
    std::size_t Home(std::uint64_t key, std::size_t size) const;

    std::vector<Slot> slots_;
    std::vector<std::string> long_words_;  // by id where longer than 8 bytes
    int shift_ = 64;
    std::size_t longest_ = 0;
  };

  void Merged(std::string_view piece, std::vector<std::int32_t>& ids) const;
  void MergedShort(std::string_view piece, std::vector<std::int32_t>& ids) const;
  void MergedLong(std::string_view piece, std::vector<std::int32_t>& ids) const;

  std::vector<std::int32_t> byte_ids_;     // [256]
  std::vector<std::uint32_t> byte_ranks_;  // [256, 256]: of two single bytes
  std::vector<std::int32_t> results_;      // by rank
  PairTable pairs_;
  WordTable words_;
};

}  // namespace lts
