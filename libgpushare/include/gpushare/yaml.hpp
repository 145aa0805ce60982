#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gpushare {

/// The JSON text of a YAML document; `path` names it in messages. Throws what the caller of a reader is to see.
using YamlReader = std::function<std::string(const std::string& path, std::string_view text)>;

/// Who reads files that end with .yaml or .yml, wherever the path of a JSON file is taken: scenarios, models, profiles. The
/// library has no parser of its own, and refuses them until one is given; Python gives its own. Nothing takes it back.
/// May be called at any time, by any thread.
void read_yaml_by(YamlReader reader);

}  // namespace gpushare
