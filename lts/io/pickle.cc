#include "lts/io/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <unordered_map>
#include <utility>

#include "lts/base/error.h"
#include "lts/base/suggest.h"
#include "lts/io/byte_reader.h"

namespace lts {
namespace {

using Kind = PickleNode::Kind;

enum Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

constexpr int kMaxProtocol = 4;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::string_view name,
          std::span<const std::string_view> globals)
      : reader_(bytes.first(std::min(bytes.size(), kMaxPickleBytes)), name),
        name_(name),
        globals_(globals) {
    // Shared by all: a byte of the input must not cost a node where it need not.
    Add({.kind = Kind::kNone});
    Add({.kind = Kind::kBool, .integer = 0});
    Add({.kind = Kind::kBool, .integer = 1});
  }

  Pickle Run() {
    for (;;) {
      const auto opcode = reader_.Number<std::uint8_t>();
      if (opcode == kStop) break;
      Step(opcode);
    }
    pickle_.root = Pop();
    pickle_.bytes = reader_.position();
    return std::move(pickle_);
  }

 private:
  static constexpr PickleId kNoneNode = 0;
  static constexpr PickleId kFalseNode = 1;
  static constexpr PickleId kTrueNode = 2;

  [[noreturn]] void Fail(std::string_view problem, ErrorCode code = ErrorCode::kCorrupt) const {
    throw Error(code, fmt::format("{}: pickle: byte {}: {}", name_, reader_.position(), problem));
  }

  PickleId Add(PickleNode node) {
    pickle_.nodes.push_back(std::move(node));
    return static_cast<PickleId>(pickle_.nodes.size()) - 1;
  }
  PickleNode& Node(PickleId id) { return pickle_.nodes[static_cast<std::size_t>(id)]; }
  void Push(PickleId id) { stack_.push_back(id); }
  void PushNew(PickleNode node) { Push(Add(std::move(node))); }
  void PushInt(std::int64_t value) { PushNew({.kind = Kind::kInt, .integer = value}); }
  void PushText(std::string_view text) {
    PushNew({.kind = Kind::kText, .text = std::string(text)});
  }

