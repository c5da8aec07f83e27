#include "text/added_tokens.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/str.h"
#include "base/unicode.h"
#include "base/utf8.h"

namespace hearth::text {

namespace {

// The last character of a text that is not empty.
Utf8Char last_character(std::string_view text) {
  for (std::size_t n = std::min<std::size_t>(4, text.size()); n > 1; --n) {
    const Utf8Char c = decode_utf8(text.substr(text.size() - n));
    if (c.valid && c.size == n) return c;
  }
  return decode_utf8(text.substr(text.size() - 1));
}

bool is_blank(const Utf8Char& c) { return c.valid && is_white_space(c.code); }
bool is_word(const Utf8Char& c) { return c.valid && is_word_character(c.code); }

std::size_t blank_bytes_at_end(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size()) {
    const Utf8Char c = last_character(text.substr(0, text.size() - n));
    if (!is_blank(c)) break;
    n += c.size;
  }
  return n;
}

std::size_t blank_bytes_at_start(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size()) {
    const Utf8Char c = decode_utf8(text.substr(n));
    if (!is_blank(c)) break;
    n += c.size;
  }
  return n;
}

bool stands_alone(std::string_view before, std::string_view after) {
  return (before.empty() || !is_word(last_character(before))) &&
         (after.empty() || !is_word(decode_utf8(after)));
}

std::string_view part(std::string_view text, std::size_t begin, std::size_t end) {
  return text.substr(begin, end - begin);
}

bool is_added(TokenKind kind) { return is_control(kind) || kind == TokenKind::user_defined; }

bool is_html_tag(std::string_view text) {
  static constexpr std::string_view kElements[] = {
      "a",      "b",     "blockquote", "body",  "br", "caption", "code", "div",    "em",   "footer",
      "h1",     "h2",    "h3",         "h4",    "h5", "h6",      "head", "hr",     "html", "i",
      "iframe", "img",   "li",         "ol",    "p",  "pre",     "span", "strong", "sub",  "sup",
      "table",  "tbody", "td",         "tfoot", "th", "thead",   "tr",   "u",      "ul"};
  if (!text.starts_with('<') || !text.ends_with('>')) return false;
  text = text.substr(1, text.size() - 2);
  if (text.starts_with('/')) text.remove_prefix(1);
  return std::find(std::begin(kElements), std::end(kElements), text) != std::end(kElements);
}

Result<std::vector<AddedTokenRule>> rules_by_id(const TokenizerSpec& spec) {
  std::vector<AddedTokenRule> rules(spec.tokens.size());
  for (const AddedTokenRule& rule : spec.added) {
    const auto id = static_cast<std::size_t>(rule.id);
    if (rule.id < 0 || id >= spec.tokens.size() || !is_added(spec.kinds[id])) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer: the rule of added token ", rule.id,
                       " belongs to no control or user-defined token of the vocabulary")};
    }
    rules[id] = rule;
  }
  return rules;
}

}  // namespace

bool is_layout(std::string_view token_text) {
  if (is_html_tag(token_text)) return true;
  while (!token_text.empty()) {
    const Utf8Char c = decode_utf8(token_text);
    if (!is_blank(c) && c.code != U'▁') return false;
    token_text.remove_prefix(c.size);
  }
  return true;
}

bool is_plain_token(TokenKind kind, std::string_view token_text) {
  return kind == TokenKind::normal || (kind == TokenKind::user_defined && is_layout(token_text));
}

void AddedTokens::Names::add(Name name) {
  first_bytes[static_cast<unsigned char>(name.text[0])] = true;
  sorted.push_back(std::move(name));
}

void AddedTokens::Names::finish() {
  std::sort(sorted.begin(), sorted.end(),
            [](const Name& a, const Name& b) { return a.text < b.text; });
}

const AddedTokens::Name* AddedTokens::Names::longest_at(std::string_view text) const {
  const Name* longest = nullptr;
  auto low = sorted.begin();
  auto high = sorted.end();
  for (std::size_t n = 0; n < text.size(); ++n) {
    // All names in [low, high) agree with text in n bytes; a name of just n bytes sorts first.
    const auto byte = static_cast<unsigned char>(text[n]);
    const auto at = [n](const Name& name) { return static_cast<unsigned char>(name.text[n]); };
    if (low->text.size() == n) ++low;
    low = std::partition_point(low, high, [&](const Name& name) { return at(name) < byte; });
    high = std::partition_point(low, high, [&](const Name& name) { return at(name) == byte; });
    if (low == high) break;
    if (low->text.size() == n + 1) longest = &*low;
  }
  return longest;
}

