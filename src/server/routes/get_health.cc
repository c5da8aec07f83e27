// get_health.cc - GET /health: 200 while the service takes requests. A stopping service no longer
// accepts connections, so there is nothing else to say.
#include <unistd.h>

#include <fstream>

#include "api/json.h"
#include "server/routes.h"

namespace hearth::server {

namespace {

// Resident memory, bytes; 0 where the system does not say.
std::uint64_t resident_bytes() {
  std::uint64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Reply get_health(Service& service, const Request&) {
  const auto up = std::chrono::steady_clock::now() - service.started;
  return json_response(
      api::dump({{"status", "ok"},
                 {"version", HEARTH_VERSION},
                 {"uptime", std::chrono::duration_cast<std::chrono::seconds>(up).count()},
                 {"memory_usage", resident_bytes()}}));
}

}  // namespace hearth::server
