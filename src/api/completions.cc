#include "api/completions.h"

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::api {

namespace {

constexpr std::int32_t kDefaultMaxTokens = 16;  // OpenAI's

std::string legacy_spelling(const TokenScore& score) {
  if (is_valid_utf8(score.bytes)) return score.bytes;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "bytes:";
  for (const char c : score.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

// A part of a character counts as the character's first bytes do: at its beginning.
std::int64_t starts_in(std::string_view bytes) {
  std::int64_t n = 0;
  for (const char c : bytes) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return n;
}

Json logprobs_json(const std::optional<std::vector<TokenLogprob>>& logprobs, std::int64_t offset) {
  if (!logprobs) return nullptr;
  Json tokens = Json::array(), scores = Json::array(), tops = Json::array(),
       offsets = Json::array();
  for (const TokenLogprob& item : *logprobs) {
    tokens.push_back(legacy_spelling(item.token));
    scores.push_back(item.scored ? Json(finite_logprob(item.token.logprob)) : Json());
    Json top = Json::object();
    for (const TokenScore& score : item.top) {
      top[legacy_spelling(score)] = finite_logprob(score.logprob);
    }
    tops.push_back(item.scored ? std::move(top) : Json());
    offsets.push_back(offset);
    offset += starts_in(item.token.bytes);
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(scores)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json body(const ReplyHead& head, Json choices) {
  return {{"id", head.id},
          {"object", "text_completion"},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", head.fingerprint},
          {"choices", std::move(choices)}};
}

Json choice_json(std::int32_t index, std::string_view text, Json logprobs, Json finish_reason) {
  return {{"index", index},
          {"text", text},
          {"logprobs", std::move(logprobs)},
          {"finish_reason", std::move(finish_reason)}};
}

std::string chunk(const CompletionStreamWriter& writer, Json choice) {
  Json out = body(writer.head, Json::array({std::move(choice)}));
  if (writer.with_usage) out["usage"] = nullptr;
  return sse_event(out);
}

}  // namespace

std::optional<ApiError> parse_completion_request(std::string_view text, CompletionRequest& out) {
  Json json;
  if (auto fault = parse_body(text, json)) return fault;
  Fields fields(json);
  read_generation_fields(fields, out.generation);
  read_texts(fields, "prompt", out.prompts);
  out.generation.max_tokens = kDefaultMaxTokens;
  fields.integer("max_tokens", 0, INT32_MAX, out.generation.max_tokens);
  fields.boolean("echo", out.echo);
  std::int32_t logprobs = 0;
  if (fields.integer("logprobs", 0, 5, logprobs)) out.logprobs = logprobs;
  std::string suffix;
  if (fields.text("suffix", suffix) && !suffix.empty()) {
    fields.refuse("suffix", "is not supported: this version continues a text, it does not fill in");
  }
  std::int32_t best_of = 1;
  if (fields.integer("best_of", 1, kMaxChoices, best_of) && best_of != 1) {
    fields.refuse("best_of", "other than 1 is not supported; 'n' answers can be asked for");
  }
  const auto n_choices = static_cast<std::int64_t>(out.prompts.size()) * out.generation.n;
  if (n_choices > kMaxChoices) {
    fields.fail("prompt", cat(out.prompts.size(), " prompts times n = ", out.generation.n, " is ",
                              n_choices, " answers; one request may ask for ", kMaxChoices));
  }
  return fields.finish();
}

std::string completion_response(const ReplyHead& head, const std::vector<CompletionChoice>& choices,
                                const UsageFields& usage) {
  Json list = Json::array();
  for (const CompletionChoice& choice : choices) {
    list.push_back(choice_json(choice.index, choice.text, logprobs_json(choice.logprobs, 0),
                               choice.finish_reason));
  }
  Json out = body(head, std::move(list));
  out["usage"] = usage_json(usage);
  return dump(out);
}

std::string CompletionStreamWriter::delta(
    std::int32_t index, std::string_view text, std::int64_t text_offset,
    const std::optional<std::vector<TokenLogprob>>& logprobs) const {
  return chunk(*this, choice_json(index, text, logprobs_json(logprobs, text_offset), nullptr));
}

std::string CompletionStreamWriter::end(std::int32_t index, std::string_view finish_reason) const {
  return chunk(*this, choice_json(index, "", nullptr, finish_reason));
}

std::string CompletionStreamWriter::usage(const UsageFields& usage) const {
  Json out = body(head, Json::array());
  out["usage"] = usage_json(usage);
  return sse_event(out);
}

std::int64_t count_characters(std::string_view text) { return starts_in(text); }

}  // namespace hearth::api