void AddedTokens::Pass::add(Name name) {
  (is_layout(name.text) && !name.is_control ? layout : trusted_only).add(std::move(name));
}

void AddedTokens::Pass::finish() {
  layout.finish();
  trusted_only.finish();
}

// The longest name that text begins with; only its first trusted_size bytes are trusted.
const AddedTokens::Name* AddedTokens::Pass::longest_at(std::string_view text,
                                                       std::size_t trusted_size) const {
  const auto first = static_cast<unsigned char>(text[0]);
  const Name* anywhere = layout.first_bytes[first] ? layout.longest_at(text) : nullptr;
  const Name* here = trusted_size > 0 && trusted_only.first_bytes[first]
                         ? trusted_only.longest_at(text.substr(0, trusted_size))
                         : nullptr;
  if (anywhere == nullptr || here == nullptr) return anywhere != nullptr ? anywhere : here;
  return anywhere->text.size() > here->text.size() ? anywhere : here;
}

void AddedTokens::Pass::find_in(std::string_view text, TextRange piece,
                                std::span<const TextRange> trusted,
                                std::vector<AddedTokenMatch>& found) const {
  std::size_t taken = piece.begin;  // up to here the piece belongs to earlier matches
  auto run = std::partition_point(trusted.begin(), trusted.end(),
                                  [&](const TextRange& r) { return r.end <= piece.begin; });
  for (std::size_t i = piece.begin; i < piece.end;) {
    while (run != trusted.end() && run->end <= i) ++run;
    const bool is_trusted = run != trusted.end() && run->begin <= i;
    if (!is_trusted && layout.sorted.empty()) {
      if (run == trusted.end()) break;
      i = run->begin;
      continue;
    }
    const std::size_t trusted_end = is_trusted ? std::min(run->end, piece.end) : i;
    const Name* name = longest_at(part(text, i, piece.end), trusted_end - i);
    if (name == nullptr) {
      ++i;
      continue;
    }
    TextRange range = {i, i + name->text.size()};
    i = range.end;
    const std::string_view before = part(text, taken, range.begin);
    const std::string_view after = part(text, range.end, piece.end);
    const std::string_view all_before = part(text, piece.begin, range.begin);
    if (name->rule.single_word && !stands_alone(all_before, after)) continue;
    if (name->rule.lstrip) range.begin -= blank_bytes_at_end(before);
    if (name->rule.rstrip) range.end += blank_bytes_at_start(after);
    found.push_back({range, name->rule.id});
    taken = range.end;
    i = taken;
  }
}

Result<AddedTokens> AddedTokens::build(const TokenizerSpec& spec) {
  HEARTH_TRY(const std::vector<AddedTokenRule> rules, rules_by_id(spec));
  AddedTokens made;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (!is_added(spec.kinds[id])) continue;
    const std::string& text = spec.tokens[id];
    if (text.empty() || text.size() > kMaxAddedTokenBytes) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer: added token ", id, " has a name of ", text.size(),
                       " bytes; 1 to ", kMaxAddedTokenBytes, " are possible")};
    }
    AddedTokenRule rule = rules[id];
    rule.id = static_cast<TokenId>(id);
    (rule.normalized ? made.normalized_ : made.plain_)
        .add({text, rule, is_control(spec.kinds[id])});
  }
  made.plain_.finish();
  made.normalized_.finish();
  return made;
}

std::vector<AddedTokenMatch> AddedTokens::find(std::string_view text,
                                               std::span<const TextRange> trusted) const {
  std::vector<AddedTokenMatch> found;
  plain_.find_in(text, {0, text.size()}, trusted, found);
  if (normalized_.empty()) return found;

  std::vector<AddedTokenMatch> all;
  std::size_t begin = 0;
  for (const AddedTokenMatch& match : found) {
    normalized_.find_in(text, {begin, match.range.begin}, trusted, all);
    all.push_back(match);
    begin = match.range.end;
  }
  normalized_.find_in(text, {begin, text.size()}, trusted, all);
  return all;
}

}  // namespace hearth::text
