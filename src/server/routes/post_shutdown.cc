// post_shutdown.cc - POST /shutdown: the service takes nothing new, lets running answers end, and
// goes.
#include "server/local_change.h"
#include "server/routes.h"

namespace hearth::server {

Reply post_shutdown(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  service.stop();
  return json_response(R"({"status":"shutting_down"})");
}

}  // namespace hearth::server
