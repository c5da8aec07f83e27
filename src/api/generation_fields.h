// generation_fields.h - what chat and legacy completions have in common: how an answer is drawn,
// when it ends, how it is delivered, and the pieces of a reply.
//
// Extensions beside OpenAI's fields: top_k, min_p, typical_p, repetition_penalty, ignore_eos; of
// Foundry Local's: ttl, ep.
// Harmless fields are accepted because they cannot change the answer: user, metadata,
// safety_identifier, prompt_cache_key, store: false, service_tier: "auto" or "default".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json.h"

namespace hearth::api {

inline constexpr std::int32_t kMaxChoices = 128;
inline constexpr std::size_t kMaxStops = 4;
inline constexpr std::size_t kMaxStopBytes = 1024;
inline constexpr std::size_t kMaxBiases = 4096;
inline constexpr std::int64_t kMaxTimeToLive = std::int64_t{1} << 30;  // seconds

struct GenerationFields {
  std::string model;                // "": the field was absent
  double temperature = 1.0;         // [0, 2]
  double top_p = 1.0;               // [0, 1]; 0 keeps the most probable token alone
  double min_p = 0.0;               // [0, 1)
  double typical_p = 1.0;           // (0, 1]
  double repetition_penalty = 1.0;  // (0, 2]
  double presence_penalty = 0.0;    // [-2, 2]
  double frequency_penalty = 0.0;   // [-2, 2]
  std::int32_t top_k = 0;           // 0: off
  std::vector<std::pair<std::int32_t, double>> logit_bias;  // token, [-100, 100]
  std::optional<std::int64_t> seed;
  std::int32_t max_tokens = -1;  // -1: as many as the context holds
  std::vector<std::string> stop;
  std::int32_t n = 1;
  bool ignore_eos = false;
  bool stream = false;
  bool include_usage = false;  // stream_options.include_usage
  // Seconds without use after which the model is unloaded; 0: never. Absent: as it was.
  std::optional<std::int64_t> time_to_live;
};

// Whether a model can be computed on this, as Foundry Local's clients name it: "cpu",
// "CPUExecutionProvider", in any case, and "", which is no wish.
bool is_known_provider(std::string_view name);

// Reads all of the above but max_tokens, whose name and default differ by route.
void read_generation_fields(Fields& fields, GenerationFields& out);

// What every part of one reply repeats.
struct ReplyHead {
  std::string id;            // "chatcmpl-…", "cmpl-…"
  std::int64_t created = 0;  // seconds since 1970
  std::string model;         // the id the model is listed under
  std::string fingerprint;
};

struct UsageFields {
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  std::int64_t reasoning_tokens = 0;  // of the completion
};

// One token of an answer with its alternatives. bytes is what the token stands for, perhaps a part
// of a character.
struct TokenScore {
  std::string bytes;
  double logprob = 0;
};
struct TokenLogprob {
  TokenScore token;
  std::vector<TokenScore> top;  // best first
  bool scored = true;  // false: the first token of an echoed prompt, which nothing precedes
};

Json usage_json(const UsageFields& usage);
// JSON has no infinity: what cannot be chosen at all is reported as -9999.
double finite_logprob(double logprob);
// {"token", "logprob", "bytes"}.
Json score_json(const TokenScore& score);

// "data: {…}\n\n"; the stream's last event; a comment that keeps proxies from closing a silent
// stream.
std::string sse_event(const Json& value);
std::string sse_error(const ApiError& error);
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
inline constexpr std::string_view kSseHeartbeat = ": waiting for the model\n\n";

}  // namespace hearth::api
