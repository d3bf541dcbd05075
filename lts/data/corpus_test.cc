#include "lts/data/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lts/base/rng.h"
#include "lts/data/data_test_support.h"
#include "lts/data/records.h"
#include "lts/data/token_dataset.h"
#include "lts/text/tokenizer_file.h"

namespace lts {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kTokenizer = std::string(LTS_SOURCE_DIR) + "/tests/goldens/tokenizer/gpt2";

class CorpusTest : public DataFolder {
 protected:
  CorpusOptions Options(const std::string& folder = "data") const {
    CorpusOptions options;
    options.inputs = {Path("in")};
    options.folder = Path(folder);
    options.tokenizer = kTokenizer;
    return options;
  }
  static CorpusResult Tokenize(const CorpusOptions& options, int threads = 2) {
    ThreadPool pool(threads, 0);
    return TokenizeCorpus(options, pool);
  }

  // Thirty files of texts of some KiB, one of lines, one of tokens; a few documents are twice.
  void WriteCorpus() const {
    Rng rng(11);
    const std::vector<std::string> words = {"the ", "cat", " and", " other", "\n",
                                            "\n\n", ". ",  "日本", "end "};
    const auto text = [&] {
      std::string words_of_it;
      for (std::int64_t n = rng.Between(50, 900); n > 0; --n) {
        words_of_it += rng.Choice<std::string>(words);
      }
      return words_of_it;
    };
    std::string lines;
    for (int i = 0; i < 30; ++i) {
      const std::string one = text();
      Write("in/" + std::to_string(i) + ".txt", one);
      lines += WriteJson(Json::Object{{"id", i}, {"text", i % 5 == 0 ? one : text()}},
                         JsonStyle::kCompact) +
               "\n";
    }
    Write("in/lines.jsonl", lines);
    Write("in/binary.o", std::string("\0\1", 2));
  }

  // The text of each document of a split, in order.
  static std::vector<std::string> Documents(const std::string& folder, Split split) {
    const TokenDataset data = TokenDataset::Open(folder);
    const Tokenizer tokenizer = ReadTokenizer(folder);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(data.tokens(split)));
    data.Read(split, 0, ids);
    std::vector<std::string> documents;
    std::vector<std::int32_t> document;
    for (const std::int32_t id : ids) {
      if (id != data.end_of_text()) {
        document.push_back(id);
        continue;
      }
      documents.push_back(tokenizer.Decode(document));
      document.clear();
    }
    EXPECT_TRUE(document.empty());
    return documents;
  }
  static std::set<std::string> Set(const std::vector<std::string>& texts) {
    return {texts.begin(), texts.end()};
  }

  // All files of a data set, by name.
  static std::map<std::string, std::string> Contents(const std::string& folder) {
    std::map<std::string, std::string> contents;
    for (const auto& entry : fs::directory_iterator(folder)) {
      contents[entry.path().filename().string()] = ReadFile(entry.path().string());
    }
    return contents;
  }
};

TEST_F(CorpusTest, HoldsEveryDocumentInTheSplitOfItsHash) {
  WriteCorpus();
  const CorpusResult result = Tokenize(Options());
  EXPECT_EQ(result.skipped_files, 1);
  EXPECT_EQ(result.restart, "");
  std::vector<std::string> all;
  for (const auto& [split, name] : kSplits.entries) {
    const std::vector<std::string> documents = Documents(Path("data"), split);
    std::int64_t bytes = 0;
    for (const std::string& text : documents) bytes += std::ssize(text);
    EXPECT_EQ(result.manifest[split].documents, std::ssize(documents)) << name;
    EXPECT_EQ(result.manifest[split].text_bytes, bytes) << name;
    all.insert(all.end(), documents.begin(), documents.end());
  }
  EXPECT_EQ(all.size(), 60U);
  const std::set<std::string> texts = Set(all);
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(texts.contains(ReadFile(Path("in/" + std::to_string(i) + ".txt")))) << i;
  }
  EXPECT_THAT(Contents(Path("data")).size(), 6U);  // three splits, data.json, vocabulary, merges
}

TEST_F(CorpusTest, IsTheSameOnAnyNumberOfThreads) {
  WriteCorpus();
  Tokenize(Options(), 1);
  const auto expected = Contents(Path("data"));
  for (const int threads : {2, 5}) {
    fs::remove_all(Path("data"));
    Tokenize(Options(), threads);
    EXPECT_EQ(Contents(Path("data")), expected) << threads;
  }
}

