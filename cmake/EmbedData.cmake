# gpushare_embed_data(<output.cpp> <folder>...): writes a source that implements core/builtin.hpp with every *.json of
# these folders of the project, except their schemas. Editing, adding or removing such a file configures again.
function(gpushare_embed_data output)
  set(delimiter "gpushare_data")
  set(rows "")
  set(count 0)
  foreach(folder IN LISTS ARGN)
    file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.json")
    list(TRANSFORM files REPLACE "^.*/([^/]*)\\.json$" "\\1" OUTPUT_VARIABLE names)
    list(REMOVE_ITEM names schema)
    list(SORT names)  # as names: with their ending, a100-40gb would come before a100
    foreach(name IN LISTS names)
      set(file "${PROJECT_SOURCE_DIR}/${folder}/${name}.json")
      set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
      file(READ "${file}" text)
      string(FIND "${text}" ")${delimiter}\"" clash)
      if(NOT clash EQUAL -1)
        message(FATAL_ERROR "${file} contains )${delimiter}\", which ends the literal that holds it")
      endif()
      string(APPEND rows "    {\"${folder}\", \"${name}\", R\"${delimiter}(${text})${delimiter}\"},\n")
      math(EXPR count "${count} + 1")
    endforeach()
  endforeach()

  set(head [[
// Generated from the project's data folders when CMake configures; edit those.
#include "core/builtin.hpp"

#include <array>

namespace gpushare {
namespace {

struct Document {
  std::string_view folder, name, text;
};

// By folder, then by name.
]])
  set(tail [[
}};

}  // namespace

std::optional<std::string_view> builtin(std::string_view folder, std::string_view name) {
  for (const Document& document : kDocuments) {
    if (document.folder == folder && document.name == name) return document.text;
  }
  return std::nullopt;
}

std::vector<std::string> builtin_names(std::string_view folder) {
  std::vector<std::string> names;
  for (const Document& document : kDocuments) {
    if (document.folder == folder) names.emplace_back(document.name);
  }
  return names;
}

}  // namespace gpushare
]])
  set(source "${head}constexpr std::array<Document, ${count}> kDocuments{{\n${rows}${tail}")

  # Written only when it changes, so that configuring again compiles nothing again.
  set(present "")
  if(EXISTS "${output}")
    file(READ "${output}" present)
  endif()
  if(NOT present STREQUAL source)
    file(WRITE "${output}" "${source}")
  endif()
  # A document may be longer than the 65,536 characters a literal must be able to hold.
  set_source_files_properties("${output}" PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
endfunction()
