#pragma once

#include <memory>
#include <string>

#include "core/json_reader.hpp"
#include "gpushare/model.hpp"

namespace gpushare {

/// A model that stands in a document. One without a name or a title is called `otherwise`, if that is not empty.
[[nodiscard]] Model read_model(const json::Reader& reader, const std::string& otherwise = {});
/// The one that a document names, by its path or not, or holds.
[[nodiscard]] std::shared_ptr<const Model> named_model(const json::Reader& reader,
                                                       const std::string& otherwise);

namespace models {

[[nodiscard]] Precision read_precision(const json::Reader& name);
/// Not empty.
[[nodiscard]] std::string read_text(const json::Reader& value);

}  // namespace models
}  // namespace gpushare