TEST_F(CorpusTest, SplitsDependOnNoOrder) {
  WriteCorpus();
  CorpusOptions options = Options();
  options.validation = 0.3;
  options.test = 0.2;
  Tokenize(options);
  CorpusOptions reversed = options;
  reversed.folder = Path("reversed");
  reversed.inputs.clear();
  for (const InputFile& file : ListInputs({Path("in")})) {
    if (file.path.ends_with(".o")) continue;
    reversed.inputs.insert(reversed.inputs.begin(), file.path);
  }
  Tokenize(reversed);
  std::set<std::string> earlier;
  for (const auto& [split, name] : kSplits.entries) {
    const std::set<std::string> documents = Set(Documents(Path("data"), split));
    EXPECT_EQ(documents, Set(Documents(Path("reversed"), split))) << name;
    EXPECT_GT(documents.size(), 5U) << name;
    for (const std::string& text : documents) EXPECT_TRUE(earlier.insert(text).second);
  }
}

TEST(SplitOfHash, TakesItsShares) {
  EXPECT_EQ(SplitOf(0, 0, 0), Split::kTrain);
  EXPECT_EQ(SplitOf(0, 0.1, 0), Split::kValidation);
  EXPECT_EQ(SplitOf(0, 0, 0.1), Split::kTest);
  EXPECT_EQ(SplitOf(~std::uint64_t{0}, 0.4, 0.5), Split::kTrain);
  EXPECT_EQ(SplitOf(std::uint64_t{1} << 62, 0.2, 0.2), Split::kTest);  // 0.25
}

TEST_F(CorpusTest, LeavesDuplicatesOutWhenAsked) {
  WriteCorpus();
  CorpusOptions options = Options();
  options.dedupe = true;
  EXPECT_EQ(Tokenize(options).duplicates, 6);
  std::vector<std::string> all;
  for (const auto& [split, name] : kSplits.entries) {
    for (std::string& text : Documents(Path("data"), split)) all.push_back(std::move(text));
  }
  EXPECT_EQ(all.size(), 54U);
  EXPECT_EQ(Set(all).size(), 54U);
}

TEST_F(CorpusTest, TextThatSpellsSpecialTokensIsText) {
  Write("in/a.txt", "one<|endoftext|>two");
  CorpusOptions options = Options();
  options.validation = options.test = 0;
  EXPECT_EQ(Tokenize(options).manifest[Split::kTrain].documents, 1);
  EXPECT_THAT(Documents(Path("data"), Split::kTrain), ElementsAre("one<|endoftext|>two"));
  options.separator = "<|endoftext|>";
  options.overwrite = true;
  Tokenize(options);
  EXPECT_THAT(Documents(Path("data"), Split::kTrain), ElementsAre("one", "two"));
}

// What every interrupted making must come to.
class InterruptedCorpusTest : public CorpusTest, public ::testing::WithParamInterface<bool> {
 protected:
  CorpusOptions Interruptible(const std::string& folder) const {
    CorpusOptions options = Options(folder);
    options.dedupe = GetParam();
    options.save_bytes = 10000;
    return options;
  }
};

TEST_P(InterruptedCorpusTest, GoesOnWhereItWasStopped) {
  WriteCorpus();
  Tokenize(Interruptible("whole"));
  const auto expected = Contents(Path("whole"));
  int calls = 1;
  for (;; ++calls) {
    CorpusOptions options = Interruptible("data");
    int left = 7;
    options.stop = [&] { return --left == 0; };
    try {
      const CorpusResult result = Tokenize(options);
      EXPECT_THAT(result.restart, StartsWith("goes on after "));
      EXPECT_EQ(result.skipped_files, 1);
      EXPECT_EQ(result.duplicates, GetParam() ? 6 : 0);
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
      EXPECT_FALSE(fs::exists(Path("data/data.json")));
    }
    ASSERT_LT(calls, 20) << "no progress";
    if (GetParam() && calls == 3) break;  // reads all again: seven batches lead nowhere new
  }
  EXPECT_GE(calls, 3);
  if (GetParam()) Tokenize(Interruptible("data"));
  EXPECT_EQ(Contents(Path("data")), expected);
}

