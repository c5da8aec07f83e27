#include "server/requested_model.h"

#include <chrono>

#include "server/local_change.h"

namespace hearth::server {

std::variant<ModelPtr, Reply> requested_model(Service& service, const std::string& name) {
  const std::string& wanted = name.empty() ? service.default_model : name;
  if (wanted.empty()) {
    return error_response(
        {.status = 400,
         .message = "'model' is required: the name of a model; GET /v1/models lists them",
         .param = "model",
         .code = {}});
  }
  if (ModelPtr model = service.models.find_loaded(wanted)) return model;
  const auto cached = service.models.find_cached(wanted);
  if (cached) return Reply(LoadModel{cached->alias, cached->path});
  if (cached.error().kind == ErrorKind::not_found) {
    return error_response(api::model_not_found(cached.error().message));
  }
  return error_response(api::to_api_error(cached.error(), "model"));
}

std::optional<Response> check_time_to_live(const Request& http,
                                           const api::GenerationFields& fields) {
  return fields.time_to_live ? check_local_change(http) : std::nullopt;
}

void set_time_to_live(Service& service, const engine::LoadedModel& model,
                      const api::GenerationFields& fields) {
  if (!fields.time_to_live) return;
  // It can only fail for a model that was unloaded since, and so needs no time to live.
  (void)service.engine.set_time_to_live(model.id(), std::chrono::seconds(*fields.time_to_live));
}

}  // namespace hearth::server
