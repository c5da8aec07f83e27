#include "api/error.h"

#include <nlohmann/json.hpp>

namespace hearth::api {

namespace {

struct Mapping {
  int status;
  const char* type;
  const char* code;
};

Mapping mapping_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return {400, "invalid_request_error", ""};
    case ErrorKind::not_found:
      return {404, "invalid_request_error", "not_found"};
    case ErrorKind::corrupt:
      return {400, "invalid_request_error", "model_corrupt"};
    case ErrorKind::unsupported:
      return {400, "invalid_request_error", "unsupported"};
    case ErrorKind::context_overflow:
      return {400, "invalid_request_error", "context_length_exceeded"};
    case ErrorKind::too_large:
      return {507, "server_error", "insufficient_memory"};
    case ErrorKind::busy:
      return {503, "server_error", "overloaded"};
    case ErrorKind::conflict:
      return {409, "invalid_request_error", "conflict"};
    case ErrorKind::cancelled:
      return {499, "server_error", "cancelled"};
    case ErrorKind::io:
      return {500, "server_error", "io_error"};
  }
  check_failed(__FILE__, __LINE__, "ErrorKind", "every kind is handled above");
}

nlohmann::ordered_json text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

}  // namespace

ApiError to_api_error(const Error& error, std::string_view param) {
  const Mapping m = mapping_of(error.kind);
  return {m.status, error.message, std::string(param), m.code, m.type};
}

ApiError model_not_found(std::string message) {
  return {404, std::move(message), "model", "model_not_found", "invalid_request_error"};
}

bool retryable(const ApiError& error) {
  return error.status == 408 || error.status == 429 || error.status == 503;
}

std::string error_body(const ApiError& error) {
  const nlohmann::ordered_json body = {{"error",
                                        {{"message", error.message},
                                         {"type", error.type},
                                         {"param", text_or_null(error.param)},
                                         {"code", text_or_null(error.code)}}}};
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace hearth::api
