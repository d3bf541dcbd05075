#include "lts/generate/stop_filter.h"

#include <algorithm>
#include <utility>

#include "lts/base/error.h"

namespace lts {

StopFilter::StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "stop: got an empty text, expected at least a byte");
    }
  }
}

std::string StopFilter::Add(std::string_view piece) {
  if (stopped_) return "";
  held_ += piece;
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, held_.find(stop));
  // The earliest place from which all the rest is the beginning of a stop.
  std::size_t open = held_.size();
  for (const std::string& stop : stops_) {
    const std::size_t longest = std::min(stop.size() - 1, held_.size());
    for (std::size_t length = longest; length > 0; --length) {
      if (held_.compare(held_.size() - length, length, stop, 0, length) == 0) {
        open = std::min(open, held_.size() - length);
        break;
      }
    }
  }
  // A longer stop that began before a whole one may still come, but what is whole is sure: it ends
  // the text where the whole one begins only if no open one begins earlier.
  if (first != std::string::npos && first <= open) {
    stopped_ = true;
    std::string text = held_.substr(0, first);
    held_.clear();
    return text;
  }
  std::string text = held_.substr(0, open);
  held_.erase(0, open);
  return text;
}

std::string StopFilter::Finish() {
  // One that was whole all along, behind an open one that has come to nothing.
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
  }
  return std::exchange(held_, {});
}

}  // namespace lts
