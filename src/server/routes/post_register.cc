// post_register.cc - POST /openai/register: Foundry Local's way to add another service, whose
// models this one would pass requests on to. What is asked here is computed here, so that no prompt
// leaves the machine by a model's name: it is refused, and says so in place of a 404.
#include "api/json.h"
#include "base/str.h"
#include "server/local_change.h"
#include "server/routes.h"

namespace hearth::server {

Reply post_register(Service&, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  api::Json body;
  if (auto fault = api::parse_body(request.body, body)) return error_response(*fault);
  api::Fields fields(body);
  std::string type, model, uri;
  fields.text("TypeName", type);
  fields.text("ModelName", model);
  fields.text("BaseUri", uri);
  if (auto fault = fields.finish()) return error_response(*fault);
  return error_response(
      {.status = 400,
       .message = cat("'BaseUri' ", quote(uri), " cannot be registered for ", quote(model),
                      ": this service computes what it is asked and passes nothing on to others; "
                      "send such requests there, or bring the model into the cache"),
       .param = "BaseUri",
       .code = "unsupported"});
}

}  // namespace hearth::server
