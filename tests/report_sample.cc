// report_sample FOLDER [NAME]: writes the report of a made-up search (lts/report/sample_report.h),
// or for the name "comparison" FOLDER/comparison.html, for the pages' browser test and for looking
// at them. Exit 0; 1 and one line on stderr when it cannot.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "lts/base/files.h"
#include "lts/report/sample_report.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: report_sample FOLDER [NAME]\n", stderr);
    return 1;
  }
  try {
    const std::string_view name = argc == 3 ? argv[2] : "typical";
    if (name == "comparison") {
      lts::EnsureWritableFolder(argv[1]);
      lts::WriteFileAtomic(std::string(argv[1]) + "/comparison.html",
                           lts::ComparisonHtml(lts::SampleComparison()));
    } else {
      lts::WriteReport(lts::SampleReport(name), argv[1]);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report_sample: %s\n", error.what());
    return 1;
  }
  return 0;
}
