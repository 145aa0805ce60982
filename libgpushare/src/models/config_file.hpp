#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/json_reader.hpp"

/// Published configurations (config.json of Hugging Face's transformers) as models: sizes from the configuration, times as
/// the models that are shipped have them.
namespace gpushare::config_file {

/// Whether a document is a configuration or holds one ("architecture") instead of a model's figures.
[[nodiscard]] bool is_one(const json::Reader& document);

/// The file of a model's figures that a configuration makes. Fails at the reader where the family is not known or a size
/// is missing.
[[nodiscard]] nlohmann::ordered_json model_of(const json::Reader& document);

/// The configuration of a folder, or the path itself; what a folder in a cache or a checkout calls its model.
[[nodiscard]] std::string file_of(const std::string& path);
[[nodiscard]] std::string name_of(const std::string& path);

/// Fails at the reader where the weights' index beside the configuration has other bytes than its parameters make.
void check_index(const json::Reader& document, const nlohmann::ordered_json& model, const std::string& path);

// ---- One for each architecture

/// Where figures of a model's file go, in the order of a file.
class Sheet {
 public:
  explicit Sheet(nlohmann::ordered_json& object) : object_(&object) {}

  void vendor(const char* key, double value, const std::string& source) { put(key, value, source, "vendor"); }
  void derived(const char* key, double value, const std::string& source) {
    put(key, value, source, "derived");
  }
  void assumed(const char* key, double value, const std::string& source) {
    put(key, value, source, "assumed");
  }
  void put(const char* key, const nlohmann::ordered_json& value, const std::string& source,
           const char* grade);
  Sheet section(const char* key);
  [[nodiscard]] nlohmann::ordered_json& raw() { return *object_; }

 private:
  nlohmann::ordered_json* object_;
};

/// A size of a configuration: a whole number from 1 on.
[[nodiscard]] double size(const json::Reader& config, const char* key);
[[nodiscard]] double size(const json::Reader& config, const char* key, double otherwise);

/// "16 x 4,096": numbers in sources have thousands.
[[nodiscard]] std::string shown(double number);

void add_decoder(const json::Reader& config, const std::string& source, Sheet& sheet);
void add_encoder(const json::Reader& config, const std::string& source, Sheet& sheet);
void add_whisper(const json::Reader& config, const std::string& source, Sheet& sheet);

}  // namespace gpushare::config_file
