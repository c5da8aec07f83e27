// service_lines.h - what is said of a service that begins or ends, in Foundry Local's lines.
#pragma once

#include <string>
#include <string_view>

#include "base/str.h"
#include "cli/service_process.h"

namespace hearth::cli {

inline constexpr std::string_view kRestarting = "Restarting service...\n";
inline constexpr std::string_view kStopped = "🔴 Service is stopped.\n";

// In the help of what begins it again.
inline constexpr const char* kTakenBack =
    "It begins again with what it was started with, but for what is given. To take back a flag "
    "such as --model, --allow-host or --allow-unauthenticated: hearth service stop, then hearth "
    "service start.";

inline std::string line_of(const ServiceStart& begun) {
  return begun.was_running ? cat("🟢 Service is already running on ", begun.service.url, "/.\n")
                           : cat("🟢 Service is Started on ", begun.service.url, "/, PID ",
                                 begun.service.pid, "!\n");
}

}  // namespace hearth::cli
