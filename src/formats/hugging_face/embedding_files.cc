#include "formats/hugging_face/embedding_files.h"

#include <string>
#include <string_view>

#include "base/str.h"
#include "base/strict_json.h"
#include "formats/hugging_face/config_reader.h"

namespace hearth::formats {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kModules = "modules.json";
constexpr std::string_view kPoolingFolder = "1_Pooling";
constexpr std::string_view kPooling = "1_Pooling/config.json";
constexpr std::string_view kSentence = "sentence_bert_config.json";

// A step's type is a Python class; its module moves between versions, its name does not.
std::string_view class_name(std::string_view type) {
  const std::size_t dot = type.rfind('.');
  return dot == type.npos ? type : type.substr(dot + 1);
}

Result<void> read_modules(std::string_view text, Draft& draft) {
  auto steps = parse_strict_json(text, kModules);
  if (!steps) return Error{ErrorKind::corrupt, steps.error().message};
  if (!steps->is_array()) return Error{ErrorKind::corrupt, cat(kModules, " is not a JSON list")};
  bool normalize = false;
  for (const Json& json : *steps) {
    ConfigReader step(json, std::string(kModules));
    const std::string type = step.text_or("type", "");
    const std::string path = step.text_or("path", "");
    const std::string_view name = class_name(type);
    if (name == "Pooling" && path != kPoolingFolder) {
      step.fail(ErrorKind::unsupported,
                cat("the pooling is in ", quote(path), "; expected ", quote(kPoolingFolder)));
    }
    if (name != "Transformer" && name != "Pooling" && name != "Normalize") {
      step.fail(ErrorKind::unsupported,
                cat("a step is ", quote(type), "; Hearth does Transformer, Pooling and Normalize"));
    }
    if (step.error()) return *step.error();
    normalize = normalize || name == "Normalize";
  }
  draft.set("normalize_embeddings", normalize);
  return {};
}

Result<void> read_pooling(std::string_view text, Draft& draft) {
  HEARTH_TRY(const Json json, parse_settings(text, kPooling));
  ConfigReader pooling(json, std::string(kPooling));
  const bool mean = pooling.flag_or("pooling_mode_mean_tokens", false);
  const bool cls = pooling.flag_or("pooling_mode_cls_token", false);
  const bool last = pooling.flag_or("pooling_mode_lasttoken", false);
  bool other = false;  // these are added to the vector, not chosen instead
  for (const char* mode : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                           "pooling_mode_weightedmean_tokens"}) {
    other = pooling.flag_or(mode, false) || other;
  }
  if (mean + cls + last != 1 || other) {
    pooling.fail(ErrorKind::unsupported,
                 "expected one of pooling_mode_mean_tokens, pooling_mode_cls_token and "
                 "pooling_mode_lasttoken to be true, and no other mode");
  }
  if (pooling.error()) return *pooling.error();
  // The numbers of GGUF: 1 mean, 2 cls, 3 last.
  draft.set("pooling_type", std::int64_t{mean ? 1 : cls ? 2 : 3});
  return {};
}

Result<void> read_longest(std::string_view text, Draft& draft) {
  HEARTH_TRY(const Json json, parse_settings(text, kSentence));
  ConfigReader sentence(json, std::string(kSentence));
  if (sentence.has("max_seq_length")) {
    draft.set("max_sequence_length", sentence.integer("max_seq_length"));
  }
  if (sentence.error()) return *sentence.error();
  return {};
}

}  // namespace

Result<void> read_embedding_files(const HuggingFaceFiles& files, Draft& draft) {
  if (!files.modules.empty()) HEARTH_TRY_VOID(read_modules(files.modules, draft));
  if (!files.pooling.empty()) HEARTH_TRY_VOID(read_pooling(files.pooling, draft));
  if (!files.sentence_bert_config.empty()) {
    HEARTH_TRY_VOID(read_longest(files.sentence_bert_config, draft));
  }
  return {};
}

}  // namespace hearth::formats
