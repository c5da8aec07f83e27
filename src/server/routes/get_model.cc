// get_model.cc - GET /v1/models/{id}: one of them, by any of its names.
#include "api/models.h"
#include "server/routes.h"

namespace hearth::server {

Reply get_model(Service& service, const Request& request) {
  const auto entries = service.models.list();
  if (!entries) return error_response(api::to_api_error(entries.error()));
  const std::string alias = service.models.canonical(request.path_rest);
  for (const api::ModelEntry& entry : *entries) {
    if (equals_ignoring_case(entry.id, request.path_rest) ||
        equals_ignoring_case(entry.id, alias)) {
      return json_response(api::model_object(entry));
    }
  }
  const auto missing = service.models.find_cached(request.path_rest);  // for its message
  if (missing) return json_response(api::model_object({missing->alias, missing->imported_at}));
  return error_response(api::model_not_found(missing.error().message));
}

}  // namespace hearth::server
