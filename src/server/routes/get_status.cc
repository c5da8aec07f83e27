// get_status.cc - GET /status, GET /openai/status, GET /foundry/cache: where the service listens,
// where it keeps models, which process it is; as two generations of Foundry Local's clients ask.
#include <unistd.h>

#include "api/json.h"
#include "catalog/catalog.h"
#include "server/routes.h"

namespace hearth::server {

Reply get_status(Service& service, const Request&) {
  return json_response(api::dump({{"modelCachePath", catalog::cache_folder()},
                                  {"endpoints", api::Json::array({service.url})},
                                  {"pid", getpid()}}));
}

Reply get_openai_status(Service& service, const Request&) {
  return json_response(api::dump({{"endpoints", api::Json::array({service.url})},
                                  {"modelDirPath", catalog::cache_folder()},
                                  {"pipeName", nullptr},
                                  {"isAutoRegistrationResolved", true},
                                  {"autoRegistrationStatus", "Valid EPs: CPUExecutionProvider"}}));
}

Reply get_foundry_cache(Service&, const Request&) {
  return json_response(api::dump({{"location", catalog::cache_folder()}}));
}

}  // namespace hearth::server
