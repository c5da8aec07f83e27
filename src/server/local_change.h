// local_change.h - who may change the service's state by a request that any page could make.
//
// Foundry Local's clients load and unload models by GET. A browser sends a GET for every image of
// every page, so such a request must come from a program of this machine: a loopback peer, and no
// Origin. (Host was checked before.)
#pragma once

#include <optional>

#include "server/http.h"

namespace hearth::server {

// 403 unless the request may change something.
std::optional<Response> check_local_change(const Request& request);

}  // namespace hearth::server
