// lts tokenize FILES... -o FOLDER: a data set to train on (lts/data/corpus.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lts/cli/app.h"
#include "lts/data/corpus.h"

namespace lts::cli {

struct TokenizeCorpusOptions {
  std::vector<std::string> inputs;
  std::string out;  // "": no corpus is meant
  std::string threads = "auto";
  CorpusOptions corpus;  // but inputs and folder
};

void AddTokenizeCorpusOptions(CLI::App& command, TokenizeCorpusOptions& options, Context& context);
void RunTokenizeCorpus(const TokenizeCorpusOptions& options, bool json, Context& context);

// ####.....] 34 s left | tokens: 12.3 M, 3.91 bytes each | 41 MB/s". `seconds`: since the phase
// began.
std::string CorpusProgressText(const CorpusProgress& progress, double seconds);

}  // namespace lts::cli
