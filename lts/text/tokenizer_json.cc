// tokenizer.json of Hugging Face's tokenizers: whatever would change the ids is read or refused.
#include <fmt/format.h>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/text/splitter.h"
#include "lts/text/tokenizer_file.h"
#include "lts/text/vocabulary.h"

namespace lts {
namespace {

class TokenizerJson {
 public:
  TokenizerJson(const Json& json, const std::string& name) : name_(name), root_(json, name) {}

  TokenizerData Read() {
    ReadModel();
    if (root_.Has("normalizer")) {
      Refuse("normalizer", TypeOf(root_.Member("normalizer"), "normalizer"), "none");
    }
    ReadAddedTokens();
    if (!root_.Has("pre_tokenizer")) Refuse("pre_tokenizer", "none", "ByteLevel");
    ReadPreTokenizer(root_.Member("pre_tokenizer"), "pre_tokenizer");
    if (!byte_level_) Refuse("pre_tokenizer", "no ByteLevel in it", "one at its end");
    if (root_.Has("decoder")) {
      const std::string type = TypeOf(root_.Member("decoder"), "decoder");
      if (type != "ByteLevel") Refuse("decoder", type, "ByteLevel");
    }
    if (root_.Has("post_processor")) {
      ReadPostProcessor(root_.Member("post_processor"), "post_processor");
    }
    return std::move(data_);
  }

