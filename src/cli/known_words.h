// known_words.h - words of other programs and of tutorials that mean a command of Hearth.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

// The command line with Hearth's own words, told on standard error when others were used. `words`
// are without the program's name. Errors: unsupported, for what people try and Hearth does not do,
// with what comes nearest.
Result<std::vector<std::string>> known_words(std::vector<std::string> words);

}  // namespace hearth::cli
