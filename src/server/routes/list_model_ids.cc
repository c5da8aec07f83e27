// list_model_ids.cc - GET /openai/models, GET /openai/loadedmodels, GET /models/loaded: arrays of
// ids.
#include "api/json.h"
#include "server/foundry_catalog.h"
#include "server/routes.h"

namespace hearth::server {

Reply list_cached_ids(Service& service, const Request&) {
  const auto cached = service.models.cached();
  if (!cached) return error_response(api::to_api_error(cached.error()));
  api::Json ids = api::Json::array();
  for (const catalog::CachedModel& model : *cached) ids.push_back(foundry_id(model.alias));
  return json_response(api::dump(ids));
}

Reply list_loaded_ids(Service& service, const Request&) {
  api::Json ids = api::Json::array();
  for (const auto& model : service.engine.loaded()) ids.push_back(foundry_id(model->id()));
  return json_response(api::dump(ids));
}

}  // namespace hearth::server
