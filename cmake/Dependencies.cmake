# Third-party packages: the system's where there are any, otherwise fetched. All of them are used header-only
# or by developer targets, so that an installed gpushare needs none of them.
include(FetchContent)

# gpushare_package(<name> <Debian's name> <version or ""> <repository> <tag> [<more of FetchContent_Declare>...])
function(gpushare_package name debian version repository tag)
  FetchContent_Declare(${name} SYSTEM
    GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW ON ${ARGN}
    FIND_PACKAGE_ARGS ${version})
  set(gpushare_${name}_version ${version} PARENT_SCOPE)
  set(gpushare_${name}_origin "(on Debian: ${debian}); fetching ${tag} from ${repository}" PARENT_SCOPE)
endfunction()

gpushare_package(nlohmann_json nlohmann-json3-dev 3.11 https://github.com/nlohmann/json.git v3.11.3)
gpushare_package(fmt libfmt-dev "" https://github.com/fmtlib/fmt.git 9.1.0)
# Only the headers: Eigen's own build would add its tests and install rules to ours.
gpushare_package(Eigen3 libeigen3-dev 3.4 https://gitlab.com/libeigen/eigen.git 3.4.0 SOURCE_SUBDIR headers-only)
gpushare_package(doctest doctest-dev 2.4 https://github.com/doctest/doctest.git v2.4.11)
gpushare_package(benchmark libbenchmark-dev "" https://github.com/google/benchmark.git v1.8.3)

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
  foreach(package IN LISTS ARGN)
    find_package(${package} ${gpushare_${package}_version} QUIET)
    if(NOT ${package}_FOUND)  # when fetching fails, CMake's own words name neither package
      message(STATUS "${package} is not installed ${gpushare_${package}_origin}")
    endif()
  endforeach()
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