  // Values under the last mark stay out of reach until it is popped.
  std::size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleId Pop() {
    if (stack_.size() <= Floor()) Fail("a value is missing");
    const PickleId id = stack_.back();
    stack_.pop_back();
    return id;
  }
  PickleId Top() {
    if (stack_.size() <= Floor()) Fail("a value is missing");
    return stack_.back();
  }
  std::vector<PickleId> PopToMark() {
    if (marks_.empty()) Fail("a mark is missing");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleId> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  std::vector<PickleId> PopLast(std::size_t count) {
    std::vector<PickleId> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = Pop();
    return items;
  }

  void Step(std::uint8_t opcode) {
    switch (opcode) {
      case kProto:
        if (const int protocol = reader_.Number<std::uint8_t>(); protocol > kMaxProtocol) {
          Fail(fmt::format("protocol {}, expected at most {}", protocol, kMaxProtocol),
               ErrorCode::kUnsupported);
        }
        return;
      case kFrame:
        reader_.Number<std::uint64_t>();  // a hint for readers of streams
        return;
      case kMark:
        marks_.push_back(stack_.size());
        return;
      case kNone:
        return Push(kNoneNode);
      case kNewFalse:
        return Push(kFalseNode);
      case kNewTrue:
        return Push(kTrueNode);
      case kBinInt:
        return PushInt(reader_.Number<std::int32_t>());
      case kBinInt1:
        return PushInt(reader_.Number<std::uint8_t>());
      case kBinInt2:
        return PushInt(reader_.Number<std::uint16_t>());
      case kLong1:
        return PushLong();
      case kBinFloat:
        return PushFloat();
      case kBinString:
      case kBinUnicode:
        return PushText(reader_.Text(reader_.Number<std::uint32_t>()));
      case kShortBinString:
      case kShortBinUnicode:
        return PushText(reader_.Text(reader_.Number<std::uint8_t>()));
      case kEmptyTuple:
        return PushNew({.kind = Kind::kTuple});
      case kEmptyList:
        return PushNew({.kind = Kind::kList});
      case kEmptyDict:
        return PushNew({.kind = Kind::kDict});
      case kTuple:
        return PushNew({.kind = Kind::kTuple, .items = PopToMark()});
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return PushNew({.kind = Kind::kTuple, .items = PopLast(opcode - kTuple1 + 1U)});
      case kBinPut:
        return Remember(reader_.Number<std::uint8_t>());
      case kLongBinPut:
        return Remember(reader_.Number<std::uint32_t>());
      case kMemoize:
        return Remember(static_cast<std::uint32_t>(memo_.size()));
      case kBinGet:
        return Recall(reader_.Number<std::uint8_t>());
      case kLongBinGet:
        return Recall(reader_.Number<std::uint32_t>());
      default:
        return StepObject(opcode);
    }
  }

  void StepObject(std::uint8_t opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string_view module = reader_.Line();
        return PushGlobal(module, reader_.Line());
      }
      case kStackGlobal: {
        const std::string name = PopText();
        return PushGlobal(PopText(), name);
      }
      case kReduce:
        return PushCall();
      case kBinPersId:
        return PushNew({.kind = Kind::kPersistent, .arguments = Pop()});
      case kAppend:
        return Append(PopLast(1), Kind::kList, Kind::kList);
      case kAppends:
        return Append(PopToMark(), Kind::kList, Kind::kList);
      case kSetItem:
        return Append(PopLast(2), Kind::kDict, Kind::kCall);
      case kSetItems: {
        std::vector<PickleId> items = PopToMark();
        if (items.size() % 2 != 0) Fail("a key has no value");
        return Append(items, Kind::kDict, Kind::kCall);
      }
      case kBuild:
        // Attributes of the object below: a state_dict's _metadata, versions of modules. Not kept.
        Pop();
        if (Node(Top()).kind != Kind::kCall) Fail("attributes of a value that has none");
        return;
      default:
        Fail(fmt::format("opcode 0x{:02x}, which torch.save does not write for weights", opcode),
             ErrorCode::kUnsupported);
    }
  }

  void PushLong() {  // two's complement, of as many bytes as it says
    const std::size_t count = reader_.Number<std::uint8_t>();
    if (count > sizeof(std::int64_t)) {
      reader_.Take(count);
      // Only the magic number of a legacy file is that wide; its user compares the bytes.
      return PushText("long");
    }
    std::uint64_t value = 0;
    const auto bytes = reader_.Take(count);
    for (std::size_t i = 0; i < count; ++i) {
      value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    }
    const bool negative = count > 0 && (std::to_integer<int>(bytes[count - 1]) & 0x80) != 0;
    if (negative && count < sizeof(value)) value |= ~std::uint64_t{0} << (8 * count);
    PushInt(static_cast<std::int64_t>(value));
  }

  void PushFloat() {  // big-endian
    std::uint64_t bits = 0;
    for (const std::byte byte : reader_.Take(sizeof(bits))) {
      bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
    }
    PushNew({.kind = Kind::kFloat, .number = std::bit_cast<double>(bits)});
  }

  std::string PopText() {
    const PickleNode& node = Node(Pop());
    if (node.kind != Kind::kText) Fail("a global's name is no string");
    return node.text;
  }

  void PushGlobal(std::string_view module, std::string_view name) {
    const std::string global = fmt::format("{} {}", module, name);
    if (std::find(globals_.begin(), globals_.end(), global) == globals_.end()) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: refuses to call {}.{}; a file of weights alone has no need of it "
                      "(torch.save(model.state_dict(), ...) writes one)",
                      name_, Quoted(module), Quoted(name)));
    }
    PushNew({.kind = Kind::kGlobal, .text = global});
  }

  void PushCall() {
    const PickleId arguments = Pop();
    const PickleNode& function = Node(Pop());
    if (function.kind != Kind::kGlobal || Node(arguments).kind != Kind::kTuple) {
      Fail("a call of something that is no function, or without a tuple of arguments");
    }
    PushNew({.kind = Kind::kCall, .text = function.text, .arguments = arguments});
  }

  void Append(const std::vector<PickleId>& items, Kind kind, Kind or_kind) {
    PickleNode& target = Node(Top());
    if (target.kind != kind && target.kind != or_kind) Fail("items of a value that holds none");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void Remember(std::uint32_t key) { memo_[key] = Top(); }
  void Recall(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) Fail(fmt::format("memo {} was never written", key));
    Push(found->second);
  }

  ByteReader reader_;
  std::string_view name_;
  std::span<const std::string_view> globals_;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint32_t, PickleId> memo_;
};

}  // namespace

Pickle ParsePickle(std::span<const std::byte> bytes, std::string_view name,
                   std::span<const std::string_view> globals) {
  return Machine(bytes, name, globals).Run();
}

}  // namespace lts