TEST_P(InterruptedCorpusTest, GoesOnAfterItWasKilled) {
  WriteCorpus();
  Tokenize(Interruptible("whole"));
  for (const int kill_at : {1, 2, 9, 20, 30}) {
    const pid_t child = ::fork();
    if (child == 0) {
      CorpusOptions options = Interruptible("data");
      int left = kill_at;
      options.stop = [&] { return --left == 0 && ::raise(SIGKILL) == 0; };
      Tokenize(options);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_THROW(TokenDataset::Open(Path("data")), Error);
    if (kill_at < 20) continue;
    Tokenize(Interruptible("data"));
    EXPECT_EQ(Contents(Path("data")), Contents(Path("whole"))) << kill_at;
    fs::remove_all(Path("data"));
  }
}

INSTANTIATE_TEST_SUITE_P(Dedupe, InterruptedCorpusTest, ::testing::Bool(),
                         [](const auto& dedupe) { return dedupe.param ? "Dedupe" : "All"; });

TEST_F(CorpusTest, BeginsAnewAndSaysWhyWhereTheInputsChanged) {
  WriteCorpus();
  CorpusOptions options = Options();
  options.save_bytes = 10000;
  int left = 9;
  options.stop = [&] { return --left == 0; };
  EXPECT_THROW(Tokenize(options), Error);
  Write("in/0.txt", "changed");
  options.stop = {};
  EXPECT_THAT(Tokenize(options).restart,
              StartsWith("begins anew: the unfinished data set there has another 'bytes'"));
  fs::remove_all(Path("data"));
  left = 9;
  options.stop = [&] { return --left == 0; };
  EXPECT_THROW(Tokenize(options), Error);
  for (const auto& [split, name] : kSplits.entries) {
    fs::remove(Path("data/" + std::string(name) + ".bin.partial"));
  }
  options.stop = {};
  EXPECT_THAT(Tokenize(options).restart, HasSubstr("train.bin.partial"));
}

TEST_F(CorpusTest, DoesNothingTwiceAndReplacesNothingUnasked) {
  WriteCorpus();
  const CorpusResult first = Tokenize(Options());
  EXPECT_FALSE(first.was_there);
  const CorpusResult second = Tokenize(Options());
  EXPECT_TRUE(second.was_there);
  EXPECT_EQ(second.manifest, first.manifest);
  std::string train = ReadFile(Path("data/train.bin"));
  std::swap(train[0], train[2]);
  Write("data/train.bin", train);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { Tokenize(Options()); }),
              HasSubstr("a data set with errors (" + Path("data/train.bin") + ": got SHA-1"));
  std::swap(train[0], train[2]);
  Write("data/train.bin", train);
  CorpusOptions other = Options();
  other.validation = 0.2;
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { Tokenize(other); }),
              HasSubstr("data.json: a data set with another 'validation' is there already"));
  EXPECT_NO_THROW(TokenDataset::Open(Path("data")).CheckHashes());
  other.overwrite = true;
  EXPECT_FALSE(Tokenize(other).was_there);
}

