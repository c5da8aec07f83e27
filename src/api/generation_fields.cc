#include "api/generation_fields.h"

#include <cmath>

#include "base/ascii.h"
#include "base/str.h"
#include "base/utf8.h"

namespace hearth::api {

namespace {

void read_stop(Fields& fields, std::vector<std::string>& out) {
  const Json* value = fields.find("stop");
  if (value == nullptr) return;
  static constexpr std::string_view kExpected =
      "a non-empty string or an array of at most 4 of them, each at most 1024 bytes";
  const auto usable = [](const Json& stop) {
    return stop.is_string() && !stop.get_ref<const std::string&>().empty() &&
           stop.get_ref<const std::string&>().size() <= kMaxStopBytes;
  };
  if (usable(*value)) {
    out.push_back(value->get_ref<const std::string&>());
    return;
  }
  if (!value->is_array() || value->size() > kMaxStops) {
    const std::string got = value->is_array() ? cat(value->size(), " strings") : describe(*value);
    return fields.fail("stop", cat("'stop' must be ", kExpected, ", got ", got));
  }
  for (const Json& stop : *value) {
    if (!usable(stop)) return fields.expected("stop", kExpected, stop);
    out.push_back(stop.get_ref<const std::string&>());
  }
}

void read_logit_bias(Fields& fields, std::vector<std::pair<std::int32_t, double>>& out) {
  const Json* object = fields.object("logit_bias");
  if (object == nullptr) return;
  if (object->size() > kMaxBiases) {
    return fields.fail("logit_bias", cat("'logit_bias' holds ", object->size(), " tokens; at most ",
                                         kMaxBiases, " are supported"));
  }
  for (const auto& [key, value] : object->items()) {
    const std::optional<std::int64_t> token = parse_int(key);
    if (!token || *token < 0 || *token > INT32_MAX) {
      return fields.fail(
          "logit_bias",
          cat("'logit_bias' must map token ids to numbers, got the key ", quote(key)));
    }
    if (!value.is_number() || !(std::abs(value.get<double>()) <= 100)) {
      return fields.fail("logit_bias",
                         cat("'logit_bias' of token ", *token,
                             " must be a number between -100 and 100, got ", describe(value)));
    }
    out.emplace_back(static_cast<std::int32_t>(*token), value.get<double>());
  }
}

void read_stream(Fields& fields, GenerationFields& out) {
  fields.boolean("stream", out.stream);
  const Json* object = fields.object("stream_options");
  if (object == nullptr) return;
  if (!out.stream) {
    return fields.fail("stream_options", "'stream_options' is only allowed when 'stream' is true");
  }
  Fields options(*object, "stream_options.");
  options.boolean("include_usage", out.include_usage);
  bool obfuscation = false;
  if (options.boolean("include_obfuscation", obfuscation) && obfuscation) {
    options.refuse("include_obfuscation", "true is not supported yet by this version");
  }
  if (auto fault = options.finish()) fields.fail(*std::move(fault));
}

void read_harmless(Fields& fields) {
  std::string ignored;
  fields.text("user", ignored);
  fields.text("safety_identifier", ignored);
  fields.text("prompt_cache_key", ignored);
  fields.object("metadata");
  bool store = false;
  if (fields.boolean("store", store) && store) {
    fields.refuse("store", "true is not supported: this service keeps no answers; send false");
  }
  std::string tier;
  if (fields.text("service_tier", tier) && tier != "auto" && tier != "default") {
    fields.fail("service_tier",
                cat("'service_tier' must be \"auto\" or \"default\", got ", quote(tier)));
  }
}

// What happens to the model rather than to the answer.
void read_residence(Fields& fields, GenerationFields& out) {
  std::int64_t seconds = 0;
  if (fields.integer("ttl", 0, kMaxTimeToLive, seconds)) out.time_to_live = seconds;
  std::string provider;
  if (fields.text("ep", provider) && !is_known_provider(provider)) {
    fields.fail("ep", cat("'ep' must be \"cpu\": this version runs models on the CPU only, got ",
                          quote(provider)));
  }
}

}  // namespace

bool is_known_provider(std::string_view name) {
  const std::string lower = ascii_lower(name);
  return lower.empty() || lower == "cpu" || lower == "cpuexecutionprovider";
}

void read_generation_fields(Fields& fields, GenerationFields& out) {
  fields.text("model", out.model);
  fields.number("temperature", {0, 2}, out.temperature);
  fields.number("top_p", {0, 1}, out.top_p);
  fields.number("min_p", {.min = 0, .max = 1, .max_excluded = true}, out.min_p);
  fields.number("typical_p", {.min = 0, .max = 1, .min_excluded = true}, out.typical_p);
  fields.number("repetition_penalty", {.min = 0, .max = 2, .min_excluded = true},
                out.repetition_penalty);
  fields.number("presence_penalty", {-2, 2}, out.presence_penalty);
  fields.number("frequency_penalty", {-2, 2}, out.frequency_penalty);
  fields.integer("top_k", 0, INT32_MAX, out.top_k);
  read_logit_bias(fields, out.logit_bias);
  std::int64_t seed = 0;
  // Foundry Local's name for it is the second one.
  for (const std::string_view name : {"seed", "random_seed"}) {
    if (fields.integer(name, INT64_MIN, INT64_MAX, seed)) out.seed = seed;
  }
  read_stop(fields, out.stop);
  fields.integer("n", 1, kMaxChoices, out.n);
  fields.boolean("ignore_eos", out.ignore_eos);
  read_stream(fields, out);
  read_harmless(fields);
  read_residence(fields, out);
}

Json usage_json(const UsageFields& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

double finite_logprob(double logprob) { return logprob >= -9999 ? std::min(logprob, 0.0) : -9999; }

Json score_json(const TokenScore& score) {
  Json bytes = Json::array();
  for (const char c : score.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", to_valid_utf8(score.bytes)},
          {"logprob", finite_logprob(score.logprob)},
          {"bytes", std::move(bytes)}};
}

std::string sse_event(const Json& value) { return cat("data: ", dump(value), "\n\n"); }

std::string sse_error(const ApiError& error) { return cat("data: ", error_body(error), "\n\n"); }

}  // namespace hearth::api
