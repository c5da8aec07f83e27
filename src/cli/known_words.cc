#include "cli/known_words.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/str.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

using Words = std::vector<std::string>;

// `said` at the beginning of a command line is replaced by `meant`; % is the word behind it.
struct OtherWords {
  std::string_view said, meant;
};
constexpr OtherWords kOtherWords[] = {
    {"model stop", "model unload"},
    {"model search", "model list --filter alias=*%*"},
    {"model catalog", "model list --available"},
    {"model stats", "model info"},
    {"model show", "model info"},
    {"model pull", "model download"},
    {"model ps", "service ps"},
    {"model benchmark", "bench model"},
    {"model bench", "bench model"},
    {"start", "service start"},
    {"stop", "service stop"},
    {"restart", "service restart"},
    {"logs", "service logs"},
    {"ps", "service ps"},
    {"list", "model list"},
    {"ls", "model list"},
    {"pull", "model download"},
    {"show", "model info"},
    {"rm", "model remove"},
};

struct Refused {
  std::string_view said, instead;
};
constexpr Refused kRefused[] = {
    {"transcribe", "this version understands text, not speech"},
    {"model transcribe", "this version understands text, not speech"},
};

Words split(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool begins_with(const Words& words, std::string_view said) {
  const Words beginning = split(said);
  return beginning.size() <= words.size() &&
         std::equal(beginning.begin(), beginning.end(), words.begin());
}

Words replaced(const Words& words, const OtherWords& other) {
  Words out = split(other.meant);
  std::size_t rest = split(other.said).size();
  for (std::string& word : out) {
    const std::size_t at = word.find('%');
    if (at == std::string::npos) continue;
    const bool given = rest < words.size() && !words[rest].starts_with('-');
    word.replace(at, 1, given ? words[rest++] : std::string());
  }
  out.insert(out.end(), words.begin() + static_cast<std::ptrdiff_t>(rest), words.end());
  return out;
}

}  // namespace

Result<Words> known_words(Words words) {
  for (const Refused& refused : kRefused) {
    if (!begins_with(words, refused.said)) continue;
    return Error{ErrorKind::unsupported,
                 cat("there is no hearth ", refused.said, ": ", refused.instead)};
  }
  for (const OtherWords& other : kOtherWords) {
    if (!begins_with(words, other.said)) continue;
    note(cat("hearth: ", other.said, " is taken as: hearth ",
             other.meant.substr(0, other.meant.find(" --")), "\n"));
    return replaced(words, other);
  }
  return words;
}

}  // namespace hearth::cli
