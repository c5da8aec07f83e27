// requested_model.h - the model a request names, or the reply that says why there is none.
#pragma once

#include <string>
#include <variant>

#include "server/answers.h"
#include "server/routes.h"

namespace hearth::server {

// name "": the service's default. A cached model that is not loaded becomes LoadModel.
std::variant<ModelPtr, Reply> requested_model(Service& service, const std::string& name);
// The same for a request that may say how long the model is to stay loaded.
std::variant<ModelPtr, Reply> requested_model(Service& service,
                                              const api::GenerationFields& fields);

}  // namespace hearth::server
