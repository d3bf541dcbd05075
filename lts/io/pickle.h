// Python pickles as plain data: read without executing anything.
// Source: the opcodes' descriptions in Python's pickletools module (protocols 2 to 4).
//
// A pickle is a program for a stack machine that may name any function of Python and call it. This
// reader has no functions: a global is a name, which must be in the caller's list, and a call is a
// node that says what was called with what. Opcodes that torch.save never emits are refused too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lts {

using PickleId = std::int32_t;  // index into Pickle::nodes

struct PickleNode {
  enum class Kind {
    kNone,
    kBool,        // integer: 0 or 1
    kInt,         // integer
    kFloat,       // number
    kText,        // text: UTF-8, or the bytes of a string of Python 2
    kTuple,       // items
    kList,        // items
    kDict,        // items: key, value, key, value ...
    kGlobal,      // text: "torch._utils _rebuild_tensor_v2", module and name
    kCall,        // text: the global; arguments; items that were set on the result, as in kDict
    kPersistent,  // arguments: what its one item refers to is the caller's to know
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  PickleId arguments = -1;  // a tuple
  std::vector<PickleId> items;
};

// A node may be reached by several ways, or contain itself.
struct Pickle {
  std::vector<PickleNode> nodes;
  PickleId root = 0;
  std::size_t bytes = 0;  // of the input that it took

  const PickleNode& operator[](PickleId id) const { return nodes[static_cast<std::size_t>(id)]; }
};

// Pickles of state_dicts have tens of kilobytes, 100 bytes a tensor; a node takes up to 100 times
// its opcode.
inline constexpr std::size_t kMaxPickleBytes = std::size_t{4} << 20;

// Reads the pickle at the beginning of `bytes`, up to its STOP. `globals` are the names that it may
// hold, as in PickleNode::text. `name` is the file, for messages. Throws kCorrupt, and
// kUnsupported: "pytorch_model.bin: refuses to call os.system; ...". O(bytes).
Pickle ParsePickle(std::span<const std::byte> bytes, std::string_view name,
                   std::span<const std::string_view> globals);

}  // namespace lts
