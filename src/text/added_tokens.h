// added_tokens.h - finds the tokens that are recognised by name before a text is cut into words.
//
// Leftmost-longest, without overlaps. A name is found only where every byte of it lies in trusted
// text, unless it is layout, which is found anywhere. Names are at most kMaxAddedTokenBytes long,
// so the time is linear in the text. The rules lstrip, rstrip, single_word and normalized are those
// of tokenizer.json; white space that a rule takes along may belong to an untrusted neighbour,
// because the spans are one text to the model.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace hearth::text {

inline constexpr std::size_t kMaxAddedTokenBytes = 1024;

// Layout: white space, "▁", or an HTML tag without attributes ("<td>", "</b>"; but not "<s>", which
// begins a text elsewhere). Gemma has hundreds of them as user-defined tokens.
bool is_layout(std::string_view token_text);

// Whether ordinary text may become a token of this kind and text.
bool is_plain_token(TokenKind kind, std::string_view token_text);

struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct AddedTokenMatch {
  TextRange range;  // with the white space that the token's rule takes along
  TokenId id = 0;
};

class AddedTokens {
 public:
  // The control, unknown and user_defined tokens of spec, whose texts are copied. Errors: corrupt.
  static Result<AddedTokens> build(const TokenizerSpec& spec);

  // trusted: the parts of text in which names may be found, in order, not touching each other.
  std::vector<AddedTokenMatch> find(std::string_view text,
                                    std::span<const TextRange> trusted) const;

 private:
  struct Name {
    std::string text;
    AddedTokenRule rule;
    bool is_control;
  };
  // Sorted names: those that begin with what was read so far are one range of them.
  struct Names {
    std::vector<Name> sorted;
    std::array<bool, 256> first_bytes{};

    void add(Name name);
    void finish();
    const Name* longest_at(std::string_view text) const;
  };
  // The names that are looked for in one go.
  struct Pass {
    Names layout;
    Names trusted_only;

    void add(Name name);
    void finish();
    bool empty() const { return layout.sorted.empty() && trusted_only.sorted.empty(); }
    const Name* longest_at(std::string_view text, std::size_t trusted_size) const;
    void find_in(std::string_view text, TextRange piece, std::span<const TextRange> trusted,
                 std::vector<AddedTokenMatch>& found) const;
  };

  Pass plain_;
  Pass normalized_;
};

}  // namespace hearth::text
