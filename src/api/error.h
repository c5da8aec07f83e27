// error.h - faults as the OpenAI protocol spells them.
//
//   {"error": {"message": "…", "type": "invalid_request_error", "param": "temperature", "code":
//   null}}
//
// All four keys are always there; param and code may be null. The status decides which exception a
// client library raises, and whether it tries again by itself: libraries repeat 408, 409, 429 and
// every 5xx, so a fault that will be the same next time must be another 4xx, or carry
// "x-should-retry: false" (retryable() says so).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::api {

struct ApiError {
  int status = 400;
  std::string message;
  std::string param;  // the field at fault; "": null
  std::string code;   // "": null
  std::string type = "invalid_request_error";
};

// The status, type and code of an engine's or catalog's error (the table is in base/result.h).
// param names the field that carried the fault, where one did.
ApiError to_api_error(const Error& error, std::string_view param = {});

ApiError model_not_found(std::string message);

// Whether the same request can succeed later: a full queue, a shutdown.
bool retryable(const ApiError& error);

std::string error_body(const ApiError& error);

}  // namespace hearth::api
