// admission.h - what is decided from a request's head alone, before a byte of its body is read.
//
// In this order: Host, Origin, a preflight, the API key, path and method, the body's type. Refusals
// of the first two carry no CORS headers, all later ones do: a page that may ask must also be able
// to read why it was refused.
#pragma once

#include <optional>
#include <string>

#include "server/access.h"
#include "server/http.h"
#include "server/routes.h"

namespace hearth::server {

struct Admission {
  const Route* route = nullptr;
  std::string path_rest;
  std::optional<Response> answer;  // a refusal, or a preflight's reply: the route is not called
  Headers cors;                    // for whatever is answered in the end
};

// target: as in the request line; request.path is filled from it. http_1_0: the Host header may
// lack.
Admission admit(const AccessRules& rules, Request& request, std::string_view target, bool http_1_0);

}  // namespace hearth::server
