#include "formats/hugging_face/tokenizer_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/str.h"
#include "formats/end_of_generation.h"
#include "text/tokenizer_json.h"

namespace hearth::formats {

namespace {

using Json = nlohmann::ordered_json;
using text::TokenId;
using text::TokenizerSpec;

// A token that a configuration names: "</s>", or an object with its "content".
std::string token_text(const ConfigReader& config, std::string_view key) {
  const Json* value = config.find(key);
  if (value != nullptr && value->is_object()) {
    const auto content = value->find("content");
    value = content == value->end() ? nullptr : &*content;
  }
  const auto* text = value == nullptr ? nullptr : value->get_ptr<const std::string*>();
  return text == nullptr ? std::string() : *text;
}

std::optional<TokenId> find_token(const TokenizerSpec& spec, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto it = std::find(spec.tokens.begin(), spec.tokens.end(), text);
  if (it == spec.tokens.end()) return std::nullopt;
  return static_cast<TokenId>(it - spec.tokens.begin());
}

// The ids under a key; an id outside the vocabulary is a fault of the configuration.
std::vector<TokenId> ids_of(ConfigReader& config, std::string_view key, const TokenizerSpec& spec) {
  std::vector<TokenId> out;
  for (const std::int64_t id : config.integers(key)) {
    if (id >= 0 && id < static_cast<std::int64_t>(spec.tokens.size())) {
      out.push_back(static_cast<TokenId>(id));
    } else {
      config.fail(ErrorKind::corrupt, cat(key, " is ", id, ", expected an id of the ",
                                          spec.tokens.size(), " tokens of tokenizer.json"));
    }
  }
  return out;
}

// tokenizer_config.json names the special tokens by text, config.json by id; the first wins.
void set_named_tokens(const ConfigReader& tokenizer_config, ConfigReader& config,
                      TokenizerSpec& spec) {
  const auto set = [&](std::optional<TokenId>& out, const char* text_key, const char* id_key) {
    if (out) return;  // the post-processor of tokenizer.json has it
    out = find_token(spec, token_text(tokenizer_config, text_key));
    const std::vector<TokenId> ids = ids_of(config, id_key, spec);
    if (!out && !ids.empty()) out = ids.front();
  };
  set(spec.bos, "bos_token", "bos_token_id");
  set(spec.eos, "eos_token", "eos_token_id");
  set(spec.pad, "pad_token", "pad_token_id");
}

void set_ends(ConfigReader& config, ConfigReader& generation_config, TokenizerSpec& spec) {
  std::vector<TokenId> ends = ids_of(config, "eos_token_id", spec);
  const std::vector<TokenId> more = ids_of(generation_config, "eos_token_id", spec);
  ends.insert(ends.end(), more.begin(), more.end());
  if (spec.eos) ends.push_back(*spec.eos);
  set_end_of_generation(spec, std::move(ends));
}

// A template of tokenizer_config.json: one text, or several by name, of which "default" is meant.
Result<std::string> named_template(const ConfigReader& tokenizer_config) {
  const Json* value = tokenizer_config.find("chat_template");
  if (value == nullptr) return std::string();
  if (const auto* text = value->get_ptr<const std::string*>()) return *text;
  if (value->is_array()) {
    for (const Json& entry : *value) {
      const ConfigReader named(entry, "chat_template");
      if (token_text(named, "name") == "default") return token_text(named, "template");
    }
  }
  return Error{ErrorKind::corrupt,
               "tokenizer_config.json: chat_template is neither a text nor a list with one named "
               "\"default\""};
}

}  // namespace

Result<void> read_tokenizer_files(const HuggingFaceFiles& files, ConfigReader& config,
                                  ConfigReader& generation_config, Checkpoint& out) {
  HEARTH_TRY(const Json json, parse_settings(files.tokenizer_config, "tokenizer_config.json"));
  const ConfigReader tokenizer_config(json, "tokenizer_config.json");
  out.chat_template = files.chat_template;
  if (out.chat_template.empty()) {
    HEARTH_TRY(out.chat_template, named_template(tokenizer_config));
  }
  if (files.tokenizer.empty()) {
    out.tokenizer_problem = "the folder has no tokenizer.json; fetch it too";
    return {};
  }
  auto parsed = text::parse_tokenizer_json(files.tokenizer);
  if (!parsed) {
    if (parsed.error().kind != ErrorKind::unsupported) return parsed.error();
    out.tokenizer_problem = parsed.error().message;
    return {};
  }
  TokenizerSpec spec = *std::move(parsed);
  set_named_tokens(tokenizer_config, config, spec);
  set_ends(config, generation_config, spec);
  if (config.error()) return *config.error();
  if (generation_config.error()) return *generation_config.error();
  out.tokenizer = std::move(spec);
  return {};
}

}  // namespace hearth::formats
