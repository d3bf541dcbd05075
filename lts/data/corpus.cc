#include "lts/data/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/hash.h"
#include "lts/base/json.h"
#include "lts/base/sha1.h"
#include "lts/base/suggest.h"
#include "lts/data/corpus_journal.h"
#include "lts/data/corpus_records.h"
#include "lts/data/ordered_pipeline.h"
#include "lts/data/token_dataset.h"
#include "lts/data/token_writer.h"
#include "lts/text/bpe_trainer.h"
#include "lts/text/tokenizer_file.h"
#include "lts/text/tokenizer_writer.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, problem);
}

void CheckOptions(const CorpusOptions& options) {
  if (options.inputs.empty()) Refuse("no input: expected files or folders");
  if (options.tokenizer.empty() == (options.train_vocab == 0)) {
    Refuse("expected either a tokenizer or the size of a vocabulary to train");
  }
  if (!(options.validation >= 0 && options.test >= 0 && options.validation + options.test < 1)) {
    Refuse(
        fmt::format("splits: got {} of the documents for validation and {} for test, expected "
                    "shares of at least 0 and together below 1",
                    options.validation, options.test));
  }
  if (options.document_bytes < 0) {
    Refuse(fmt::format("document_bytes: got {}, expected at least 0", options.document_bytes));
  }
}

// The text of a line of JSON.
std::string FieldOf(const Record& record, const std::string& path, const std::string& field) {
  const std::string where = fmt::format("{}: line {}", Quoted(path, 400), record.number);
  Json json = ParseJson(record.bytes, where);
  if (!json.is_object()) {
    Refuse(fmt::format("{}: got {}, expected an object", where, json.type_name()));
  }
  for (auto& [key, value] : json.AsObject()) {
    if (key != field) continue;
    if (value.is_string()) return value.AsString();
    Refuse(fmt::format("{}: field '{}': got {}, expected a string", where, Quoted(field),
                       value.type_name()));
  }
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.AsObject()) keys.push_back(key);
  Refuse(where + ": " + UnknownName("field", field, keys));
}

struct Document {
  Split split = Split::kTrain;
  std::uint64_t hash = 0;
  std::size_t end = 0;  // of its tokens in the batch's
  std::int64_t text_bytes = 0;
};

struct Batch {
  RecordBatch records;
  std::vector<Document> documents;
  std::vector<std::int32_t> ids;  // of all documents
  WordCounts words;
  std::int64_t text_bytes = 0;
  bool done_before = false;
};

class Making {
 public:
  Making(const CorpusOptions& options, ThreadPool& pool)
      : options_(options), pool_(pool), files_(ListInputs(options.inputs)) {
    CheckOptions(options);
    for (const InputFile& file : files_) total_bytes_ += file.bytes;
    made_from_ = MadeFrom();
  }

  CorpusResult Run() {
    if (WasThere()) return std::move(result_);
    EnsureWritableFolder(options_.folder);
    std::optional<CorpusJournal> journal =
        ReadJournal(options_.folder, made_from_, result_.restart);
    if (!result_.restart.empty()) result_.restart = "begins anew: " + result_.restart;
    const Tokenizer tokenizer = MakeTokenizer(journal);
    if (!tokenizer.end_of_text()) {
      Refuse(
          fmt::format("{}: has no end-of-text token (eos_token in tokenizer_config.json), which "
                      "documents are kept apart by",
                      Quoted(options_.tokenizer, 400)));
    }
    const std::unique_ptr<TokenWriter> writer = MakeWriter(tokenizer, journal);
    WriteTokens(tokenizer, *writer);
    result_.manifest = writer->Finish(made_from_);
    RemoveJournal(options_.folder);
    result_.duplicates = journal_.duplicates;
    result_.skipped_files = journal_.skipped_files;
    return std::move(result_);
  }

