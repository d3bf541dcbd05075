#include "lts/report/report.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/report/format.h"
#include "lts/report/members.h"

namespace lts {
namespace {

constexpr std::size_t kIdDigits = 40;

// A file that an earlier WriteReport made: "<backbone>_<40 hex digits>.json". A reader's own notes
// stay.
bool IsArchitectureFile(const std::string& name) {
  constexpr std::string_view kSuffix = ".json";
  if (name.size() < kIdDigits + kSuffix.size() + 2 || !std::string_view(name).ends_with(kSuffix))
    return false;
  const std::string_view stem = std::string_view(name).substr(0, name.size() - kSuffix.size());
  const std::string_view digits = stem.substr(stem.size() - kIdDigits);
  return stem[stem.size() - kIdDigits - 1] == '_' &&
         std::all_of(digits.begin(), digits.end(),
                     [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

// Nothing is written where the file holds that already: a running search rewrites its report often,
// and the shapes on its front rarely change.
void WriteIfDifferent(const std::string& path, const std::string& contents) {
  try {
    if (ReadFile(path, contents.size()) == contents) return;
  } catch (const Error&) {
    // Absent, longer or unreadable: written below, which says what is wrong if it cannot be.
  }
  WriteFileAtomic(path, contents);
}

}  // namespace

void WriteReport(const ReportData& data, const std::string& folder) {
  const std::filesystem::path root(folder);
  const std::filesystem::path architectures = root / "architectures";
  EnsureWritableFolder(folder);
  EnsureWritableFolder(architectures.string());

  std::set<std::string> current;
  for (const std::size_t index : FrontAndNearTies(data)) {
    const Architecture& architecture = data.evaluated[index].architecture;
    const std::string name = architecture.Id() + ".json";
    WriteIfDifferent((architectures / name).string(),
                     WriteJson(ArchitectureJson(architecture)) + "\n");
    current.insert(name);
  }
  const auto write = [&](const char* name, const std::string& contents) {
    WriteFileAtomic((root / name).string(), contents);
  };
  write("front.json", WriteJson(FrontJson(data)) + "\n");
  write("front.csv", FrontCsv(data));
  write("evaluated.csv", EvaluatedCsv(data));
  write("run.json", WriteJson(CleanJson(data.run)) + "\n");
  write("front.svg", FrontSvg(data));
  write("report.html", ReportHtml(data));

  // Last: until here every file that an older front.json names was still there.
  std::error_code error;
  for (std::filesystem::directory_iterator it(architectures, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!IsArchitectureFile(name) || current.contains(name)) continue;
    std::error_code removing;
    std::filesystem::remove(it->path(), removing);
    if (removing) {
      throw Error(ErrorCode::kIo,
                  it->path().string() +
                      ": cannot remove an architecture that left the front: " + removing.message());
    }
  }
  if (error) {
    throw Error(ErrorCode::kIo,
                architectures.string() + ": cannot list the folder: " + error.message());
  }
}

}  // namespace lts
