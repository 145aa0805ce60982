# Third-party packages: the system's where there are any, otherwise fetched. All of them are used header-only
# or by developer targets, so that an installed gpushare needs none of them.
include(FetchContent)

# gpushare_package(<name> <Debian's name> <version or ""> <repository> <tag> [<more of FetchContent_Declare>...])
function(gpushare_package name debian version repository tag)
  FetchContent_Declare(${name} SYSTEM
    GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW ON ${ARGN}
    FIND_PACKAGE_ARGS ${version})
  set(gpushare_${name}_version ${version} PARENT_SCOPE)
  set(gpushare_${name}_debian ${debian} PARENT_SCOPE)
  set(gpushare_${name}_repository ${repository} PARENT_SCOPE)
  set(gpushare_${name}_tag ${tag} PARENT_SCOPE)
endfunction()

# Why a package cannot be fetched, or "". Its tag is the name of one.
function(gpushare_unreachable name why)
  set(${why} "" PARENT_SCOPE)
  string(TOLOWER ${name} lower)
  FetchContent_GetProperties(${name})
  set(fetched "${CMAKE_BINARY_DIR}/_deps")
  if(FETCHCONTENT_BASE_DIR)
    set(fetched "${FETCHCONTENT_BASE_DIR}")
  endif()
  if(${lower}_POPULATED OR FETCHCONTENT_FULLY_DISCONNECTED OR EXISTS "${fetched}/${lower}-src/CMakeLists.txt")
    return()
  endif()
  find_package(Git QUIET)
  if(NOT GIT_FOUND)
    set(${why} "there is no git" PARENT_SCOPE)
    return()
  endif()
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env GIT_TERMINAL_PROMPT=0 "${GIT_EXECUTABLE}" ls-remote --exit-code
      ${gpushare_${name}_repository} ${gpushare_${name}_tag}
    TIMEOUT 60 RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE said ERROR_STRIP_TRAILING_WHITESPACE)
  if(NOT result EQUAL 0)
    string(REPLACE "\n" " " said "${result}: ${said}")
    set(${why} "git ended with ${said}" PARENT_SCOPE)
  endif()
endfunction()

# Says what is fetched because it is not installed, and stops where it cannot be: CMake's own words name no package.
# Whoever includes this project may have declared another place to fetch it from, so that is only warned.
function(gpushare_check_source name)
  find_package(${name} ${gpushare_${name}_version} QUIET)
  string(TOUPPER ${name} upper)
  if(${name}_FOUND OR FETCHCONTENT_SOURCE_DIR_${upper})
    return()
  endif()
  set(debian ${gpushare_${name}_debian})
  set(repository ${gpushare_${name}_repository})
  message(STATUS "${name} is not installed (on Debian: ${debian}); fetching ${gpushare_${name}_tag} from ${repository}")
  gpushare_unreachable(${name} why)
  if(why)
    set(level WARNING)
    if(PROJECT_IS_TOP_LEVEL)
      set(level FATAL_ERROR)
    endif()
    message(${level} "${name} is missing: it is not installed, and ${repository} cannot be reached (${why}). "
      "Install it (on Debian: apt-get install ${debian}), or name a folder with its source: "
      "-DFETCHCONTENT_SOURCE_DIR_${upper}=FOLDER.")
  endif()
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
    gpushare_check_source(${package})
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
