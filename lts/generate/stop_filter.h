// Finds stop texts in text that comes in pieces, and holds back what may still become one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lts {

class StopFilter {
 public:
  // Throws kInvalidArgument for an empty stop text.
  explicit StopFilter(std::vector<std::string> stops);

  // Returns the text that is surely before any stop. Of several stops the one that begins first
  // counts. After a stop nothing comes any more. O(held * stops) a piece.
  std::string Add(std::string_view piece);
  // What was held back and has become no stop; "" after one.
  std::string Finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace lts
