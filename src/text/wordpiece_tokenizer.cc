#include "text/wordpiece_tokenizer.h"

#include <utility>

#include "base/unicode.h"
#include "base/utf8.h"

namespace hearth::text {

namespace {

std::size_t count_characters(std::string_view text) {
  std::size_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(decode_utf8(text.substr(0, 4)).size);
  return n;
}

void replace_all(std::string& text, std::string_view pattern, std::string_view content) {
  for (std::size_t at = text.find(pattern); at != text.npos;
       at = text.find(pattern, at + content.size())) {
    text.replace(at, pattern.size(), content);
  }
}

// What the reference implementation does to each token.
std::string cleaned_up(std::string text) {
  static constexpr std::string_view kRules[][2] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [pattern, content] : kRules) replace_all(text, pattern, content);
  return text;
}

}  // namespace

class WordPieceTokenizer::Words final : public WordEncoder {
 public:
  explicit Words(const WordPieceTokenizer& tokenizer) : tokenizer_(tokenizer) {}

  Result<void> add_word(std::string_view word, Output& out) override {
    const Utf8Char first_character = decode_utf8(word);
    if (first_character.valid && is_white_space(first_character.code)) return {};
    const std::size_t first = out.ids.size();
    if (count_characters(word) <= tokenizer_.spec().wordpiece.max_word_characters &&
        add_pieces(word, out)) {
      return {};
    }
    out.ids.resize(first);
    HEARTH_TRY_VOID(out.note_unspellable(word, 0));
    if (tokenizer_.replacement_) out.ids.push_back(*tokenizer_.replacement_);
    return {};
  }

 private:
  bool add_pieces(std::string_view word, Output& out) {
    const TokenTrie* trie = &tokenizer_.beginnings_;
    while (!word.empty()) {
      std::size_t longest = 0;
      TokenId best = 0;
      trie->for_each_prefix(word, [&](std::size_t n, TokenId id) {
        longest = n;
        best = id;
      });
      if (longest == 0) return false;
      out.ids.push_back(best);
      word.remove_prefix(longest);
      trie = &tokenizer_.continuations_;
    }
    return true;
  }

  const WordPieceTokenizer& tokenizer_;
};

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::build(TokenizerSpec spec) {
  const std::shared_ptr<WordPieceTokenizer> made(new WordPieceTokenizer(std::move(spec)));
  HEARTH_TRY_VOID(made->build_shared());
  HEARTH_TRY_VOID(made->index_pieces());
  made->set_bytes();
  return std::shared_ptr<const Tokenizer>(made);
}

bool WordPieceTokenizer::is_continuation(TokenId id) const {
  if (!is_plain(id)) return false;
  const WordPieceRules& rules = spec_.wordpiece;
  if (!rules.continuation_prefix.empty()) return text_of(id).starts_with(rules.continuation_prefix);
  return !text_of(id).starts_with(rules.word_prefix);
}

Result<void> WordPieceTokenizer::index_pieces() {
  const WordPieceRules& rules = spec_.wordpiece;
  if (rules.word_prefix.empty() == rules.continuation_prefix.empty()) {
    return Error{ErrorKind::unsupported,
                 "tokenizer: a WordPiece vocabulary needs a mark for tokens that begin a word or "
                 "for all others, and not both"};
  }
  std::vector<std::pair<std::string_view, TokenId>> beginnings, continuations;
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!is_plain(id)) continue;
    const bool continues = is_continuation(id);
    const std::string& prefix = continues ? rules.continuation_prefix : rules.word_prefix;
    const std::string_view text = text_of(id).substr(prefix.size());
    if (!text.empty()) (continues ? continuations : beginnings).emplace_back(text, id);
  }
  HEARTH_TRY(beginnings_, TokenTrie::build(std::move(beginnings)));
  HEARTH_TRY(continuations_, TokenTrie::build(std::move(continuations)));
  return {};
}

void WordPieceTokenizer::set_bytes() {
  const WordPieceRules& rules = spec_.wordpiece;
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool continues = is_continuation(id);
    std::string first = spec_.tokens[i];
    if (first.starts_with(rules.word_prefix)) first.erase(0, rules.word_prefix.size());
    std::string later = first.empty() ? first : " " + first;
    if (continues) later = first.substr(rules.continuation_prefix.size());
    bytes_.add(rules.clean_up ? cleaned_up(std::move(later)) : later);
    first_bytes_.add(rules.clean_up ? cleaned_up(std::move(first)) : first);
  }
  longest_token_bytes_ = bytes_.longest();
}

std::unique_ptr<SpanTokenizer::WordEncoder> WordPieceTokenizer::new_word_encoder() const {
  return std::make_unique<Words>(*this);
}

std::string_view WordPieceTokenizer::token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? bytes_.of(id) : std::string_view();
}

std::string_view WordPieceTokenizer::first_token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? first_bytes_.of(id) : std::string_view();
}

}  // namespace hearth::text
