// lts tokenize: text to token ids and back, and with -o whole corpora (tokenize_corpus.h).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "lts/base/json.h"
#include "lts/base/suggest.h"
#include "lts/cli/commands/commands.h"
#include "lts/cli/commands/tokenize_corpus.h"
#include "lts/cli/options.h"
#include "lts/text/tokenizer_file.h"

namespace lts::cli {
namespace {

struct Options {
  std::string tokenizer;
  std::vector<std::string> texts;
  std::string format = "text";
  bool decode = false;
  bool count = false;
  bool plain = false;
  TokenizeCorpusOptions corpus;
};

// "15496 995", "15496, 995" or "[15496, 995]".
std::vector<std::int32_t> ParseIds(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,[]";
  std::vector<std::int32_t> ids;
  for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;
       at = text.find_first_not_of(kBetween, at)) {
    const std::string_view word = text.substr(at, text.find_first_of(kBetween, at) - at);
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("token {}: got '{}', expected an id; ids stand apart by spaces or "
                              "commas",
                              ids.size(), Quoted(word)));
    }
    ids.push_back(id);
    at += word.size();
  }
  return ids;
}

void PrintCount(std::size_t bytes, std::size_t tokens, bool json, Context& context) {
  if (!json) {
    context.out << tokens << '\n';
    return;
  }
  Json counts = Json::MakeObject();
  counts["tokens"] = static_cast<std::int64_t>(tokens);
  counts["bytes"] = static_cast<std::int64_t>(bytes);
  context.out << WriteJson(counts, JsonStyle::kCompact) << '\n';
}

void RunTokenize(const Options& options, Context& context) {
  const OutputText format = kOutputTexts.Parse(options.format);
  const bool json = format == OutputText::kJson;
  if (!options.corpus.out.empty()) {
    if (options.decode || options.count || options.plain) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--decode, --count and --plain are for a text, -o is for files");
    }
    TokenizeCorpusOptions corpus = options.corpus;
    corpus.inputs = options.texts;
    corpus.inputs.insert(corpus.inputs.begin(), options.tokenizer);
    RunTokenizeCorpus(corpus, json, context);
    return;
  }
  if (options.texts.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("unexpected argument '{}': expected one text, or -o FOLDER for files",
                            Quoted(options.texts[1])));
  }
  const std::string text = options.texts.empty() ? "-" : options.texts[0];
  const Tokenizer tokenizer = ReadTokenizer(options.tokenizer);
  const std::string input = text != "-" ? text : ReadInput(context);
  if (options.decode) {
    const std::vector<std::int32_t> ids = ParseIds(input);
    const std::string decoded = tokenizer.Decode(ids, {.skip_special_tokens = options.plain});
    if (options.count) {
      PrintCount(decoded.size(), ids.size(), json, context);
    } else if (json) {
      context.out << WriteJson(decoded, JsonStyle::kCompact) << '\n';
    } else {
      context.out << decoded;  // byte for byte: nothing added
    }
    return;
  }
  const std::vector<std::int32_t> ids = tokenizer.Encode(
      input, {.add_special_tokens = !options.plain, .parse_special_tokens = !options.plain});
  if (options.count) {
    PrintCount(input.size(), ids.size(), json, context);
  } else if (json) {
    context.out << fmt::format("[{}]\n", fmt::join(ids, ","));
  } else {
    context.out << fmt::format("{}\n", fmt::join(ids, " "));
  }
}

}  // namespace

void AddTokenize(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "tokenize", "Text to token ids and back, and files of text to a data set to train on");
  auto options = std::make_shared<Options>();
  command
      ->add_option("TOKENIZER", options->tokenizer,
                   "A model's folder (tokenizer.json, or vocab.json and merges.txt), or one of "
                   "these files; with -o the first file or folder of texts")
      ->required();
  command->add_option("TEXT", options->texts,
                      "The text, or with --decode the ids; - or nothing: standard input; with -o "
                      "more files and folders");
  command->add_flag("--decode", options->decode, "Ids to text, byte for byte");
  command->add_flag("--count", options->count, "Only how many tokens there are");
  command->add_flag("--plain", options->plain,
                    "Special tokens are text like any other and none is added (with --decode: they "
                    "are left out)");
  command
      ->add_option("--format", options->format,
                   "How results are printed: " + Joined(kOutputTexts.Names()))
      ->capture_default_str();
  AddTokenizeCorpusOptions(*command, options->corpus, context);
  command->footer(
      "Byte-level BPE (GPT-2, Llama 3, Qwen 2 and their kin); ids equal Hugging Face's. Examples:\n"
      "  lts tokenize gpt2/ 'Hello world'               15496 995\n"
      "  lts tokenize gpt2/ --decode '15496 995'\n"
      "  lts tokenize gpt2/ --count < book.txt\n"
      "  lts tokenize texts/ more.jsonl.gz -o data --train-vocab 8192\n"
      "  lts tokenize stories.txt -o data --tokenizer gpt2/ --separator '<|endoftext|>'\n"
      "A data set (docs/data.md) is the same on any number of threads. A command that was stopped "
      "or\n"
      "killed goes on where it was when it is given again; one that was done checks what it made.");
  command->callback([options, &context] { RunTokenize(*options, context); });
}

}  // namespace lts::cli
