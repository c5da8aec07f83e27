// gpu_device.cc - GET /openai/getgpudevice and /openai/setgpudevice/{id}: the device that computes,
// by its number. This version computes on the CPU, which has the number -1.
#include "base/str.h"
#include "server/local_change.h"
#include "server/routes.h"

namespace hearth::server {

Reply get_gpu_device(Service&, const Request&) { return json_response("-1"); }

Reply set_gpu_device(Service&, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  if (request.path_rest == "-1") return Response{200, {}, {}};
  return error_response({.status = 400,
                         .message = cat("there is no GPU device ", quote(request.path_rest),
                                        "; this version computes on the CPU, device -1"),
                         .param = "id",
                         .code = "unsupported"});
}

}  // namespace hearth::server
