# Third-party packages: the system's where there are any, otherwise fetched. All of them are used header-only
# or by developer targets, so that an installed gpushare needs none of them.
include(FetchContent)

FetchContent_Declare(nlohmann_json SYSTEM
  GIT_REPOSITORY https://github.com/nlohmann/json.git GIT_TAG v3.11.3 GIT_SHALLOW ON
  FIND_PACKAGE_ARGS 3.11)
FetchContent_Declare(fmt SYSTEM
  GIT_REPOSITORY https://github.com/fmtlib/fmt.git GIT_TAG 9.1.0 GIT_SHALLOW ON
  FIND_PACKAGE_ARGS)
# Only the headers: Eigen's own build would add its tests and install rules to ours.
FetchContent_Declare(Eigen3 SYSTEM
  GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0 GIT_SHALLOW ON
  SOURCE_SUBDIR headers-only
  FIND_PACKAGE_ARGS 3.4)
FetchContent_Declare(doctest SYSTEM
  GIT_REPOSITORY https://github.com/doctest/doctest.git GIT_TAG v2.4.11 GIT_SHALLOW ON
  FIND_PACKAGE_ARGS 2.4)
FetchContent_Declare(benchmark SYSTEM
  GIT_REPOSITORY https://github.com/google/benchmark.git GIT_TAG v1.8.3 GIT_SHALLOW ON
  FIND_PACKAGE_ARGS)

# A function, so that these settings reach the fetched projects and nothing else.
function(gpushare_make_available)
  set(CMAKE_POLICY_VERSION_MINIMUM 3.5)  # doctest and nlohmann_json ask for less than CMake 4 accepts
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # the options below are plain variables
  set(BUILD_TESTING OFF)
  set(BUILD_SHARED_LIBS OFF)
  set(JSON_BuildTests OFF)
  set(JSON_Install OFF)
  set(FMT_INSTALL OFF)
  set(DOCTEST_WITH_TESTS OFF)
  set(DOCTEST_NO_INSTALL ON)
  set(BENCHMARK_ENABLE_TESTING OFF)
  set(BENCHMARK_ENABLE_GTEST_TESTS OFF)
  set(BENCHMARK_ENABLE_INSTALL OFF)
  FetchContent_MakeAvailable(${ARGN})
  if("Eigen3" IN_LIST ARGN AND NOT TARGET Eigen3::Eigen)
    add_library(gpushare_eigen INTERFACE)
    target_include_directories(gpushare_eigen SYSTEM INTERFACE "${eigen3_SOURCE_DIR}")
    add_library(Eigen3::Eigen ALIAS gpushare_eigen)
  endif()
endfunction()

gpushare_make_available(nlohmann_json fmt Eigen3)
if(GPUSHARE_BUILD_TESTS)
  gpushare_make_available(doctest)
endif()
if(GPUSHARE_BUILD_BENCHMARKS)
  gpushare_make_available(benchmark)
endif()
