#include "models/config_file.hpp"

#include <array>
#include <cmath>
#include <filesystem>

#include "core/catalogue.hpp"
#include "core/text.hpp"

namespace gpushare::config_file {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::string_view kFile = "config.json";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr double kTolerance = 0.02;

struct Family {
  std::string_view name;
  void (*add)(const json::Reader&, const std::string&, Sheet&);
};
constexpr std::array<Family, 16> kFamilies{{{"llama", add_decoder},
                                            {"mistral", add_decoder},
                                            {"qwen2", add_decoder},
                                            {"qwen3", add_decoder},
                                            {"qwen3_moe", add_decoder},
                                            {"mixtral", add_decoder},
                                            {"gemma", add_decoder},
                                            {"gemma2", add_decoder},
                                            {"gemma3", add_decoder},
                                            {"gemma3_text", add_decoder},
                                            {"phi3", add_decoder},
                                            {"gpt_oss", add_decoder},
                                            {"bert", add_encoder},
                                            {"roberta", add_encoder},
                                            {"xlm-roberta", add_encoder},
                                            {"whisper", add_whisper}}};

const Family& family_of(const json::Reader& config) {
  const json::Reader type = config.at("model_type");
  const std::string name = type.string();
  std::vector<std::string> known;
  for (const Family& family : kFamilies) {
    if (family.name == name) return family;
    known.emplace_back(family.name);
  }
  type.fail(unknown_name("family of models", name, known) +
            "; write its figures by hand as those of models/llama-3.1-8b.json are");
}

// Of networks that also see, the part that writes.
json::Reader network_of(const json::Reader& document) {
  const json::Reader config = document.has("architecture") ? document.at("architecture") : document;
  return config.has("text_config") ? config.at("text_config") : config;
}

// What a method's weights are here, by the bits that it says or is known for.
std::optional<std::string> format_of(const json::Reader& quantization) {
  const auto lower = [&](const char* key) { return text::lower_case(quantization.string(key, "")); };
  const std::string method = lower("quant_method"), said = lower("quant_algo") + lower("fmt");
  const auto bits = [&](const json::Reader& of, const char* key, std::int64_t otherwise) {
    return of.integer(key, otherwise, 1, 64) == 4 ? "int4" : "int8";
  };
  if (method == "mxfp4" || said.find("fp4") != std::string::npos) return "int4";
  if (method == "fp8" || method == "fbgemm_fp8" || said.find("fp8") != std::string::npos) return "fp8";
  if (method == "awq" || method == "gptq") return bits(quantization, "bits", 4);
  if (method == "bitsandbytes")
    return quantization.has("load_in_8bit") && quantization.at("load_in_8bit").boolean() ? "int8" : "int4";
  if (method == "compressed-tensors" && quantization.has("config_groups"))
    for (const std::string& group : quantization.at("config_groups").keys()) {
      const json::Reader weights = quantization.at("config_groups").at(group).at("weights");
      if (weights.string("type", "int") == "float")
        return weights.integer("num_bits", 8, 1, 64) == 4 ? "int4" : "fp8";
      return bits(weights, "num_bits", 8);
    }
  return std::nullopt;
}

void add_published(const json::Reader& config, Sheet& sheet) {
  if (!config.has("quantization_config") || !sheet.raw().contains("formats")) return;
  const json::Reader quantization = config.at("quantization_config");
  const auto format = format_of(quantization);
  if (!format)
    quantization.fail(
        "no way to store weights that is known here: fp8, mxfp4, awq, gptq, bitsandbytes and "
        "compressed-tensors with their bits are; leave it out and say the service's \"precision\"");
  sheet.raw()["published_format"] = *format;
}

double bytes_of(const std::string& dtype) { return dtype.ends_with("32") ? 4 : 2; }

}  // namespace

