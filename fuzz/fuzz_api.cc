// fuzz_api.cc - bodies of requests, as each route that takes one reads them. What is refused says
// why in a body that is JSON; what is taken keeps to the ranges that are promised further in.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/chat_completions.h"
#include "api/completions.h"
#include "api/embeddings.h"
#include "api/responses.h"
#include "base/check.h"

namespace {

using namespace hearth::api;

// Whether the request was taken.
bool taken(const std::optional<ApiError>& fault) {
  if (!fault) return true;
  CHECK(fault->status >= 400 && fault->status < 500 && !fault->message.empty(),
        "a wrong body is the client's fault, and told");
  CHECK(Json::accept(error_body(*fault)), "whatever was sent, the error's body is JSON");
  return false;
}

void check_generation(const GenerationFields& fields) {
  CHECK(fields.temperature >= 0 && fields.temperature <= 2, "as validate() wants it");
  CHECK(fields.top_p >= 0 && fields.top_p <= 1 && fields.min_p >= 0 && fields.min_p < 1,
        "as validate() wants it");
  CHECK(fields.n >= 1 && fields.n <= kMaxChoices && fields.stop.size() <= kMaxStops,
        "an answer's cost is bounded");
  CHECK(fields.max_tokens >= -1 && fields.top_k >= 0, "no number is less than its least");
  CHECK(fields.time_to_live.value_or(0) >= 0, "no time is negative");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  ChatRequest chat;
  if (taken(parse_chat_request(body, chat))) {
    check_generation(chat.generation);
    CHECK(chat.messages.is_array() && !chat.messages.empty(), "a chat has a message");
    for (const Json& message : chat.messages) {
      CHECK(message.contains("role") && message["role"].is_string(), "a message has its one shape");
    }
    CHECK(chat.top_logprobs >= 0 && chat.top_logprobs <= 20, "as validate() wants it");
  }
  ResponsesRequest response;
  if (taken(parse_responses_request(body, response))) {
    check_generation(response.chat.generation);
    const Json messages = messages_of(response.input, response.instructions);
    CHECK(messages.size() <= response.input.size() + 1, "an item makes a message at most");
  }
  CompletionRequest completion;
  if (taken(parse_completion_request(body, completion))) check_generation(completion.generation);
  EmbeddingsRequest embeddings;
  if (taken(parse_embeddings_request(body, embeddings))) {
    CHECK(!embeddings.inputs.empty() && embeddings.dimensions >= 0, "there is something to embed");
  }
  return 0;
}
