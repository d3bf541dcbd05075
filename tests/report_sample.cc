// report_sample FOLDER [NAME]: writes the report of a made-up search (lts/report/sample_report.h)
// for the page's browser test and for looking at it. Exit 0; 1 and one line on stderr when it
// cannot.
#include <cstdio>
#include <exception>
#include <string>

#include "lts/report/sample_report.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: report_sample FOLDER [NAME]\n", stderr);
    return 1;
  }
  try {
    lts::WriteReport(lts::SampleReport(argc == 3 ? argv[2] : "typical"), argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report_sample: %s\n", error.what());
    return 1;
  }
  return 0;
}