 private:
  // All that decides what the data set holds.
  Json MadeFrom() const {
    std::string listing;
    for (const InputFile& file : files_) {
      listing += fmt::format("{}\t{}\t{}\n", file.path, file.bytes, file.modified_ns);
    }
    Json json = Json::MakeObject();
    json["files"] = std::ssize(files_);
    json["bytes"] = total_bytes_;
    json["files_sha1"] = Sha1Hex(listing);  // of their paths, sizes and times
    json["field"] = options_.field;
    json["separator"] = options_.separator;
    json["document_bytes"] = options_.document_bytes;
    json["validation"] = options_.validation;
    json["test"] = options_.test;
    json["dedupe"] = options_.dedupe;
    if (options_.train_vocab > 0) {
      json["train_vocab"] = options_.train_vocab;
    } else {
      std::string contents;
      for (const auto& [name, path] : TokenizerFiles()) {
        contents += name + "\n" + ReadFile(path) + "\n";
      }
      json["tokenizer_sha1"] = Sha1Hex(contents);
    }
    return json;
  }

  // (name, path) of the files of options_.tokenizer.
  std::vector<std::pair<std::string, std::string>> TokenizerFiles() const {
    const fs::path given = options_.tokenizer;
    std::error_code ignored;
    const bool is_folder = fs::is_directory(given, ignored);
    const bool is_json_alone = !is_folder && given.filename() != "vocab.json";
    if (is_json_alone) return {{"tokenizer.json", given.string()}};
    std::vector<std::pair<std::string, std::string>> files;
    for (const std::string_view name : kTokenizerFiles) {
      if (!is_folder && name != "vocab.json" && name != "merges.txt") continue;
      const fs::path path = (is_folder ? given : given.parent_path()) / name;
      if (fs::is_regular_file(path, ignored)) files.emplace_back(name, path.string());
    }
    return files;
  }

  bool WasThere() {
    const std::string path = options_.folder + "/" + std::string(kManifestFile);
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return false;
    std::string difference;
    try {
      const TokenDataset data = TokenDataset::Open(options_.folder);
      difference = FirstDifference(made_from_, data.manifest().made_from);
      if (difference.empty()) {
        data.CheckHashes();
        result_.manifest = data.manifest();
        result_.was_there = true;
        return true;
      }
      difference = "another '" + difference + "'";
    } catch (const Error& error) {
      difference = fmt::format("errors ({})", error.what());
    }
    if (options_.overwrite) return false;
    Refuse(
        fmt::format("{}: a data set with {} is there already; choose another folder or replace "
                    "it (--overwrite)",
                    Quoted(path, 400), difference));
  }

  Tokenizer MakeTokenizer(const std::optional<CorpusJournal>& journal) {
    const bool trains = options_.train_vocab > 0;
    if (trains && journal) return ReadTokenizer(options_.folder);  // trained by the earlier call
    std::optional<Tokenizer> given;
    if (!trains) given = ReadTokenizer(options_.tokenizer);
    std::optional<TokenizerData> trained;
    if (trains) trained = TrainVocabulary();
    // From here on files of a data set that was here before are replaced.
    const fs::path folder = options_.folder;
    std::error_code ignored;
    fs::remove(folder / kManifestFile, ignored);
    if (trained) {
      RemoveTokenizerFiles({});
      WriteTokenizer(*trained, options_.folder);
      return Tokenizer(*trained);
    }
    std::vector<std::string> names;
    for (const auto& [name, path] : TokenizerFiles()) {
      names.push_back(name);
      const fs::path copy = folder / name;
      if (!fs::equivalent(path, copy, ignored)) WriteFileAtomic(copy.string(), ReadFile(path));
    }
    RemoveTokenizerFiles(names);
    return *std::move(given);
  }

  void RemoveTokenizerFiles(const std::vector<std::string>& but) const {
    std::error_code ignored;
    for (const std::string_view name : kTokenizerFiles) {
      if (std::find(but.begin(), but.end(), name) != but.end()) continue;
      fs::remove(fs::path(options_.folder) / name, ignored);
    }
  }

