// get_root.cc - GET /: what this is, for whoever opens the address in a browser.
#include "api/json.h"
#include "base/str.h"
#include "server/routes.h"

namespace hearth::server {

Reply get_root(Service&, const Request&) {
  api::Json endpoints = api::Json::object();
  for (const Route& route : routes()) endpoints[cat(route.method, " ", route.path)] = route.what;
  return json_response(
      api::dump({{"name", "hearth"},
                 {"description", "language models on this machine, over the OpenAI protocol"},
                 {"endpoints", std::move(endpoints)}}));
}

}  // namespace hearth::server
