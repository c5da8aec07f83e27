// get_openapi.cc - GET /openapi.json: every route of the table as an OpenAPI 3.1 document. What a
// body may hold is told in docs/http.md: here a request's is any object.
#include "api/json.h"
#include "base/str.h"
#include "server/routes.h"

namespace hearth::server {

namespace {

using api::Json;

// "/v1/models/{id}" -> "id"; "" without one.
std::string parameter_of(std::string_view path) {
  const std::size_t open = path.find('{'), close = path.find('}');
  return open == path.npos ? std::string() : std::string(path.substr(open + 1, close - open - 1));
}

Json error_reply() {
  return {
      {"description", "a fault, which names what came and what was expected"},
      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

Json operation(const Route& route) {
  Json out = {{"summary", route.what},
              {"responses", {{"200", {{"description", "done"}}}, {"default", error_reply()}}}};
  if (const std::string name = parameter_of(route.path); !name.empty()) {
    out["parameters"] = Json::array();
    out["parameters"].push_back(
        Json{{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  if (route.method == "POST" && route.path != "/shutdown") {
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}};
  }
  if (route.open) out["security"] = Json::array();
  return out;
}

Json error_schema() {
  Json text_or_null = {{"type", Json::array({"string", "null"})}};
  return {{"type", "object"},
          {"required", Json::array({"error"})},
          {"properties",
           {{"error",
             {{"type", "object"},
              {"required", Json::array({"message", "type", "param", "code"})},
              {"properties",
               {{"message", {{"type", "string"}}},
                {"type", {{"type", "string"}}},
                {"param", text_or_null},
                {"code", text_or_null}}}}}}}};
}

}  // namespace

Reply get_openapi(Service& service, const Request&) {
  Json paths = Json::object();
  for (const Route& route : routes()) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c + 32);
    paths[std::string(route.path)][method] = operation(route);
  }
  Json security = Json::array();
  security.push_back(Json{{"key", Json::array()}});
  const Json document = {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Hearth"}, {"version", HEARTH_VERSION}}},
      {"servers", Json::array({Json{{"url", service.url}}})},
      {"paths", paths},
      {"security", security},
      {"components",
       {{"schemas", {{"Error", error_schema()}}},
        {"securitySchemes", {{"key", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
  return json_response(api::dump(document));
}

}  // namespace hearth::server
