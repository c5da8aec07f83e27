// log.h - one line a fact, on standard error. Not part of the portable core.
//
//   log_info(cat("loaded ", alias, " in ", ms, " ms"));
//
// HEARTH_LOG = error | warn | info | debug sets what is shown; programs start at warn, the service
// at info. Thread-safe.
#pragma once

#include <string_view>

namespace hearth {

enum class LogLevel { error, warn, info, debug };

void set_log_level(LogLevel level);  // HEARTH_LOG, when set, wins
void log_error(std::string_view message);
void log_warn(std::string_view message);
void log_info(std::string_view message);
void log_debug(std::string_view message);

}  // namespace hearth
