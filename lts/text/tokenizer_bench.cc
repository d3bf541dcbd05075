// How fast GPT-2's tokenizer encodes and decodes, on one core. Needs its vocabulary in
// ../shared/data/gpt2_tokenizer beside the checkout; English is ../shared/data/text, code is lts's
// own sources, the rest is drawn from lists of words. Before anything is timed, the ids are held
// against the slow reference and the text against what decodes from them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lts/base/files.h"
#include "lts/base/rng.h"
#include "lts/text/reference_encoder.h"
#include "lts/text/stream_decoder.h"
#include "lts/text/tokenizer_file.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(LTS_SOURCE_DIR) / "../shared/data";
constexpr std::size_t kBytes = std::size_t{4} << 20;

std::string Repeated(const std::string& text, std::size_t bytes) {
  std::string repeated;
  while (!text.empty() && repeated.size() < bytes) repeated += text;
  return repeated.substr(0, std::min(bytes, repeated.size()));
}

std::string English() {
  const fs::path file = kData / "text/alice_in_wonderland.txt";
  return fs::exists(file) ? Repeated(ReadFile(file.string()), kBytes) : "";
}

std::string Code() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(LTS_SOURCE_DIR) / "lts")) {
    if (entry.path().extension() == ".cc" || entry.path().extension() == ".js") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::string code;
  for (const fs::path& file : files) code += ReadFile(file.string());
  return Repeated(code, kBytes);
}

std::string Drawn(const std::vector<std::string>& words, const std::string& gap, std::size_t bytes,
                  std::uint64_t seed) {
  Rng rng(seed);
  std::string text;
  while (text.size() < bytes) {
    text += rng.Choice<std::string>(words);
    text += rng.Bernoulli(0.08) ? "\n" : rng.Bernoulli(0.1) ? ", " : gap;
  }
  return text;
}

// Scripts that GPT-2's vocabulary knows little of: most words need merging.
std::string OtherScripts(std::size_t bytes) {
  const std::vector<std::string> spaced = {
      "größer",   "straße", "être",   "élève",  "niño",   "señora",     "łódź",   "čeština",
      "привет",   "мир",    "машина", "работа", "сейчас", "العربية",    "السلام", "كتاب",
      "ελληνικά", "γλώσσα", "हिन्दी",  "भाषा",   "한국어", "안녕하세요", "2024",   "3.14159"};
  const std::vector<std::string> dense = {"日本語",   "東京", "学校へ行く", "我们", "今天天气很好",
                                          "人工智能", "の",   "です。",     "，",   "。"};
  const std::vector<std::string> emoji = {
      "😀", "🎉👍🏽", "👩‍👩‍👧", "❤️", "🇩🇪", "→", "∑∫"};
  return Drawn(spaced, " ", bytes / 2, 1) + Drawn(dense, "", bytes * 2 / 5, 2) +
         Drawn(emoji, " ", bytes / 10, 3);
}

// Half English, a quarter code, a quarter other scripts, in blocks of 4 KiB or so.
std::string Mixed() {
  const std::string english = English();
  const std::string code = Code();
  const std::string other = OtherScripts(kBytes / 4);
  std::string mixed;
  for (std::size_t at = 0; mixed.size() < kBytes; at += 2048) {
    mixed += english.empty() ? "" : english.substr(2 * at % english.size(), 4096);
    mixed += code.substr(at % code.size(), 2048);
    mixed += other.substr(at % other.size(), 2048);
  }
  return mixed;
}

struct Gpt2 {
  TokenizerData data;
  Tokenizer tokenizer;
  ReferenceEncoder reference;
};

const Gpt2* Read() {
  static const std::optional<Gpt2> kGpt2 = []() -> std::optional<Gpt2> {
    const fs::path folder = kData / "gpt2_tokenizer";
    if (!fs::exists(folder)) return std::nullopt;
    TokenizerData data = ReadTokenizerData(folder.string());
    return Gpt2{data, Tokenizer(data), ReferenceEncoder(data)};
  }();
  return kGpt2 ? &*kGpt2 : nullptr;
}

// Equal to the reference at its start (which is quadratic in a piece), and lossless on all of it.
const char* Problem(const Gpt2& gpt2, const std::string& text) {
  const bool one_piece = text.find_first_not_of(text.front()) == std::string::npos;
  const std::string start = text.substr(0, std::size_t{one_piece ? 1U : 256U} << 10);
  if (gpt2.tokenizer.Encode(start) != gpt2.reference.Encode(start)) return "wrong ids";
  if (gpt2.tokenizer.Decode(gpt2.tokenizer.Encode(text)) != text) return "wrong text";
  return nullptr;
}

void Encode(benchmark::State& state, std::string (*make)()) {
  const Gpt2* const gpt2 = Read();
  const std::string text = make();
  if (gpt2 == nullptr || text.empty()) {
    state.SkipWithError("no ../shared/data/gpt2_tokenizer or text beside the checkout");
    return;
  }
  if (const char* const problem = Problem(*gpt2, text)) {
    state.SkipWithError(problem);
    return;
  }
  std::size_t tokens = 0;
  while (state.KeepRunning()) {
    const std::vector<std::int32_t> ids = gpt2->tokenizer.Encode(text);
    benchmark::DoNotOptimize(ids.data());
    tokens = ids.size();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["bytes/token"] = static_cast<double>(text.size()) / static_cast<double>(tokens);
}
BENCHMARK_CAPTURE(Encode, mixed, Mixed)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, english, English)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, code, Code)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, other_scripts, [] {
  return OtherScripts(kBytes);
})->Unit(benchmark::kMillisecond);
// One piece of a megabyte: what must not be quadratic.
BENCHMARK_CAPTURE(Encode, one_letter, [] {
  return std::string(1 << 20, 'a');
})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, spaces, [] {
  return std::string(1 << 20, ' ');
})->Unit(benchmark::kMillisecond);

void StreamDecode(benchmark::State& state) {
  const Gpt2* const gpt2 = Read();
  if (gpt2 == nullptr) {
    state.SkipWithError("no ../shared/data/gpt2_tokenizer beside the checkout");
    return;
  }
  const std::string text = Mixed();
  const std::vector<std::int32_t> ids = gpt2->tokenizer.Encode(text);
  const auto decoded = [&] {
    StreamDecoder decoder(gpt2->tokenizer);
    std::string all;
    for (const std::int32_t id : ids) all += decoder.Add(id);
    return all + decoder.Finish();
  };
  if (decoded() != text) {
    state.SkipWithError("wrong text");
    return;
  }
  while (state.KeepRunning()) benchmark::DoNotOptimize(decoded());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(StreamDecode)->Unit(benchmark::kMillisecond);

void Read(benchmark::State& state) {
  const Gpt2* const gpt2 = Read();
  if (gpt2 == nullptr || gpt2->tokenizer.vocab_size() != 50257) {
    state.SkipWithError("no vocabulary of GPT-2 in ../shared/data/gpt2_tokenizer");
    return;
  }
  const std::string folder = (kData / "gpt2_tokenizer").string();
  while (state.KeepRunning()) benchmark::DoNotOptimize(ReadTokenizer(folder));
}
BENCHMARK(Read)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lts

BENCHMARK_MAIN();
