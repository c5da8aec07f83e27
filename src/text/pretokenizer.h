// pretokenizer.h - where a text is cut into words before byte-pair merging.
//
// Each kind is the published regular expression of a family of tokenizers, matched leftmost-first
// by a hand-written scanner: no recursion, no allocation, and time linear in the text whatever it
// holds (a regular expression engine backtracks through a megabyte of blanks for each blank).
//
//   X := [^\s\p{L}\p{N}]    C := 's|'t|'re|'ve|'m|'ll|'d    T := \s+(?!\S)|\s+
//   gpt2     C| ?\p{L}+| ?\p{N}+| ?X+|T
//   smollm   every \p{N} is a text of its own; gpt2 on each stretch between them
//   llama3   (?i:C)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?X+[\r\n]*|\s*[\r\n]+|T
//   qwen2    llama3 with \p{N} in place of \p{N}{1,3}
//   qwen35   qwen2 with [\p{L}\p{M}]+ in place of \p{L}+, and without \p{M} in X
//   o200k    P?[UB]*[WB]+(?i:C)?|P?[UB]+[WB]*(?i:C)?|\p{N}{1,3}| ?X+[\r\n/]*|\s*[\r\n]+|T
//            P := [^\r\n\p{L}\p{N}]   U := \p{Lu}\p{Lt}   W := \p{Ll}   B := \p{Lm}\p{Lo}\p{M}
//   tekken   o200k without (?i:C)?, and with \p{N} in place of \p{N}{1,3}
//
// Three that are no regular expression: none (the whole text), metaspace (each word begins with "▁"
// or the text), and bert (\s+, which the tokenizer drops; a punctuation character; or whatever lies
// between those; punctuation as BertPreTokenizer has it, normalizer.h).
//
// Facts that decide ids: `\s` is White_Space (has U+0085, has not U+FEFF); under (?i) U+017F counts
// as an s; categories are Unicode 16.0's, except that smollm's \p{N} is 17.0's (in the reference it
// comes from another library than the regular expressions). A byte that is not part of valid UTF-8
// is a character of class X by itself: such bytes survive, and one of them never swallows its
// neighbours.
#pragma once

#include <cstddef>
#include <string_view>

#include "text/tokenizer.h"

namespace hearth::text {

// The end of the word that begins at `begin` (< text.size()); calling it again from there cuts the
// whole text. The text ends at its end: what follows it in a larger text has no influence.
std::size_t word_end(Pretokenizer kind, std::string_view text, std::size_t begin);

}  // namespace hearth::text
