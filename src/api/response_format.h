// response_format.h - the shape that a request demands of the answer's text. It is enforced while
// the answer is written, or refused.
#pragma once

#include <cstdint>
#include <string>

#include "api/json.h"

namespace hearth::api {

struct ResponseFormat {
  enum class Kind : std::uint8_t {
    text,         // any
    json_object,  // any JSON object
    json_schema,  // what `schema` describes
    grammar,      // what `grammar` (GBNF, llama.cpp's notation) describes
  };
  Kind kind = Kind::text;
  Json schema;
  std::string grammar;
  std::string name;                       // of the schema
  std::string field = "response_format";  // that demands it, for messages
};

// response_format of /v1/chat/completions: {"type": "text" | "json_object"}, {"type":
// "json_schema", "json_schema": {"name", "description", "schema", "strict"}}, and beyond OpenAI
// {"type": "grammar", "grammar"}. strict false is honoured by enforcing all the same.
void read_response_format(Fields& fields, ResponseFormat& out);

// The members beside "type" of /v1/responses' text.format, which has them at one level.
void read_text_format(const Json& format, const std::string& path, Fields& fields,
                      ResponseFormat& out);

}  // namespace hearth::api
