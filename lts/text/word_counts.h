// How often each word of a corpus occurs: all that training a vocabulary (bpe_trainer.h) needs to
// know of it. A word is a piece of GPT-2's splitter (splitter.h), with the space before it.
//
// Threads count in tables of their own, which Add() joins; the counts do not depend on how texts
// were shared out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

class WordCounts {
 public:
  // Words of more bytes are left out: a run of a megabyte of one letter is no word, and no token
  // would be learnt from it.
  static constexpr std::size_t kMaxWordBytes = 1024;

  // Counts the words of a whole text (a piece of it would have other words at its ends). About
  // 55 MB/s of English (data_bench.cc).
  void AddText(std::string_view text);
  void Add(const WordCounts& other);
  void Add(std::string_view word, std::int64_t count);  // 1 to kMaxWordBytes bytes

  std::size_t size() const { return words_.size(); }  // distinct words
  std::string_view word(std::size_t i) const {        // in the order in which they first came
    return std::string_view(bytes_).substr(words_[i].begin, words_[i].size);
  }
  std::int64_t count(std::size_t i) const { return words_[i].count; }
  std::int64_t total() const;                       // of all words
  std::int64_t Count(std::string_view word) const;  // 0 where it never came

  // Forgets the words that came less often than `count`: what bounds memory where a corpus has more
  // distinct words than can matter. O(size).
  void DropRarerThan(std::int64_t count);

 private:
  struct Word {
    std::uint64_t begin = 0;  // in bytes_
    std::uint32_t size = 0;
    std::uint32_t hash = 0;  // its upper half: most other words differ in it
    std::int64_t count = 0;
  };
  std::size_t Slot(std::string_view word, std::uint64_t hash) const;
  void Grow();
  void AddHashed(std::string_view word, std::uint64_t hash, std::int64_t count);

  std::string bytes_;  // of all words, one after another
  std::vector<Word> words_;
  std::vector<std::uint32_t> slots_;  // open addressing, at most half full: 1 + index; 0: free
};

}  // namespace lts
