// get_metrics.cc - GET /metrics: Prometheus's text format.
#include "server/metrics.h"
#include "server/routes.h"

namespace hearth::server {

Reply get_metrics(Service& service, const Request&) {
  return Response{200,
                  {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}},
                  service.metrics.text(service.engine)};
}

}  // namespace hearth::server
