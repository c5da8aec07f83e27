// input.cc - reads with plain read(2), so that pipes and /dev/fd/N work as well as files.
#include "cli/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::cli {

namespace {

Error cannot_read(const std::string& path) {
  const int code = errno;
  const std::string name = path == "-" ? std::string("standard input") : quote(path, 300);
  return {code == ENOENT ? ErrorKind::not_found : ErrorKind::io,
          cat("cannot read ", name, ": ", std::strerror(code))};
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  std::size_t size = 0;
  while (true) {
    text.resize(size + std::max<std::size_t>(std::size_t{64} * 1024, size));
    const ssize_t n = ::read(fd, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot_read(path);
    size += static_cast<std::size_t>(n);
    if (n == 0) break;
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<std::string> read_input(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_read(path);
  auto text = read_all(fd, path);
  ::close(fd);
  return text;
}

Result<nlohmann::ordered_json> read_json(const std::string& path) {
  HEARTH_TRY(const std::string text, read_input(path));
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::ordered_json::parse_error& error) {
    return Error{ErrorKind::invalid, cat(quote(path, 300), " is not JSON: unexpected text at byte ",
                                         std::uint64_t{error.byte}, " of ", text.size())};
  }
}

Result<std::vector<text::TokenId>> read_ids(const std::string& ids) {
  std::string text = ids;
  if (ids == "-") {
    HEARTH_TRY(text, read_input(ids));
  }
  static constexpr const char *kSpaces = " \t\r\n", *kSpacesAndCommas = " \t\r\n,";
  const std::size_t first = text.find_first_not_of(kSpaces);
  const std::size_t last = text.find_last_not_of(kSpaces);
  const bool is_array = first != last && text[first] == '[' && text[last] == ']';
  if (is_array) text = text.substr(first + 1, last - first - 1);
  const char* const blanks = is_array ? kSpacesAndCommas : kSpaces;
  std::vector<text::TokenId> out;
  for (std::size_t at = text.find_first_not_of(blanks); at != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(blanks, at), text.size());
    const std::string_view word = std::string_view(text).substr(at, end - at);
    const auto id = parse_int(word);
    if (!id || *id < 0 || *id > std::numeric_limits<text::TokenId>::max()) {
      return Error{ErrorKind::invalid, cat("--ids: ", quote(word),
                                           " is not a token id; expected whole numbers from 0, "
                                           "separated by blanks: \"1 2 3\"")};
    }
    out.push_back(static_cast<text::TokenId>(*id));
    at = text.find_first_not_of(blanks, end);
  }
  return out;
}

Result<void> check_utf8(std::string_view what, std::string_view text) {
  if (is_valid_utf8(text)) return {};
  std::size_t at = 0;
  for (Utf8Char c = decode_utf8(text); c.valid; c = decode_utf8(text.substr(at))) at += c.size;
  return Error{ErrorKind::invalid,
               cat(what, " is not UTF-8: byte ", at, " begins ", quote(text.substr(at), 4),
                   "; convert it, for example with iconv -f latin1 -t utf-8")};
}

}  // namespace hearth::cli
