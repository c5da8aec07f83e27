// post_count_tokens.cc - POST /v1/chat/completions/tokenizer/encode/count: how many tokens the
// prompt of a chat request has; what the request's own usage.prompt_tokens would say.
#include "api/chat_completions.h"
#include "server/chat_turn.h"
#include "server/requested_model.h"

namespace hearth::server {

Reply post_count_tokens(Service& service, const Request& http) {
  api::ChatRequest request;
  if (auto fault = api::parse_chat_request(http.body, request)) return error_response(*fault);
  auto found = requested_model(service, request.generation.model);
  if (Reply* reply = std::get_if<Reply>(&found)) return std::move(*reply);
  const auto turn = turn_of(**std::get_if<ModelPtr>(&found), request);
  if (const auto* fault = std::get_if<api::ApiError>(&turn)) return error_response(*fault);
  const std::size_t n = std::get_if<ChatTurn>(&turn)->prompt.ids.size();
  return json_response(api::dump({{"tokenCount", n}}));
}

}  // namespace hearth::server
