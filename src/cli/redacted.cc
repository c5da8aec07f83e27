#include "cli/redacted.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace hearth::cli {

namespace {

constexpr std::string_view kRedacted = "[redacted]";
// What is not to be seen of a text: [begin, end).
struct Span {
  std::size_t begin, end;
};

bool is_of_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._~+/=-").find(c) != std::string_view::npos;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_of_url(char c) {
  return c > ' ' && c != '"' && c != '\'' && c != '<' && c != '>' && c != '\x7f';
}

// What follows the prefix is secret when it is so long: "sk-" also begins a word such as sk-learn,
// "hearth-" the name of a file.
struct Token {
  std::string_view prefix;
  bool (*belongs)(char);
  std::size_t shortest;
};
constexpr Token kTokens[] = {{"Bearer ", is_of_token, 6},
                             {"hf_", is_of_token, 6},
                             {"sk-", is_of_token, 6},
                             {"hearth-", is_hex, 64}};

std::size_t end_of(std::string_view text, std::size_t at, bool (*belongs)(char)) {
  while (at < text.size() && belongs(text[at])) ++at;
  return at;
}

void find_secret(std::string_view text, std::string_view secret, std::vector<Span>& hidden) {
  for (std::size_t at = text.find(secret); at != text.npos;
       at = text.find(secret, at + secret.size())) {
    hidden.push_back({at, at + secret.size()});
  }
}

void find_tokens(std::string_view text, const Token& token, std::vector<Span>& hidden) {
  std::size_t end = 0;
  for (std::size_t at = text.find(token.prefix); at != text.npos;
       at = text.find(token.prefix, end)) {
    const std::size_t begin = at + token.prefix.size();
    end = end_of(text, begin, token.belongs);
    if (end - begin >= token.shortest) hidden.push_back({begin, end});
  }
}

// A URL's user and its query. One that lies in another ends where that does.
void find_parts_of_urls(std::string_view text, std::vector<Span>& hidden) {
  std::size_t end = 0;
  for (std::size_t at = text.find("://"); at != text.npos; at = text.find("://", at)) {
    at += 3;
    const std::size_t authority_end = std::min(text.find_first_of("/?# \n\"", at), text.size());
    const std::size_t user_end = text.substr(at, authority_end - at).rfind('@');
    if (user_end != text.npos && user_end > 0) hidden.push_back({at, at + user_end});
    if (at < end) continue;
    end = end_of(text, at, is_of_url);
    const std::size_t query = text.substr(at, end - at).find('?');
    if (query != text.npos && at + query + 1 < end) hidden.push_back({at + query + 1, end});
  }
}

std::string without(std::string_view text, std::vector<Span> hidden) {
  std::sort(hidden.begin(), hidden.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::string out;
  std::size_t shown_from = 0;
  for (const Span& span : hidden) {
    if (span.begin >= shown_from) {
      out.append(text, shown_from, span.begin - shown_from);
      out += kRedacted;
    }
    shown_from = std::max(shown_from, span.end);
  }
  return out.append(text, shown_from);
}

}  // namespace

std::string redacted(std::string_view text, const std::vector<std::string>& secrets) {
  std::vector<Span> hidden;
  for (const std::string& secret : secrets) {
    if (!secret.empty()) find_secret(text, secret, hidden);
  }
  for (const Token& token : kTokens) find_tokens(text, token, hidden);
  find_parts_of_urls(text, hidden);
  return without(text, std::move(hidden));
}

std::vector<std::string> secrets_of_environment() {
  std::vector<std::string> secrets;
  for (const char* name : {"HEARTH_API_KEY", "HF_TOKEN", "OPENAI_API_KEY", "http_proxy",
                           "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') secrets.emplace_back(value);
  }
  return secrets;
}

}  // namespace hearth::cli
