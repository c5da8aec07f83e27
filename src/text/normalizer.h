// normalizer.h - changes a text before it is cut into words, step by step (NormalizerStep).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/charsmap.h"
#include "text/tokenizer.h"

namespace hearth::text {

class Normalizer {
 public:
  // Errors: corrupt (a charsmap that is none, a pattern without a byte), unsupported (a text of
  // more than kMaxStepText bytes to be put in).
  static Result<Normalizer> build(std::vector<NormalizerStep> steps);

  static constexpr std::size_t kMaxStepText = 32;

  bool empty() const { return steps_.empty(); }

  // starts: the text stands at the very beginning of what is encoded. Time and memory are linear in
  // the text. Bytes that are not valid UTF-8 stay where they are. Errors: unsupported, when steps
  // make more than kMaxGrowth times as much of a text (real vocabularies reach 13).
  Result<std::string> apply(std::string_view text, bool starts) const;

  static constexpr std::size_t kMaxGrowth = 16;

 private:
  std::vector<NormalizerStep> steps_;
  std::vector<std::optional<Charsmap>> charsmaps_;  // of the steps that have one
};

// Classes of characters as the reference implementation's BERT parts see them: Unicode 8.0, where
// an unassigned code point is in none.
bool is_bert_punctuation(char32_t code);

}  // namespace hearth::text
