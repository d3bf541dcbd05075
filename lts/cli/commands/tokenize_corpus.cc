#include "lts/cli/commands/tokenize_corpus.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/json.h"
#include "lts/base/thread_pool.h"
#include "lts/cli/options.h"
#include "lts/cli/progress.h"

namespace lts::cli {
namespace {

constexpr double kNsPerSecond = 1e9;

double Ratio(std::int64_t a, std::int64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

void PrintSummary(const CorpusResult& result, const std::string& folder, Context& context) {
  const DatasetManifest& manifest = result.manifest;
  context.out << fmt::format("{}: {} token ids of {}{}\n", folder, manifest.vocab_size,
                             kTokenTypes.Name(manifest.token_type()),
                             result.was_there ? "; whole already, hashes checked" : "");
  context.out << fmt::format("{:<11}{:>15}{:>12}{:>17}{:>13}\n", "", "tokens", "documents",
                             "bytes of text", "bytes/token");
  for (const auto& [split, name] : kSplits.entries) {
    const SplitInfo& info = manifest[split];
    context.out << fmt::format("{:<11}{:>15}{:>12}{:>17}{:>13.3f}\n", name, info.tokens,
                               info.documents, info.text_bytes,
                               Ratio(info.text_bytes, info.tokens));
  }
}

void PrintHints(const CorpusResult& result, const CorpusOptions& options, Context& context) {
  if (result.duplicates > 0) {
    context.err << "left out " << result.duplicates << " documents that came before\n";
  }
  if (result.skipped_files > 0) {
    context.err << "left out " << result.skipped_files << " files that are no text\n";
  }
  if (options.train_vocab > result.manifest.vocab_size) {
    context.err << "vocabulary: " << result.manifest.vocab_size << " tokens, not "
                << options.train_vocab << ": no other pair came twice in this text\n";
  }
  const auto warn_empty = [&](Split split, double share) {
    if (share <= 0 || result.manifest[split].tokens > 0) return;
    context.err << "no document fell to " << kSplits.Name(split)
                << ": more text, a larger share (--" << kSplits.Name(split)
                << ") or a smaller --document-bytes gives it some\n";
  };
  warn_empty(Split::kValidation, options.validation);
  warn_empty(Split::kTest, options.test);
}

}  // namespace

std::string CorpusProgressText(const CorpusProgress& progress, double seconds) {
  constexpr int kBarWidth = 20;
  const std::int64_t done = progress.stored_bytes - progress.begun_at;
  const double share = std::clamp(Ratio(progress.stored_bytes, progress.total_bytes), 0.0, 1.0);
  const int filled = static_cast<int>(share * kBarWidth);
  std::string text = fmt::format("[{:#<{}}{:.<{}}]", "", filled, "", kBarWidth - filled);
  if (progress.phase == "vocabulary") {
    return text + fmt::format(" vocabulary: {} tokens", progress.tokens);
  }
  if (done > 0) {
    const auto left = static_cast<double>(progress.total_bytes - progress.stored_bytes);
    text += fmt::format(" {} left |", HumanSeconds(seconds * left / static_cast<double>(done)));
  }
  if (progress.phase == "words") return text + " counting words for the vocabulary";
  return text + fmt::format(" tokens: {}, {:.2f} bytes each",
                            HumanCount(static_cast<double>(progress.tokens)),
                            Ratio(progress.text_bytes, progress.tokens));
}

void AddTokenizeCorpusOptions(CLI::App& command, TokenizeCorpusOptions& options, Context& context) {
  CorpusOptions& corpus = options.corpus;
  constexpr const char* kGroup = "Files to a data set";
  command
      .add_option("-o,--out", options.out,
                  "Folder of the data set: texts, JSON lines (.jsonl) and token arrays (.npy), "
                  "plain, .gz or .zst, are split into documents and written as token ids")
      ->group(kGroup);
  command
      .add_option("--tokenizer", corpus.tokenizer,
                  "The tokenizer: a model's folder or a tokenizer's file")
      ->group(kGroup);
  command
      .add_option("--train-vocab", corpus.train_vocab,
                  "Or train one of so many tokens (257 to 1048576) on the train split")
      ->group(kGroup);
  command.add_option("--field", corpus.field, "The field of JSON lines that holds the text")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--separator", corpus.separator,
                  "What stands between the documents of a text file, such as '<|endoftext|>'")
      ->group(kGroup);
  command
      .add_option("--document-bytes", corpus.document_bytes,
                  "Without a separator: longer texts are cut at blank lines into documents of one "
                  "to two times this; 0: a file is a document")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--validation", corpus.validation, "Share of the documents for validation")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--test", corpus.test, "Share of the documents for testing")
      ->capture_default_str()
      ->group(kGroup);
  command.add_flag("--dedupe", corpus.dedupe, "Leave out documents that came before")
      ->group(kGroup);
  command
      .add_flag("--overwrite", corpus.overwrite,
                "Replace a data set of other files or options in the folder")
      ->group(kGroup);
  command.add_option("--threads", options.threads, "auto: one per usable core")
      ->capture_default_str()
      ->group(kGroup);
  AddQuietOption(command, context);
}

void RunTokenizeCorpus(const TokenizeCorpusOptions& options, bool json, Context& context) {
  CorpusOptions corpus = options.corpus;
  corpus.inputs = options.inputs;
  corpus.folder = options.out;
  if (corpus.tokenizer.empty() == (corpus.train_vocab == 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "-o: expected either --tokenizer FOLDER or --train-vocab TOKENS");
  }
  InstallSignalHandlers();
  corpus.stop = [] { return g_interrupted != 0; };
  SystemClock clock;
  ProgressLine line(context.terminal, context.quiet, context.err, clock);
  std::string_view phase;
  std::int64_t phase_began_ns = 0;
  // A log wants the summary alone.
  if (context.terminal.err_is_tty) {
    corpus.progress = [&](const CorpusProgress& progress) {
      const std::int64_t now = clock.NowNs();
      if (progress.phase != phase) phase_began_ns = now;
      phase = progress.phase;
      line.Show(
          CorpusProgressText(progress, static_cast<double>(now - phase_began_ns) / kNsPerSecond));
    };
  }
  ThreadPool pool(ParseThreads(options.threads), 0);
  const CorpusResult result = TokenizeCorpus(corpus, pool);
  line.Clear();
  if (!context.quiet && !result.restart.empty()) context.err << result.restart << '\n';
  if (!context.quiet) PrintHints(result, corpus, context);
  if (json) {
    context.out << WriteJson(ManifestToJson(result.manifest)) << '\n';
  } else {
    PrintSummary(result, options.out, context);
  }
}

}  // namespace lts::cli
