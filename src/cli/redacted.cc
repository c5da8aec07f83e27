#include "cli/redacted.h"

#include <algorithm>
#include <cstdlib>

namespace hearth::cli {

namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr std::size_t kShortestToken = 6;  // "sk-" also begins a word such as sk-learn

bool is_of_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._~+/=-").find(c) != std::string_view::npos;
}

bool is_of_url(char c) {
  return c > ' ' && c != '"' && c != '\'' && c != '<' && c != '>' && c != '\x7f';
}

std::size_t end_of(const std::string& text, std::size_t at, bool (*belongs)(char)) {
  while (at < text.size() && belongs(text[at])) ++at;
  return at;
}

void replace_all(std::string& text, std::string_view secret) {
  for (std::size_t at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + kRedacted.size())) {
    text.replace(at, secret.size(), kRedacted);
  }
}

void replace_tokens(std::string& text, std::string_view prefix) {
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
    at += prefix.size();
    const std::size_t end = end_of(text, at, is_of_token);
    if (end - at >= kShortestToken) text.replace(at, end - at, kRedacted);
  }
}

void replace_parts_of_urls(std::string& text) {
  for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at)) {
    at += 3;
    const std::size_t authority_end = std::min(text.find_first_of("/?# \n\"", at), text.size());
    const std::size_t user_end = text.rfind('@', authority_end);
    if (user_end != std::string::npos && user_end >= at && user_end < authority_end) {
      text.replace(at, user_end - at, kRedacted);
    }
    const std::size_t end = end_of(text, at, is_of_url);
    const std::size_t query = text.find('?', at);
    if (query < end) text.replace(query + 1, end - query - 1, kRedacted);
  }
}

}  // namespace

std::string redacted(std::string_view text, const std::vector<std::string>& secrets) {
  std::string out(text);
  for (const std::string& secret : secrets) {
    if (!secret.empty()) replace_all(out, secret);
  }
  for (const std::string_view prefix : {"Bearer ", "hf_", "sk-"}) replace_tokens(out, prefix);
  replace_parts_of_urls(out);
  return out;
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