void Sheet::put(const char* key, const ordered_json& value, const std::string& source, const char* grade) {
  ordered_json figure;
  const bool whole = value.is_number_float() && std::floor(value.get<double>()) == value.get<double>() &&
                     std::abs(value.get<double>()) < 1e15;
  figure["value"] = whole ? ordered_json(value.get<std::int64_t>()) : value;
  figure["source"] = source;
  figure["grade"] = grade;
  (*object_)[key] = std::move(figure);
}

Sheet Sheet::section(const char* key) {
  (*object_)[key] = ordered_json::object();
  return Sheet((*object_)[key]);
}

double size(const json::Reader& config, const char* key) {
  return static_cast<double>(config.at(key).integer(1, std::int64_t{1} << 40));
}

double size(const json::Reader& config, const char* key, double otherwise) {
  return config.has(key) ? size(config, key) : otherwise;
}

std::string shown(double number) {
  std::string digits = text::format("{}", static_cast<std::int64_t>(number));
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

bool is_one(const json::Reader& document) {
  return document.is_object() && !document.has("kind") &&
         (document.has("architecture") || document.has("model_type"));
}

ordered_json model_of(const json::Reader& document) {
  const bool held = document.has("architecture");
  const json::Reader config = network_of(document);
  ordered_json model{{"$schema", "schema.json"}};
  const std::string name = held ? document.string("name", "") : "";
  if (!name.empty()) model["name"] = name;
  if (held && document.has("title")) model["title"] = document.at("title").string();
  const bool sees = (held ? document.at("architecture") : document).has("text_config");
  model["description"] =
      std::string(sees ? "The part that writes of a network that also sees. " : "") +
      "Made of the published configuration. Efficiencies and floors are those of the shipped models on A100, "
      "scaled by layers and widths, until a measurement says better.";
  Sheet sheet(model);
  family_of(config).add(config, held ? document.at("source").string() : "its config.json", sheet);
  add_published(config.has("quantization_config") ? config
                : held                            ? document.at("architecture")
                                                  : document,
                sheet);
  if (held) {
    for (const char* known : {"$schema", "description", "architecture"}) document.ignore(known);
    document.finish();
  }
  return model;
}

std::string file_of(const std::string& path) {
  std::error_code ignored;
  return is_path(path) && fs::is_directory(path, ignored) ? (fs::path(path) / kFile).string() : path;
}

std::string name_of(const std::string& path) {
  if (path.empty()) return "model";
  const fs::path file = fs::absolute(path);
  for (const fs::path& part : file) {  // "models--Qwen--Qwen3-4B" of a cache
    const std::string folder = part.string();
    if (folder.starts_with("models--")) return folder.substr(folder.rfind("--") + 2);
  }
  if (file.filename() == kFile) return file.parent_path().filename().string();
  return file.stem().string();
}

void check_index(const json::Reader& document, const ordered_json& model, const std::string& path) {
  const json::Reader config = network_of(document);
  const fs::path file = fs::path(path).parent_path() / kIndex;
  const bool plain = !document.has("quantization_config") && !document.has("text_config");
  if (!plain || !model.contains("formats") || !fs::exists(path) || !fs::exists(file)) return;
  const auto fail = [&](const std::string&, const std::string& what) { document.fail(what); };
  const nlohmann::json index = json::load_file(file.string(), fail);
  const double total = index.value("metadata", nlohmann::json::object()).value("total_size", 0.0);
  const std::string dtype = config.string("torch_dtype", config.string("dtype", "bfloat16"));
  const double made =
      model.at("formats").at("fp16").at("weight_bytes").at("value").get<double>() * bytes_of(dtype) / 2;
  if (total > 0 && std::abs(total - made) > kTolerance * made)
    document.fail(
        text::format("its parameters make {} bytes in {}, but {} says {}: the network is not what its "
                     "model_type says, or the files belong to different models",
                     shown(made), dtype, file.string(), shown(total)));
}

}  // namespace gpushare::config_file
