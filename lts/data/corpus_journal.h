// How far the making of a data set has come, in its folder: what a later call goes on from. Written
// after the tokens that it speaks of are on disk, removed when the data set is whole. Private to
// the module.
//
//   tokenize.json  {"made_from": {...}, "file": 3, "records": 1200, "duplicates": 0,
//                   "skipped_files": 1, "train": {"tokens": ..., "documents": ..., "text_bytes":
//                   ...}, "validation": {...}, "test": {...}}
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lts/base/json.h"
#include "lts/data/corpus_records.h"
#include "lts/data/token_writer.h"

namespace lts {

struct CorpusJournal {
  CorpusPlace place;
  std::int64_t duplicates = 0;
  std::int64_t skipped_files = 0;
  TokenWriter::State state{};
};

// The journal of `folder`, if there is one that was made from the same; else `reason` says why an
// unfinished data set is of no use, and stays empty where there is none.
std::optional<CorpusJournal> ReadJournal(const std::string& folder, const Json& made_from,
                                         std::string& reason);
void WriteJournal(const std::string& folder, const CorpusJournal& journal, const Json& made_from);
void RemoveJournal(const std::string& folder);

// The first member in which two such objects differ; "" for none.
std::string FirstDifference(const Json& a, const Json& b);

}  // namespace lts
