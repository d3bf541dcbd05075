// JSON values, read and written. A small value type of our own, so that no header of a JSON library
// leaks into public headers and every access can say which file and which field was wrong.
//
// Reading bounds depth and size, and refuses duplicate keys, NaN, trailing text and invalid UTF-8.
// Writing gives numbers the fewest digits that read back equal, laid out as Python's repr (1e-05);
// integers stay integers and 1.0 stays a number.
// Not for streams or documents beyond memory. Not thread-safe to mutate; const access is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lts {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // in order of appearance; keys are unique

  Json() = default;                                        // null
  Json(bool value) : value_(value) {}                      // NOLINT(google-explicit-constructor)
  Json(int value) : value_(std::int64_t{value}) {}         // NOLINT
  Json(std::int64_t value) : value_(value) {}              // NOLINT
  Json(double value) : value_(value) {}                    // NOLINT
  Json(const char* value) : value_(std::string(value)) {}  // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}  // NOLINT
  Json(std::string value) : value_(std::move(value)) {}         // NOLINT
  Json(Array value) : value_(std::move(value)) {}               // NOLINT
  Json(Object value) : value_(std::move(value)) {}              // NOLINT
  // Out of line: compilers otherwise copy the variant's visitors into every user (and GCC 12 warns
  // of them).
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();
  static Json MakeObject() { return Json(Object{}); }
  static Json MakeArray() { return Json(Array{}); }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  std::string_view type_name()
      const;  // "null", "boolean", "integer", "number", "string", "array", "object"

  // Each throws kInvalidArgument "expected <type>, got <type>" when the type differs. AsInt also
  // takes a number without a fraction (1e3) within +-2^53.
  bool AsBool() const;
  std::int64_t AsInt() const;
  double AsDouble() const;
  const std::string& AsString() const;
  const Array& AsArray() const;
  const Object& AsObject() const;
  Array& AsArray();
  Object& AsObject();

  // The member of an object, or nullptr when absent. Throws when this is not an object. O(members).
  const Json* Find(std::string_view key) const;
  // The member, created as null when absent. Throws when this is not an object.
  Json& operator[](std::string_view key);
  void Append(Json element);  // to an array

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  int max_depth = 64;
  std::size_t max_bytes = std::size_t{64} << 20;
};

// `name` is the file (or other origin) for messages: "model.json: line 3, column 7: expected ...".
// Throws kInvalidArgument. O(bytes).
Json ParseJson(std::string_view text, std::string_view name, const JsonLimits& limits = {});

// The same value model from TOML 1.0 text (dates become strings).
Json ParseToml(std::string_view text, std::string_view name, const JsonLimits& limits = {});

// Reads the file and parses it as TOML when it ends in .toml, else as JSON.
Json ReadJsonFile(const std::string& path, const JsonLimits& limits = {});

enum class JsonStyle {
  kCompact,  // {"a":1,"b":[1,2]}
  kPretty,   // two spaces, one member a line, arrays of scalars on one line; ends without a newline
  kPython,   // as Python's json.dumps(sort_keys=True): {"a": 1, "b": [1, 2]}; keys sorted, ASCII
             // only
};
// Throws kInvalidArgument for NaN and infinity, which JSON lacks. Bytes of a string that are no
// UTF-8 become U+FFFD: what is written can always be read.
std::string WriteJson(const Json& value, JsonStyle style = JsonStyle::kPretty);

// Reads the members of an object one by one, with messages that name file, field, value and what
// was expected:
//   ObjectReader r(json, "config.json");
//   auto d_model = r.Int("n_embd", 1, 1 << 20);                    // required
//   auto eps = r.DoubleOr("layer_norm_epsilon", 0, 1, 1e-5);       // absent or null: 1e-5
//   r.RejectUnknown();  // kNotFound, with a suggestion, for a key never asked for
// All throw kInvalidArgument:
//   "config.json: field 'n_embd': got -3, expected an integer in [1, 1048576]".
class ObjectReader {
 public:
  // Throws when `json` is no object. Keeps references: `json` must outlive the reader.
  ObjectReader(const Json& json, std::string name);

  bool Has(std::string_view key);  // present and not null; counts as asked for
  std::int64_t Int(std::string_view key, std::int64_t low, std::int64_t high);
  double Double(std::string_view key, double low, double high);
  bool Bool(std::string_view key);
  const std::string& String(std::string_view key);
  const Json& Member(std::string_view key);
  // An integer, or an array of integers (each in range).
  std::vector<std::int64_t> Ints(std::string_view key, std::int64_t low, std::int64_t high,
                                 std::size_t max_count);
  std::int64_t IntOr(std::string_view key, std::int64_t low, std::int64_t high,
                     std::int64_t otherwise);
  double DoubleOr(std::string_view key, double low, double high, double otherwise);
  bool BoolOr(std::string_view key, bool otherwise);
  std::string StringOr(std::string_view key, std::string_view otherwise);

  void RejectUnknown();
  // Throws kInvalidArgument "<name>: field '<key>': got <value>, <problem>".
  [[noreturn]] void Fail(std::string_view key, std::string_view problem) const;

 private:
  const Json* Ask(std::string_view key);
  const Json& Require(std::string_view key, std::string_view expected);

  const Json& json_;
  std::string name_;
  std::vector<std::string> asked_;
};

}  // namespace lts
