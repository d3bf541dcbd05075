// MB/s of text to a data set and to a vocabulary, with 1 and with 2 threads, against one core of
// the tokenizer alone in the same run. The text: an English book (../shared/data/text beside the
// checkout), each copy with its own words spelt otherwise, so that no cache of pieces explains a
// result. Before anything is timed, what the data set holds is decoded and held against the text.
//
// Ratio: of the pipeline's speed to the tokenizer's own on one core; 1.0 a thread would be free
// reading, hashing, ordering and writing.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "lts/base/clock.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/base/stats.h"
#include "lts/data/corpus.h"
#include "lts/data/token_dataset.h"
#include "lts/text/bpe_trainer.h"
#include "lts/text/tokenizer_file.h"

namespace lts {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(LTS_SOURCE_DIR) / "../shared/data";
constexpr std::size_t kTextBytes = std::size_t{48} << 20;
constexpr std::size_t kFiles = 8;

// Copies of the book in which another pair of letters each is swapped.
std::string Text() {
  const std::string book = ReadFile((kData / "text/alice_in_wonderland.txt").string());
  std::string text;
  for (int copy = 0; text.size() < kTextBytes; ++copy) {
    const char a = static_cast<char>('a' + copy % 26);
    const char b = static_cast<char>('a' + (copy / 26 + copy + 1) % 26);
    for (const char c : book) text += c == a ? b : c == b ? a : c;
  }
  text.resize(kTextBytes);
  return text;
}

class Corpus {
 public:
  Corpus() : text_(Text()) {
    std::string name = (fs::temp_directory_path() / "lts_data_bench_XXXXXX").string();
    LTS_CHECK(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    for (std::size_t i = 0; i < kFiles; ++i) {
      const std::size_t begin = text_.size() * i / kFiles;
      const std::string path = folder_ + "/" + std::to_string(i) + ".txt";
      std::ofstream(path, std::ios::binary)
          << text_.substr(begin, text_.size() * (i + 1) / kFiles - begin);
      options_.inputs.push_back(path);
    }
    options_.folder = folder_ + "/data";
    options_.validation = options_.test = 0;
  }
  ~Corpus() { fs::remove_all(folder_); }
  Corpus(const Corpus&) = delete;
  Corpus& operator=(const Corpus&) = delete;

  const std::string& text() const { return text_; }
  CorpusOptions WithTokenizer() const {
    CorpusOptions options = options_;
    options.tokenizer = (kData / "gpt2_tokenizer").string();
    return options;
  }
  CorpusOptions WithVocabulary() const {
    CorpusOptions options = options_;
    options.train_vocab = 8192;
    return options;
  }
  void Clear() const { fs::remove_all(options_.folder); }

  // Whether the data set decodes to the text.
  bool Holds() const {
    const TokenDataset data = TokenDataset::Open(options_.folder);
    const Tokenizer tokenizer = ReadTokenizer(options_.folder);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(data.tokens(Split::kTrain)));
    data.Read(Split::kTrain, 0, ids);
    std::erase(ids, data.end_of_text());
    return tokenizer.Decode(ids) == text_;
  }

 private:
  std::string text_;
  std::string folder_;
  CorpusOptions options_;
};

double SecondsOf(const auto& call) {
  SystemClock clock;
  const std::int64_t begin = clock.NowNs();
  call();
  return static_cast<double>(clock.NowNs() - begin) * 1e-9;
}

// Interleaved: the machine's noise meets each of them alike.
void TokenizeAndTrain(benchmark::State& state) {
  if (!fs::exists(kData / "text") || !fs::exists(kData / "gpt2_tokenizer")) {
    state.SkipWithError("no ../shared/data/text or gpt2_tokenizer beside the checkout");
    return;
  }
  const Corpus corpus;
  const CorpusOptions tokenize = corpus.WithTokenizer();
  const CorpusOptions train = corpus.WithVocabulary();
  const Tokenizer tokenizer = ReadTokenizer(tokenize.tokenizer);
  ThreadPool one(1, 0);
  ThreadPool two(2, 0);
  const auto run = [&](const CorpusOptions& options, ThreadPool& pool) {
    corpus.Clear();
    return SecondsOf([&] { TokenizeCorpus(options, pool); });
  };
  for (const CorpusOptions* const options : {&tokenize, &train}) {
    run(*options, two);
    if (!corpus.Holds()) {
      state.SkipWithError("the data set does not hold the text");
      return;
    }
  }
  // The vocabulary's two steps by themselves.
  WordCounts words;
  const auto count = [&] {
    words = WordCounts();
    words.AddText(corpus.text());
  };
  std::vector<double> alone;
  std::vector<double> alone_two;
  std::vector<double> with_one;
  std::vector<double> with_two;
  std::vector<double> vocabulary_one;
  std::vector<double> vocabulary_two;
  std::vector<double> counting;
  std::vector<double> merging;
  while (state.KeepRunning()) {
    alone.push_back(SecondsOf([&] { benchmark::DoNotOptimize(tokenizer.Encode(corpus.text())); }));
    alone_two.push_back(SecondsOf([&] {
      two.Run([&](int half) {
        const std::string_view text = corpus.text();
        const std::size_t middle = text.size() / 2;
        benchmark::DoNotOptimize(
            tokenizer.Encode(half == 0 ? text.substr(0, middle) : text.substr(middle)));
      });
    }));
    with_one.push_back(run(tokenize, one));
    with_two.push_back(run(tokenize, two));
    vocabulary_one.push_back(run(train, one));
    vocabulary_two.push_back(run(train, two));
    counting.push_back(SecondsOf(count));
    merging.push_back(SecondsOf([&] { TrainBpe(words, {.vocab_size = 8192}); }));
  }
  const auto megabytes = [&](const std::vector<double>& seconds) {
    return static_cast<double>(corpus.text().size()) * 1e-6 / Median(seconds);
  };
  state.counters["encode_1_MB/s"] = megabytes(alone);
  state.counters["encode_2_MB/s"] = megabytes(alone_two);  // what two cores have to give
  state.counters["tokenize_1_MB/s"] = megabytes(with_one);
  state.counters["tokenize_2_MB/s"] = megabytes(with_two);
  state.counters["ratio_1"] = Median(alone) / Median(with_one);
  state.counters["ratio_2"] = Median(alone) / Median(with_two);
  state.counters["vocabulary_and_tokenize_1_MB/s"] = megabytes(vocabulary_one);
  state.counters["vocabulary_and_tokenize_2_MB/s"] = megabytes(vocabulary_two);
  state.counters["count_words_MB/s"] = megabytes(counting);
  state.counters["distinct_words"] = static_cast<double>(words.size());
  state.counters["merge_8192_s"] = Median(merging);
}
BENCHMARK(TokenizeAndTrain)->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace lts

BENCHMARK_MAIN();
