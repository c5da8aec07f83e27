// list_models.cc - GET /v1/models: what is in the cache or loaded.
#include "api/models.h"
#include "server/routes.h"

namespace hearth::server {

Reply list_models(Service& service, const Request&) {
  const auto entries = service.models.list();
  if (!entries) return error_response(api::to_api_error(entries.error()));
  return json_response(api::model_list(*entries));
}

}  // namespace hearth::server
