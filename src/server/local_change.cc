#include "server/local_change.h"

#include "base/str.h"

namespace hearth::server {

std::optional<Response> check_local_change(const Request& request) {
  // A browser names a page's site here even where it sends no Origin, as it does not for an image.
  const std::string_view site = request.header("sec-fetch-site");
  const bool page = !request.header("origin").empty() || (!site.empty() && site != "none");
  if (request.from_loopback && !page) return std::nullopt;
  return error_response({.status = 403,
                         .message = cat(request.path,
                                        " changes the service, so only a program of "
                                        "this machine may ask for it, and no page"),
                         .param = {},
                         .code = "local_only"});
}

}  // namespace hearth::server
