// get_foundry_list.cc - GET /foundry/list: what can be asked for, as Foundry Local's SDKs read it.
#include "server/foundry_catalog.h"
#include "server/routes.h"

namespace hearth::server {

Reply get_foundry_list(Service& service, const Request&) {
  const auto models = foundry_models(service.models);
  if (!models) return error_response(api::to_api_error(models.error()));
  return json_response(api::foundry_list(*models));
}

}  // namespace hearth::server
