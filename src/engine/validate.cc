// validate.cc - engine::validate: what a request must be before any model computes it. Every
// message names the field, what came and what is allowed; nothing is clamped.
#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/str.h"
#include "base/utf8.h"
#include "engine/engine.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kMaxStopTexts = 16;
constexpr std::size_t kMaxStopBytes = 1024;
constexpr std::int32_t kMaxTopLogprobs = 20;

template <class T>
Error refuse(std::string_view field, const T& came, std::string_view allowed) {
  return {ErrorKind::invalid, cat(field, " is ", came, "; it must be ", allowed)};
}

bool within(double value, double low, double high) { return value >= low && value <= high; }
bool positive_up_to(double value, double high) { return value > 0 && value <= high; }

Result<void> check_scalars(const SamplingParams& p) {
  if (!within(p.temperature, 0, 2)) return refuse("temperature", p.temperature, "from 0 to 2");
  if (p.top_k < 0) return refuse("top_k", p.top_k, "0 (off) or more");
  if (!positive_up_to(p.top_p, 1)) return refuse("top_p", p.top_p, "above 0 and at most 1");
  if (!(p.min_p >= 0 && p.min_p < 1)) return refuse("min_p", p.min_p, "at least 0 and below 1");
  if (!positive_up_to(p.typical_p, 1)) {
    return refuse("typical_p", p.typical_p, "above 0 and at most 1");
  }
  if (!positive_up_to(p.repetition_penalty, 2)) {
    return refuse("repetition_penalty", p.repetition_penalty, "above 0 and at most 2");
  }
  if (!within(p.presence_penalty, -2, 2)) {
    return refuse("presence_penalty", p.presence_penalty, "from -2 to 2");
  }
  if (!within(p.frequency_penalty, -2, 2)) {
    return refuse("frequency_penalty", p.frequency_penalty, "from -2 to 2");
  }
  return {};
}

std::string vocabulary_range(std::int64_t n_vocab) {
  return cat("a token of the model's vocabulary, 0 to ", n_vocab - 1);
}

Result<void> check_logit_bias(const SamplingParams& p, std::int64_t n_vocab) {
  std::vector<TokenId> ids;
  ids.reserve(p.logit_bias.size());
  for (const auto& [id, bias] : p.logit_bias) {
    if (id < 0 || id >= n_vocab) return refuse("a logit_bias key", id, vocabulary_range(n_vocab));
    if (!within(static_cast<double>(bias), -100, 100)) {
      return refuse(cat("logit_bias of token ", id), bias, "from -100 to 100");
    }
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice == ids.end()) return {};
  return Error{ErrorKind::invalid, cat("logit_bias names token ", *twice,
                                       " more than once; give each token one value")};
}

Result<void> check_stop(const std::vector<std::string>& stop) {
  if (stop.size() > kMaxStopTexts) {
    return Error{ErrorKind::invalid,
                 cat("stop has ", stop.size(), " texts; it may have at most ", kMaxStopTexts)};
  }
  for (std::size_t i = 0; i < stop.size(); ++i) {
    if (stop[i].empty()) {
      return Error{ErrorKind::invalid,
                   cat("stop text ", i, " is empty; it must have at least one character")};
    }
    if (stop[i].size() > kMaxStopBytes) {
      return Error{ErrorKind::invalid, cat("stop text ", i, " has ", stop[i].size(),
                                           " bytes; it may have at most ", kMaxStopBytes)};
    }
    if (!is_valid_utf8(stop[i])) {
      return Error{ErrorKind::invalid, cat("stop text ", i, " (", quote(stop[i]),
                                           ") is not valid UTF-8; an answer never contains it")};
    }
  }
  return {};
}

Result<void> check_ids(std::string_view what, const std::vector<TokenId>& ids,
                       std::int64_t n_vocab) {
  if (ids.empty()) {
    return Error{ErrorKind::invalid, cat(what, " is empty; it must have at least one token")};
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < n_vocab) continue;
    return refuse(cat("token ", i, " of ", what), ids[i], vocabulary_range(n_vocab));
  }
  return {};
}

}  // namespace

Result<void> validate(const Request& request, std::int64_t n_vocab) {
  HEARTH_TRY_VOID(check_ids("the prompt", request.prompt, n_vocab));
  HEARTH_TRY_VOID(check_scalars(request.sampling));
  HEARTH_TRY_VOID(check_logit_bias(request.sampling, n_vocab));
  HEARTH_TRY_VOID(check_stop(request.stop));
  if (request.max_tokens != -1 && request.max_tokens < 1) {
    return refuse("max_tokens", request.max_tokens,
                  "1 or more, or -1 for as many as the context holds");
  }
  if (request.grammar && request.ignore_eos) {
    return Error{ErrorKind::invalid, "ignore_eos with a grammar, which says where an answer ends"};
  }
  if (request.top_logprobs < 0 || request.top_logprobs > kMaxTopLogprobs) {
    return refuse("top_logprobs", request.top_logprobs, cat("from 0 to ", kMaxTopLogprobs));
  }
  if (request.top_logprobs > 0 && !request.logprobs) {
    return Error{ErrorKind::invalid, cat("top_logprobs is ", request.top_logprobs,
                                         " without logprobs; set logprobs to true as well")};
  }
  return {};
}

Result<void> validate(const EmbeddingRequest& request, std::int64_t n_vocab) {
  if (request.texts.empty()) {
    return Error{ErrorKind::invalid, "there is no text to embed; give at least one"};
  }
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    HEARTH_TRY_VOID(check_ids(cat("text ", i), request.texts[i], n_vocab));
  }
  return {};
}

}  // namespace hearth::engine
