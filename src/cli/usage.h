// usage.h - what to say when the command line is not understood: one sentence that names the word,
// the nearest word that exists, and where to read more.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hearth::cli {

// CLI11 takes the argument after "--text=" for its value, even when the user wrote an empty one:
// "--text=" becomes "--text" "". The result is in CLI11's order, last argument first, `words` are
// without the program's name.
std::vector<std::string> arguments_in_parse_order(std::vector<std::string> words);

// The sentence for a failed parse of `root`.
std::string usage_message(const CLI::App& root, const CLI::ParseError& error);

// The sentence when a group ("model") was named without one of its commands; "" when a command was.
std::string missing_command_message(const CLI::App& root);

}  // namespace hearth::cli
