// service_client.h - asks the running service, over HTTP on this machine.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "cli/service_process.h"

namespace hearth::cli {

// GET: the body of a 200. HEARTH_API_KEY is sent when it is set. Errors: not_found (a 404), invalid
// (another 4xx) with the service's message; io (no answer, a 5xx).
Result<std::string> ask_service(const ServiceProcess& service, const std::string& target,
                                std::chrono::seconds at_most);

std::string percent_encode(std::string_view path_segment);

}  // namespace hearth::cli
