// Learning a byte-level BPE vocabulary from the words of a corpus. Sources: Gage 1994; Sennrich,
// Haddow & Birch 2016 (arXiv:1508.07909); on bytes, Radford et al. 2019.
//
// Each word begins as one token per byte. As long as there is room, the pair of neighbouring tokens
// that is most frequent over all words becomes a token, in every word at once:
//   low x 5, lower x 2:  "l o" 7 times -> lo;  "lo w" 7 -> low;  "e r" 2 -> er;  "low er" 2 ->
//   lower
//
// The result equals Hugging Face's BpeTrainer of tokenizers 0.22 token for token and merge for
// merge (tools/compare_bpe_training.py), of pairs as frequent as each other the one of the lower
// left id first, then of the lower right id. So it depends on the counts alone, not on the order of
// words.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lts/text/tokenizer_data.h"
#include "lts/text/word_counts.h"

namespace lts {

struct BpeTrainingOptions {
  std::int64_t vocab_size = 8192;  // end_of_text and the 256 bytes among them
  std::int64_t min_frequency = 2;  // a pair that comes less often becomes no token; at least 1
  std::string end_of_text = "<|endoftext|>";
  // Called now and then with the tokens so far; an exception from it ends the training.
  std::function<void(std::int64_t tokens)> progress = {};
};

// The end_of_text token has id 0, the bytes follow in the order of their byte-level names, then the
// results of merges; a vocabulary of fewer tokens where no pair is frequent enough. Text is split
// as GPT-2 does. Throws kInvalidArgument for a vocab_size outside [257, kMaxVocabularySize] and for
// a min_frequency below 1. Time: the sum over merges
// of the lengths of the words that they change, 0.7 s for 8,192 tokens of 210,000 distinct words
// (data_bench.cc). Memory grows with the bytes of the distinct words.
TokenizerData TrainBpe(const WordCounts& words, const BpeTrainingOptions& options = {});

}  // namespace lts
