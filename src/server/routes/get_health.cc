// get_health.cc - GET /health: 200 while the service takes requests. A stopping service no longer
// accepts connections, so there is nothing else to say.
#include "server/routes.h"

namespace hearth::server {

Reply get_health(Service&, const Request&) { return json_response(R"({"status":"ok"})"); }

}  // namespace hearth::server
