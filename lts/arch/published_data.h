// Published numbers that tests compare with; they lie outside the repository and may be absent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace lts {

inline std::string PublishedData(const std::string& path) {
  return std::string(LTS_SOURCE_DIR) + "/../shared/data/" + path;
}

// Rows of a CSV file with a header line and without quotes, by column name. Empty when absent.
inline std::vector<std::map<std::string, std::string>> ReadPublishedCsv(const std::string& path) {
  const auto fields = [](const std::string& line) {
    std::vector<std::string> result;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, ',');) result.push_back(field);
    return result;
  };
  std::vector<std::map<std::string, std::string>> rows;
  std::ifstream in(PublishedData(path));
  std::string line;
  if (!std::getline(in, line)) return rows;
  const std::vector<std::string> header = fields(line);
  while (std::getline(in, line)) {
    const std::vector<std::string> values = fields(line);
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < values.size(); ++i) row[header.at(i)] = values[i];
  }
  return rows;
}

inline std::vector<std::int64_t> ParseIntegers(const std::string& text) {
  std::vector<std::int64_t> values;
  std::istringstream in(text);
  for (std::int64_t value = 0; in >> value;) values.push_back(value);
  return values;
}

}  // namespace lts
