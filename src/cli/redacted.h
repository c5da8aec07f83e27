// redacted.h - a text that may leave this machine: secrets in it are replaced by [redacted].
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::cli {

// Replaces the given secrets, and what looks like one wherever it stands: what follows "Bearer ",
// "hf_" and "sk-", a key of the service ("hearth-" and 64 digits), the user and password of a URL,
// and its query.
std::string redacted(std::string_view text, const std::vector<std::string>& secrets);

// The secrets that this process knows: keys, tokens and proxies of its environment.
std::vector<std::string> secrets_of_environment();

}  // namespace hearth::cli
