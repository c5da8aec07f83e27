// openapi_schemas.h - what requests and replies look like, for /openapi.json.
#pragma once

#include <string_view>

#include "api/json.h"

namespace hearth::server {

// The schemas of components/schemas, by name (JSON Schema 2020-12).
const api::Json& openapi_schemas();

// Names of schemas; "" where the table of routes says all there is to say.
struct RouteSchemas {
  std::string_view request = {}, reply = {};
  bool may_stream = false;  // with "stream" the reply is server-sent events
};
RouteSchemas schemas_of(std::string_view method, std::string_view path);

}  // namespace hearth::server
