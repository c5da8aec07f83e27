// completions.h - POST /v1/completions, the legacy route: a text goes on.
//
// A request holds several prompts and n answers to each; choice index = prompt * n + answer.
// Legacy log-probabilities are parallel lists: tokens, token_logprobs, top_logprobs (an object a
// token) and text_offset, counted in characters from the beginning of the choice's text. A token
// that is only a part of a character is spelled "bytes:\xe2\x80", so that two such tokens stay two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/generation_fields.h"
#include "api/texts.h"

namespace hearth::api {

struct CompletionRequest {
  GenerationFields generation;  // max_tokens: 0 … ; default 16
  std::vector<TextOrIds> prompts;
  bool echo = false;
  std::optional<std::int32_t> logprobs;  // 0 … 5 alternatives
};

std::optional<ApiError> parse_completion_request(std::string_view body, CompletionRequest& out);

struct CompletionChoice {
  std::int32_t index = 0;
  std::string text;
  std::string finish_reason;
  std::optional<std::vector<TokenLogprob>> logprobs;
};

std::string completion_response(const ReplyHead& head, const std::vector<CompletionChoice>& choices,
                                const UsageFields& usage);

struct CompletionStreamWriter {
  ReplyHead head;
  bool with_usage = false;

  // text_offset: characters of this choice that were sent before.
  std::string delta(std::int32_t index, std::string_view text, std::int64_t text_offset,
                    const std::optional<std::vector<TokenLogprob>>& logprobs) const;
  std::string end(std::int32_t index, std::string_view finish_reason) const;
  std::string usage(const UsageFields& usage) const;
};

// Characters (code points) of a text.
std::int64_t count_characters(std::string_view text);

}  // namespace hearth::api
