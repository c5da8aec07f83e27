// device.h - the option --device of Foundry Local's commands.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/result.h"

namespace hearth::cli {

void add_device(CLI::App& command, std::string& device);

// Errors: unsupported, for what this version does not compute on.
Result<void> check_device(const std::string& device);

}  // namespace hearth::cli