 private:
  [[noreturn]] void Refuse(const std::string& where, std::string_view got,
                           std::string_view supported) const {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {}: got {}, supported: {}", Quoted(name_, 400), where,
                            Quoted(got, 200), supported));
  }
  [[noreturn]] void Fail(const std::string& where, const std::string& problem) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: {}", Quoted(name_, 400), where, problem));
  }
  std::string Where(const std::string& part) const { return name_ + ": " + part; }

  std::string TypeOf(const Json& json, const std::string& where) const {
    return ObjectReader(json, Where(where)).String("type");
  }
  const Json::Array& List(const Json& json, const std::string& where, std::string_view key) const {
    ObjectReader reader(json, Where(where));
    const Json& list = reader.Member(key);
    if (!list.is_array()) reader.Fail(key, "expected an array");
    return list.AsArray();
  }

  void ReadModel() {
    ObjectReader model(root_.Member("model"), Where("model"));
    // Files of early versions have no type; their BPE models have merges.
    const std::string type = model.StringOr("type", model.Has("merges") ? "BPE" : "unknown");
    if (type != "BPE") Refuse("model.type", type, "BPE");
    if (model.DoubleOr("dropout", 0, 1, 0) != 0) Refuse("model.dropout", "not 0", "0");
    if (model.BoolOr("byte_fallback", false)) Refuse("model.byte_fallback", "true", "false");
    for (const char* const key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      const std::string value = model.StringOr(key, "");
      if (!value.empty()) Refuse(std::string("model.") + key, value, "none");
    }
    data_.ignore_merges = model.BoolOr("ignore_merges", false);
    const Json& vocab = model.Member("vocab");
    data_.tokens = ParseVocabulary(vocab, Where("model.vocab"));
    data_.merges = ParseMergesArray(model.Member("merges"), Where("model.merges"), vocab);
  }

  void ReadAddedTokens() {
    if (!root_.Has("added_tokens")) return;
    const Json& tokens = root_.Member("added_tokens");
    if (!tokens.is_array()) root_.Fail("added_tokens", "expected an array");
    for (std::size_t i = 0; i < tokens.AsArray().size(); ++i) {
      ObjectReader reader(tokens.AsArray()[i], Where(fmt::format("added_tokens[{}]", i)));
      AddedToken token = ReadAddedToken(reader);
      token.id = static_cast<std::int32_t>(reader.Int("id", 0, kMaxVocabularySize - 1));
      data_.added.push_back(std::move(token));
    }
  }

  void ReadPreTokenizer(const Json& json, const std::string& where) {
    ObjectReader reader(json, Where(where));
    const std::string& type = reader.String("type");
    if (type == "Sequence") {
      const Json::Array& parts = List(json, where, "pretokenizers");
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::string part = fmt::format("{}.pretokenizers[{}]", where, i);
        if (TypeOf(parts[i], part) == "Sequence") Refuse(part, "Sequence in a Sequence", "one");
        ReadPreTokenizer(parts[i], part);
      }
      return;
    }
    // Bytes are characters of the byte-level alphabet from there on: expressions mean others.
    if (byte_level_) Refuse(where, type + " after ByteLevel", "ByteLevel at the end");
    if (type == "ByteLevel") {
      byte_level_ = true;
      data_.add_prefix_space = reader.BoolOr("add_prefix_space", true);
      if (data_.add_prefix_space && !data_.splits.empty()) {
        Refuse(where + ".add_prefix_space", "true after other pre-tokenizers", "false");
      }
      if (reader.BoolOr("use_regex", true)) data_.splits.emplace_back(kGpt2Expression);
    } else if (type == "Split") {
      ReadSplit(reader, where);
    } else if (type == "Digits") {
      if (!reader.BoolOr("individual_digits", false)) {
        Refuse(where + ".individual_digits", "false", "true");
      }
      data_.splits.emplace_back(kNumberExpression);
    } else {
      Refuse(where, type, "ByteLevel, Split, Digits and Sequence of them");
    }
  }

  void ReadSplit(ObjectReader& reader, const std::string& where) {
    const Json& pattern = reader.Member("pattern");
    const Json* const expression = pattern.is_object() ? pattern.Find("Regex") : nullptr;
    if (expression == nullptr || !expression->is_string()) {
      Refuse(where + ".pattern", "no Regex", "{\"Regex\": ...}");
    }
    const std::string behavior = reader.StringOr("behavior", "");
    const bool invert = reader.BoolOr("invert", false);
    // Keeping matches alone is the same as cutting around them where nothing lies between, which is
    // known of the expressions with a rule of their own.
    const bool keeps_all = behavior == "Removed" && invert &&
                           FindSplitRule(expression->AsString()).has_value() &&
                           expression->AsString() != kNumberExpression;
    if (!(behavior == "Isolated" && !invert) && !keeps_all) {
      Refuse(where + ".behavior", fmt::format("{}, invert {}", behavior, invert),
             "Isolated, without invert");
    }
    data_.splits.push_back(expression->AsString());
  }

  void ReadPostProcessor(const Json& json, const std::string& where) {
    const std::string type = TypeOf(json, where);
    if (type == "ByteLevel") return;  // offsets only
    if (type == "Sequence") {
      const Json::Array& parts = List(json, where, "processors");
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::string part = fmt::format("{}.processors[{}]", where, i);
        if (TypeOf(parts[i], part) == "Sequence") Refuse(part, "Sequence in a Sequence", "one");
        ReadPostProcessor(parts[i], part);
      }
    } else if (type == "TemplateProcessing") {
      ReadTemplate(json, where);
    } else if (type == "RobertaProcessing") {
      ObjectReader reader(json, Where(where));
      data_.prefix.push_back(PairId(reader, "cls"));
      data_.suffix.push_back(PairId(reader, "sep"));
    } else {
      Refuse(where, type, "ByteLevel, TemplateProcessing, RobertaProcessing and Sequence of them");
    }
  }

  // ["</s>", 2]
  static std::int32_t PairId(ObjectReader& reader, std::string_view key) {
    const Json& pair = reader.Member(key);
    if (!pair.is_array() || pair.AsArray().size() != 2 || !pair.AsArray()[1].is_int() ||
        pair.AsArray()[1].AsInt() < 0 || pair.AsArray()[1].AsInt() >= kMaxVocabularySize) {
      reader.Fail(key, "expected a token and its id");
    }
    return static_cast<std::int32_t>(pair.AsArray()[1].AsInt());
  }

  void ReadTemplate(const Json& json, const std::string& where) {
    ObjectReader reader(json, Where(where));
    const Json* const specials =
        reader.Has("special_tokens") ? &reader.Member("special_tokens") : nullptr;
    bool before = true;
    for (const Json& part : List(json, where, "single")) {
      if (!part.is_object()) Fail(where + ".single", "expected objects");
      if (part.Find("Sequence") != nullptr) {
        if (!before) Refuse(where + ".single", "the text twice", "the text once");
        before = false;
        continue;
      }
      const Json* const token = part.Find("SpecialToken");
      if (token == nullptr) Fail(where + ".single", "expected Sequence or SpecialToken");
      const std::string id =
          ObjectReader(*token, Where(where + ".single.SpecialToken")).String("id");
      const Json* const special =
          specials != nullptr && specials->is_object() ? specials->Find(id) : nullptr;
      if (special == nullptr) {
        Fail(where, fmt::format("'{}' is not in special_tokens", Quoted(id)));
      }
      ObjectReader ids(*special, Where(where + ".special_tokens"));
      for (const std::int64_t value : ids.Ints("ids", 0, kMaxVocabularySize - 1, 64)) {
        (before ? data_.prefix : data_.suffix).push_back(static_cast<std::int32_t>(value));
      }
    }
    if (before) Refuse(where + ".single", "no text", "the text once");
  }

  std::string name_;
  ObjectReader root_;
  TokenizerData data_;
  bool byte_level_ = false;
};

}  // namespace

TokenizerData ParseTokenizerJson(const Json& json, const std::string& name) {
  return TokenizerJson(json, name).Read();
}

TokenizerData ParseVocabAndMerges(const Json& vocab, const std::string& vocab_name,
                                  std::string_view merges, const std::string& merges_name) {
  TokenizerData data;
  data.tokens = ParseVocabulary(vocab, vocab_name);
  data.merges = ParseMergesText(merges, merges_name, vocab);
  data.splits = {std::string(kGpt2Expression)};
  return data;
}

}  // namespace lts
