// get_openapi.cc - GET /openapi.json: every route of the table as an OpenAPI 3.1 document, with the
// schemas of openapi_schemas.cc.
#include "api/json.h"
#include "base/str.h"
#include "server/openapi_schemas.h"
#include "server/routes.h"

namespace hearth::server {

namespace {

using api::Json;

// "/v1/models/{id}" -> "id"; "" without one.
std::string parameter_of(std::string_view path) {
  const std::size_t open = path.find('{'), close = path.find('}');
  return open == path.npos ? std::string() : std::string(path.substr(open + 1, close - open - 1));
}

Json json_content(std::string_view schema) {
  return {{"application/json", {{"schema", {{"$ref", cat("#/components/schemas/", schema)}}}}}};
}

Json error_reply() {
  return {{"description", "a fault, which names what came and what was expected"},
          {"content", json_content("Error")}};
}

Json operation(const Route& route, bool asks_for_key) {
  const RouteSchemas schemas = schemas_of(route.method, route.path);
  Json done = {{"description", "done"}};
  if (!schemas.reply.empty()) done["content"] = json_content(schemas.reply);
  if (schemas.may_stream) done["content"]["text/event-stream"] = Json::object();
  Json out = {{"summary", route.what}, {"responses", {{"200", done}, {"default", error_reply()}}}};
  if (const std::string name = parameter_of(route.path); !name.empty()) {
    out["parameters"] = Json::array();
    out["parameters"].push_back(
        Json{{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  if (!schemas.request.empty()) {
    out["requestBody"] = {{"required", true}, {"content", json_content(schemas.request)}};
  }
  if (asks_for_key && !route.open) out["security"] = Json::array({Json{{"key", Json::array()}}});
  return out;
}

}  // namespace

Reply get_openapi(Service& service, const Request&) {
  Json paths = Json::object();
  for (const Route& route : routes()) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c + 32);
    paths[std::string(route.path)][method] = operation(route, service.asks_for_key);
  }
  const Json document = {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Hearth"}, {"version", HEARTH_VERSION}}},
      {"servers", Json::array({Json{{"url", service.url}}})},
      {"paths", paths},
      {"components",
       {{"schemas", openapi_schemas()},
        {"securitySchemes", {{"key", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
  return json_response(api::dump(document));
}

}  // namespace hearth::server
