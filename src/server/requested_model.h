// requested_model.h - the model a request names, or the reply that says why there is none.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "server/answers.h"
#include "server/routes.h"

namespace hearth::server {

// name "": the service's default. A cached model that is not loaded becomes LoadModel.
std::variant<ModelPtr, Reply> requested_model(Service& service, const std::string& name);
// 403 for a request that says how long its model is to stay loaded, and may not (local_change.h).
std::optional<Response> check_time_to_live(const Request& http,
                                           const api::GenerationFields& fields);
// Once the request is accepted.
void set_time_to_live(Service& service, const engine::LoadedModel& model,
                      const api::GenerationFields& fields);

}  // namespace hearth::server
