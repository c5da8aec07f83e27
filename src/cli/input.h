// input.h - files and lists that a user names on the command line. "-" is standard input.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace hearth::cli {

// The whole file; also a pipe. Errors: not_found, io, naming the path.
Result<std::string> read_input(const std::string& path);

// Errors: as read_input; invalid when it is not JSON, with the byte where it stops being so.
Result<nlohmann::ordered_json> read_json(const std::string& path);

// "1 2 3", separated by blanks, tabs or newlines, or a JSON array, "[1, 2, 3]"; "-": read so from
// standard input. Errors: invalid, naming the word that is no token id.
Result<std::vector<text::TokenId>> read_ids(const std::string& ids);

// Text for a prompt must be UTF-8. Errors: invalid; `what` names the text ("--prompt").
Result<void> check_utf8(std::string_view what, std::string_view text);

}  // namespace hearth::cli
