// unload_model.cc - GET /openai/unload/{name}, GET /openai/unloadall, GET /models/unload/{name}. A
// model with running answers goes once they have ended, whatever ?force= says: an answer is never
// cut.
#include "base/str.h"
#include "server/local_change.h"
#include "server/routes.h"

namespace hearth::server {

namespace {

// Whether it was loaded.
Result<bool> unload(Service& service, const std::string& name) {
  const auto model = service.models.find_loaded(name);
  if (model == nullptr) {
    const auto cached = service.models.find_cached(name);
    if (!cached) return cached.error();
    return false;
  }
  const auto gone = service.engine.unload(model->id());
  if (!gone && gone.error().kind != ErrorKind::not_found) return gone.error();
  return gone.has_value();
}

Response fault(const Error& error) {
  return error_response(error.kind == ErrorKind::not_found ? api::model_not_found(error.message)
                                                           : api::to_api_error(error));
}

}  // namespace

Reply unload_openai_model(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  const auto unloaded = unload(service, request.path_rest);
  return unloaded ? Response{200, {}, {}} : fault(unloaded.error());
}

Reply unload_model(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  const auto unloaded = unload(service, request.path_rest);
  if (!unloaded) return fault(unloaded.error());
  return json_response(*unloaded ? R"({"status":"unloaded"})" : R"({"status":"not_loaded"})");
}

Reply unload_all(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  for (const auto& model : service.engine.loaded()) {
    const auto gone = service.engine.unload(model->id());
    if (!gone && gone.error().kind != ErrorKind::not_found) return fault(gone.error());
  }
  return Response{200, {}, {}};
}

}  // namespace hearth::server
