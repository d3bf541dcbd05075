// The tests' main: a memory probe starts this program again as its child.
#include <gtest/gtest.h>

#include <iostream>
#include <string_view>

#include "lts/measure/memory.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "memory-probe") {
    return lts::RunMemoryProbeChild(std::cin, std::cout, std::cerr);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