  std::unique_ptr<TokenWriter> MakeWriter(const Tokenizer& tokenizer,
                                          const std::optional<CorpusJournal>& journal) {
    const auto make = [&](const TokenWriter::State& state) {
      return std::make_unique<TokenWriter>(options_.folder, tokenizer.vocab_size(),
                                           *tokenizer.end_of_text(), state);
    };
    if (journal && journal->place != CorpusPlace{}) {
      try {
        auto writer = make(journal->state);
        journal_ = *journal;
        result_.restart =
            fmt::format("goes on after {} of {} files", journal_.place.file, std::ssize(files_));
        return writer;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kCorrupt) throw;
        result_.restart = fmt::format("begins anew: {}", error.what());
      }
    }
    auto writer = make({});
    WriteJournal(options_.folder, journal_, made_from_);  // the vocabulary is done, if nothing else
    return writer;
  }

  TokenizerData TrainVocabulary() {
    for (const InputFile& file : files_) {
      if (file.kind == FileKind::kTokens) {
        Refuse(
            fmt::format("{}: holds token ids, expected text to train a vocabulary with; give "
                        "the tokenizer that they were made with",
                        Quoted(file.path, 400)));
      }
    }
    CorpusProgress progress{.phase = "words", .total_bytes = total_bytes_};
    WordCounts words;
    CorpusRecords records(files_, Options(0), {});
    RunInOrder<Batch>(
        pool_, [&](Batch& batch) { return records.Next(batch.records); },
        [&](Batch& batch) {
          for (const Record& record : batch.records.records) {
            const std::string text = TextOf(record, batch);
            batch.text_bytes += std::ssize(text);
            const Split split = SplitOf(Hash64(text), options_.validation, options_.test);
            if (split == Split::kTrain) batch.words.AddText(text);
          }
        },
        [&](Batch& batch) {
          StopIfAsked();
          words.Add(batch.words);
          for (std::int64_t rare = 2; words.size() > kMaxDistinctWords; ++rare) {
            words.DropRarerThan(rare);
          }
          progress.stored_bytes = batch.records.stored_bytes;
          progress.text_bytes += batch.text_bytes;
          Report(progress);
        });
    progress.phase = "vocabulary";
    return TrainBpe(words, {.vocab_size = options_.train_vocab, .progress = [&](std::int64_t n) {
                              StopIfAsked();
                              progress.tokens = n;
                              Report(progress);
                            }});
  }

  void WriteTokens(const Tokenizer& tokenizer, TokenWriter& writer) {
    // With dedupe what was done is read once more, for the hashes of its documents.
    const CorpusPlace saved = journal_.place;
    const std::int64_t skipped_before = options_.dedupe ? 0 : journal_.skipped_files;
    CorpusRecords records(files_, Options(*tokenizer.end_of_text()),
                          options_.dedupe ? CorpusPlace{} : saved);
    CorpusProgress progress{.phase = "tokens", .total_bytes = total_bytes_};
    for (const TokenCounts& counts : writer.state()) {
      progress.text_bytes += counts.text_bytes;
      progress.tokens += counts.tokens;
    }
    bool begun = saved == CorpusPlace{};
    std::unordered_set<std::uint64_t> seen;
    std::int64_t unsaved = 0;
    const auto save = [&] {
      journal_.state = writer.Save();
      WriteJournal(options_.folder, journal_, made_from_);
      unsaved = 0;
    };
    const auto consume = [&](Batch& batch) {
      std::size_t begin = 0;
      for (const Document& document : batch.documents) {
        const std::span ids = std::span(batch.ids).subspan(begin, document.end - begin);
        begin = document.end;
        const bool is_new = !options_.dedupe || seen.insert(document.hash).second;
        if (batch.done_before) continue;
        if (!is_new) {
          ++journal_.duplicates;
          continue;
        }
        writer.Append(document.split, ids, document.text_bytes);
        progress.text_bytes += document.text_bytes;
        progress.tokens += std::ssize(ids) + 1;
        unsaved += document.text_bytes;
      }
      progress.stored_bytes = batch.records.stored_bytes;
      if (!batch.done_before) {
        if (!std::exchange(begun, true)) progress.begun_at = progress.stored_bytes;
        journal_.place = batch.records.end;
        journal_.skipped_files = skipped_before + batch.records.skipped_files;
      }
      if (unsaved >= options_.save_bytes) save();
      Report(progress);
      StopIfAsked();
    };
    try {
      RunInOrder<Batch>(
          pool_,
          [&](Batch& batch) {
            if (!records.Next(batch.records)) return false;
            batch.done_before = batch.records.end <= saved;
            return true;
          },
          [&](Batch& batch) { Encode(tokenizer, batch); }, consume);
    } catch (...) {
      try {
        save();
      } catch (const Error&) {  // what stopped the work may keep this from being saved as well
      }
      throw;
    }
    journal_.skipped_files = skipped_before + records.skipped_files();
  }

  void Encode(const Tokenizer& tokenizer, Batch& batch) const {
    for (Record& record : batch.records.records) {
      Document document;
      if (record.kind == FileKind::kTokens) {
        document.hash = Hash64({reinterpret_cast<const char*>(record.ids.data()),
                                record.ids.size() * sizeof(record.ids[0])});
        document.text_bytes = BytesOf(tokenizer, record, batch);
        batch.ids.insert(batch.ids.end(), record.ids.begin(), record.ids.end());
      } else {
        const std::string text = TextOf(record, batch);
        if (text.empty()) continue;
        document.hash = Hash64(text);
        document.text_bytes = std::ssize(text);
        if (!batch.done_before) {
          // What a text of the corpus spells is text: "<|endoftext|>" in it ends nothing.
          const std::vector<std::int32_t> ids =
              tokenizer.Encode(text, {.add_special_tokens = false, .parse_special_tokens = false});
          batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
        }
      }
      document.split = SplitOf(document.hash, options_.validation, options_.test);
      document.end = batch.ids.size();
      batch.documents.push_back(document);
      record = {};  // its memory is needed for others
    }
  }

  std::int64_t BytesOf(const Tokenizer& tokenizer, const Record& record, const Batch& batch) const {
    std::int64_t bytes = 0;
    for (const std::int32_t id : record.ids) {
      if (id >= tokenizer.vocab_size()) {
        Refuse(fmt::format("{}: got token id {}, expected 0 to {}; is it of this tokenizer?",
                           Quoted(PathOf(batch), 400), id, tokenizer.vocab_size() - 1));
      }
      bytes += std::ssize(tokenizer.TokenBytes(id));
    }
    return bytes;
  }

  std::string TextOf(const Record& record, const Batch& batch) const {
    return record.kind == FileKind::kJsonLines ? FieldOf(record, PathOf(batch), options_.field)
                                               : record.bytes;
  }
  const std::string& PathOf(const Batch& batch) const {
    return files_[static_cast<std::size_t>(batch.records.file)].path;
  }
  RecordOptions Options(std::int32_t end_of_text) const {
    return {options_.separator, options_.document_bytes, end_of_text};
  }
  void Report(const CorpusProgress& progress) const {
    if (options_.progress) options_.progress(progress);
  }
  void StopIfAsked() const {
    if (!options_.stop || !options_.stop()) return;
    throw Error(ErrorCode::kCancelled, "stopped; the same command goes on from here");
  }

  const CorpusOptions& options_;
  ThreadPool& pool_;
  std::vector<InputFile> files_;
  std::int64_t total_bytes_ = 0;
  Json made_from_;
  CorpusJournal journal_;
  CorpusResult result_;
};

}  // namespace

Split SplitOf(std::uint64_t document_hash, double validation, double test) {
  const double uniform = static_cast<double>(document_hash >> 11) * 0x1p-53;  // [0, 1)
  if (uniform < validation) return Split::kValidation;
  return uniform < validation + test ? Split::kTest : Split::kTrain;
}

CorpusResult TokenizeCorpus(const CorpusOptions& options, ThreadPool& pool) {
  return Making(options, pool).Run();
}

}  // namespace lts