TEST_F(CorpusTest, AFullDiskLeavesNoDataSetAndCanBeGoneOnFrom) {
  WriteCorpus();
  Tokenize(Options("whole"));
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{16384, before.rlim_max};
  CorpusOptions options = Options();
  options.save_bytes = 10000;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string message = MessageOf(ErrorCode::kIo, [&] { Tokenize(options); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("train.bin.partial: cannot write"));
  EXPECT_THROW(TokenDataset::Open(Path("data")), Error);
  EXPECT_THAT(Tokenize(options).restart, StartsWith("goes on after "));
  EXPECT_EQ(Contents(Path("data")), Contents(Path("whole")));
}

TEST_F(CorpusTest, TrainsItsVocabularyOnTheTrainSplitOnAnyNumberOfThreads) {
  WriteCorpus();
  CorpusOptions options = Options();
  options.tokenizer.clear();
  options.train_vocab = 300;
  Tokenize(options, 1);
  const auto expected = Contents(Path("data"));
  fs::remove_all(Path("data"));
  Tokenize(options, 3);
  EXPECT_EQ(Contents(Path("data")), expected);
  EXPECT_TRUE(expected.contains("tokenizer.json"));
  const TokenDataset data = TokenDataset::Open(Path("data"));
  EXPECT_EQ(data.end_of_text(), 0);
  EXPECT_LE(data.vocab_size(), 300);
  EXPECT_GT(data.vocab_size(), 270);
  EXPECT_GT(data.bytes_per_token(Split::kTrain), 2);
  // What only documents of other splits hold is not learnt.
  fs::remove_all(Path("in"));
  for (int i = 0; i < 40; ++i) {
    const std::string mark = std::to_string(i);
    Write("in/" + mark, std::string("a") + mark + std::string(20, static_cast<char>('A' + i % 26)));
  }
  options.validation = 0.99999;
  options.test = 0;
  options.overwrite = true;
  const CorpusResult few = Tokenize(options);
  ASSERT_EQ(few.manifest[Split::kTrain].documents, 0);
  EXPECT_EQ(few.manifest.vocab_size, 257);
}

TEST_F(CorpusTest, GoesOnWithTheVocabularyThatWasTrained) {
  WriteCorpus();
  CorpusOptions options = Options("whole");
  options.tokenizer.clear();
  options.train_vocab = 300;
  Tokenize(options);
  options.folder = Path("data");
  bool stop = false;
  options.progress = [&](const CorpusProgress& progress) { stop = progress.phase == "tokens"; };
  options.stop = [&] { return stop; };
  EXPECT_THROW(Tokenize(options), Error);
  std::set<std::string> phases;
  options.progress = [&](const CorpusProgress& progress) { phases.emplace(progress.phase); };
  options.stop = {};
  Tokenize(options);
  EXPECT_THAT(phases, ElementsAre("tokens"));
  EXPECT_EQ(Contents(Path("data")), Contents(Path("whole")));
}

TEST_F(CorpusTest, NamesTheRecordThatIsNone) {
  const auto message = [&](const std::string& line, ErrorCode code = ErrorCode::kInvalidArgument) {
    Write("in/a.jsonl", "{\"text\": \"fine\"}\n" + line + "\n");
    return MessageOf(code, [&] { Tokenize(Options()); });
  };
  EXPECT_THAT(message("{\"text\": 3}"),
              HasSubstr("in/a.jsonl: line 2: field 'text': got integer, expected a string"));
  EXPECT_THAT(message("{\"texts\": \"x\"}"), HasSubstr("line 2: unknown field 'text'; did you"));
  EXPECT_THAT(message("[1]"), HasSubstr("line 2: got array, expected an object"));
  EXPECT_THAT(message("{\"text\": \"x"), HasSubstr("a.jsonl: line 2"));
}

TEST_F(CorpusTest, ReadsArraysOfItsTokenizersIds) {
  std::string header = "{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }";
  header.resize(118, ' ');
  const std::string npy = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header;
  Write("in/ids.npy", npy + std::string("\x41\0\x42\0\x43\0", 6));
  CorpusOptions options = Options();
  options.validation = options.test = 0;
  const CorpusResult result = Tokenize(options);
  EXPECT_EQ(result.manifest[Split::kTrain].tokens, 4);
  EXPECT_EQ(result.manifest[Split::kTrain].text_bytes, 3);
  EXPECT_EQ(Documents(Path("data"), Split::kTrain).at(0).size(), 3U);
  Write("in/ids.npy", npy + std::string("\x41\0\xFF\xFF\x43\0", 6));
  options.overwrite = true;
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { Tokenize(options); }),
              HasSubstr("ids.npy: got token id 65535"));
  options.tokenizer.clear();
  options.train_vocab = 300;
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { Tokenize(options); }),
              HasSubstr("expected text to train a vocabulary"));
}

TEST_F(CorpusTest, RefusesOptionsThatCannotBe) {
  Write("in/a.txt", "a");
  const auto refuses = [&](const std::function<void(CorpusOptions&)>& spoil, const char* part) {
    CorpusOptions options = Options();
    spoil(options);
    EXPECT_THAT(MessageOf(ErrorCode::kInvalidArgument, [&] { Tokenize(options); }),
                HasSubstr(part));
  };
  refuses([](CorpusOptions& o) { o.inputs.clear(); }, "no input");
  refuses([](CorpusOptions& o) { o.tokenizer.clear(); }, "either a tokenizer or");
  refuses([](CorpusOptions& o) { o.train_vocab = 300; }, "either a tokenizer or");
  refuses([](CorpusOptions& o) { o.validation = 1; }, "splits");
  refuses([](CorpusOptions& o) { o.test = -0.1; }, "splits");
  refuses([](CorpusOptions& o) { o.document_bytes = -1; }, "document_bytes");
}

}  // namespace
}  // namespace lts
