# Cross-builds lts for 64-bit Arm on Debian x86-64 and runs its tests under qemu's user-mode emulation.
# Use it through the preset `aarch64`; tools/check_aarch64.sh makes the sysroot first.
#   LTS_SYSROOT   the folder with arm64's headers and libraries
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(LTS_SYSROOT "" CACHE PATH "Headers and libraries of arm64 (tools/check_aarch64.sh makes it)")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LTS_SYSROOT) # the compiler's checks read this file, too
if(NOT IS_DIRECTORY "${LTS_SYSROOT}/usr/include")
  message(FATAL_ERROR "LTS_SYSROOT '${LTS_SYSROOT}' has no usr/include: run tools/check_aarch64.sh")
endif()
set(CMAKE_SYSROOT "${LTS_SYSROOT}")
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Programs are this machine's; all else is the sysroot's.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Every test program is run with it, and by the environment what a test starts itself (lts/measure/child_process.h).
# -L and QEMU_LD_PREFIX: where the loader and the shared libraries are.
find_program(LTS_QEMU qemu-aarch64 REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR "${LTS_QEMU}" -L "${LTS_SYSROOT}")
set(LTS_TEST_ENVIRONMENT "LTS_EMULATOR=${LTS_QEMU}" "QEMU_LD_PREFIX=${LTS_SYSROOT}")
