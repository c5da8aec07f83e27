// joined_text.h - several spans as one text, and which parts of it may be trusted.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/tokenizer.h"

namespace hearth::text {

class JoinedText {
 public:
  // A single span is not copied: spans must outlive this.
  explicit JoinedText(std::span<const TextSpan> spans);
  JoinedText(const JoinedText&) = delete;
  JoinedText& operator=(const JoinedText&) = delete;

  std::string_view text() const { return text_; }
  // In order, not touching each other.
  std::span<const TextRange> trusted() const { return trusted_; }

 private:
  void add_trusted(TextRange range);

  std::string joined_;
  std::string_view text_;
  std::vector<TextRange> trusted_;
};

}  // namespace hearth::text
