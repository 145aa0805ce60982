# Settings of every target of our own: strict warnings, and the same floating point on every machine.
function(gpushare_target_defaults target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    COMPILE_WARNING_AS_ERROR ${GPUSHARE_WARNINGS_AS_ERRORS})
  target_compile_options(${target} PRIVATE
    -ffp-contract=off  # a fused multiply-add would change results from one machine to the next
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # g++ 12 sees overlapping copies in std::string (its bug 105651)
    # Position-independent functions are inlined too, as clang does: nobody replaces one of ours.
    $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
endfunction()

# What the library's own sources see, and its tests and benchmarks with them.
add_library(gpushare_private INTERFACE)
target_include_directories(gpushare_private INTERFACE "${PROJECT_SOURCE_DIR}/libgpushare/src")
target_link_libraries(gpushare_private INTERFACE nlohmann_json::nlohmann_json fmt::fmt-header-only Eigen3::Eigen)
