#include "text/harmony/parse.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/str.h"

namespace hearth::harmony {

namespace {

constexpr std::size_t kNone = std::string::npos;
constexpr std::string_view kTo = "to=", kFunctions = "functions.", kSpaces = " \t\n\r\v\f";
// A longer word is no header's, and more is never held back.
constexpr std::size_t kLongestWord = 256, kLongestHeader = 2048;

struct Word {
  std::string_view text;
  std::size_t begin, end;  // where it stands
};

// The first word of text in [from, limit); nothing when there are only spaces.
std::optional<Word> next_word(std::string_view text, std::size_t from, std::size_t limit) {
  text = text.substr(0, limit);
  const std::size_t begin = text.find_first_not_of(kSpaces, from);
  if (begin == kNone) return std::nullopt;
  const std::size_t end = std::min(text.find_first_of(kSpaces, begin), limit);
  return Word{text.substr(begin, end - begin), begin, end};
}

void read_author(std::string_view word, Header& header) {
  const std::size_t colon = word.find(':');
  if (const auto role = find_role(word.substr(0, colon))) {
    header.role = *role;
    header.name = colon == word.npos ? "" : word.substr(colon + 1);
  } else {
    header.role = Role::tool;
    header.name = word;
  }
}

// Letters, digits and what joins them in the names of tools and of content types.
bool is_name(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '/';
  });
}

// The name in "to=NAME" or "functions.NAME".
std::optional<std::string_view> recipient_of(std::string_view word) {
  if (word.starts_with(kTo)) return word.substr(kTo.size());
  if (word.starts_with(kFunctions) && is_name(word)) return word;
  return std::nullopt;
}

// Whether more bytes can still make the unfinished word one that names a recipient.
bool may_name_recipient(std::string_view word) {
  return kTo.starts_with(word) || kFunctions.starts_with(word) || recipient_of(word);
}

}  // namespace

// How far the words are a header's.
struct StreamParser::HeaderWords {
  enum class Section : std::uint8_t { role, channel, type };
  enum class Verdict : std::uint8_t { header, content_type, may_be_header, text };

  Verdict take(std::string_view word, Section section, bool grows);
  void stop_at(std::size_t begin);

  Header header;
  bool has_author = false, may_repeat_role = false, has_channel_name = false;
  std::size_t type_at = kNone;  // a content type that <|constrain|> did not announce
  std::size_t rest = kNone;     // where the words that are no header's begin
};

// The next word. grows: it may not be whole yet.
StreamParser::HeaderWords::Verdict StreamParser::HeaderWords::take(std::string_view word,
                                                                   Section section, bool grows) {
  Header& h = header;
  const bool repeats_role = std::exchange(may_repeat_role, false) && section == Section::role;
  if (word.size() > kLongestWord) return Verdict::text;
  if (!has_author && section == Section::role) {
    has_author = true;
    read_author(word, h);
    return Verdict::header;
  }
  const std::string_view role = role_name(h.role);
  if (repeats_role && (word == role || (grows && role.starts_with(word)))) return Verdict::header;
  if (section == Section::channel && !std::exchange(has_channel_name, true)) {
    h.channel = word;
    return Verdict::header;
  }
  if (!h.recipient) {
    h.recipient = recipient_of(word);
    if (h.recipient) return Verdict::header;
    if (grows && may_name_recipient(word)) return Verdict::may_be_header;
  }
  // In the role's section a content type follows a recipient only.
  if (h.content_type || (section == Section::role && !h.recipient)) return Verdict::text;
  h.content_type = cat(section == Section::type ? kConstrain : "", word);
  return Verdict::content_type;
}

// From there on the words are text; without a recipient, also one that looked like their type.
void StreamParser::HeaderWords::stop_at(std::size_t begin) {
  rest = begin;
  if (type_at == kNone || header.recipient) return;
  rest = type_at;
  header.content_type.reset();
}

Result<StreamParser> StreamParser::create(const text::Tokenizer& tokenizer) {
  HEARTH_TRY(const Tokens tokens, find_tokens(tokenizer));
  return StreamParser(tokenizer, tokens);
}

void StreamParser::push(text::TokenId id, MessageSink& sink) {
  if (control(id, sink)) return;
  decoder_.push(id, decoded_);
  take_text(sink);
}

void StreamParser::finish(MessageSink& sink) {
  decoder_.finish(decoded_);
  take_text(sink);
  if (in_text_) {
    end_text(sink);
  } else {
    end_header(false, sink);
  }
  expect_header({}, true);
}

// Whether it is one of harmony's own.
bool StreamParser::control(text::TokenId id, MessageSink& sink) {
  const Tokens& t = tokens_;
  const bool ends = id == t.end || id == t.done || id == t.call;
  if (!ends && id != t.start && id != t.channel && id != t.constrain && id != t.message) {
    return false;
  }
  decoder_.finish(decoded_);
  take_text(sink);
  if (id == t.constrain) {
    if (!in_text_ && constrain_at_ == kNone) constrain_at_ = words_.size();
  } else if (id == t.channel) {
    begin_channel(sink);
  } else if (id == t.message) {
    begin_message(sink);
  } else {
    if (in_text_) {
      end_text(sink);
    } else {
      end_header(ends, sink);
    }
    expect_header({}, id != t.start);
  }
  return true;
}

void StreamParser::begin_channel(MessageSink& sink) {
  if (in_text_) {
    end_text(sink);
    channel_at_ = 0;
    return;
  }
  const HeaderWords read = read_header(true);
  const bool is_first = channel_at_ == kNone && constrain_at_ == kNone;
  if (is_first && read.rest == kNone) {
    channel_at_ = words_.size();
    return;
  }
  flush_words(read, read.rest, sink);
  expect_header(read.header, true);
  channel_at_ = 0;
}

void StreamParser::begin_message(MessageSink& sink) {
  if (in_text_) {
    if (!wrote_text_ || header_.recipient) return;
    end_text(sink);
    return begin_text(Header(header_), sink);
  }
  const HeaderWords read = read_header(true);
  flush_words(read, read.rest, sink);
  begin_text(read.header, sink);
}

// Words that are no header's although the header goes on are a message of their own.
void StreamParser::flush_words(const HeaderWords& read, std::size_t rest, MessageSink& sink) {
  Header header = read.header;
  header.recipient.reset();
  header.content_type.reset();
  write_words(header, rest, sink);
}

// The words from `rest` on as a message, if there are any.
void StreamParser::write_words(const Header& header, std::size_t rest, MessageSink& sink) {
  const std::string words = std::exchange(words_, {});
  sink.skip(std::min(rest, words.size()));
  if (rest == kNone) return;
  begin_text(header, sink);
  write(std::string_view(words).substr(rest), sink);
  end_text(sink);
}

// A header without <|message|>.
void StreamParser::end_header(bool is_terminated, MessageSink& sink) {
  HeaderWords read = read_header(true);
  const bool is_call = read.header.recipient.has_value();
  // What looked like the type of a text that never came is the text.
  if (read.type_at != kNone && !(is_call && is_name(*read.header.content_type))) {
    read.rest = read.type_at;
    read.header.content_type.reset();
  }
  write_words(read.header, read.rest, sink);
  if (is_terminated && is_call && read.rest == kNone) {  // a call without arguments
    begin_text(read.header, sink);
    end_text(sink);
  }
}

// Moves what was decoded to where it belongs.
void StreamParser::take_text(MessageSink& sink) {
  if (decoded_.empty()) return;
  if (in_text_) {
    write(decoded_, sink);
  } else {
    words_ += decoded_;
    read_words(sink);
  }
  decoded_.clear();
}

// Begins a message as soon as the words cannot be a header any more.
void StreamParser::read_words(MessageSink& sink) {
  const HeaderWords read = read_header(false);
  // A call's header waits for <|message|>: words that came out would be its arguments.
  const bool is_open = read.rest == kNone || read.header.recipient;
  if (is_open && words_.size() <= kLongestHeader) return;
  const std::string words = std::exchange(words_, {});
  const std::size_t n_header = std::min(read.rest, words.size());
  sink.skip(n_header);
  begin_text(read.header, sink);
  write(std::string_view(words).substr(n_header), sink);
}

// is_complete: the last word is whole; otherwise it may grow.
StreamParser::HeaderWords StreamParser::read_header(bool is_complete) const {
  using Section = HeaderWords::Section;
  HeaderWords out{.header = base_, .has_author = has_author_, .may_repeat_role = has_author_};
  const std::size_t ends[] = {std::min({channel_at_, constrain_at_, words_.size()}),
                              std::min(constrain_at_, words_.size()), words_.size()};
  const Section open = constrain_at_ != kNone ? Section::type
                       : channel_at_ != kNone ? Section::channel
                                              : Section::role;
  std::size_t at = 0;
  for (const Section section : {Section::role, Section::channel, Section::type}) {
    const std::size_t limit = ends[static_cast<std::size_t>(section)];
    while (const auto word = next_word(words_, at, limit)) {
      at = word->end;
      const bool grows = !is_complete && at == words_.size() && section == open;
      const auto verdict = out.take(word->text, section, grows);
      if (verdict == HeaderWords::Verdict::may_be_header) return out;
      if (verdict == HeaderWords::Verdict::text) {
        // An answer without any header keeps the white space it begins with.
        const bool is_first = word->begin == words_.find_first_not_of(kSpaces);
        const bool is_all = has_author_ && is_first && section == Section::role;
        out.stop_at(is_all ? 0 : word->begin);
        return out;
      }
      if (verdict == HeaderWords::Verdict::content_type && section != Section::type) {
        out.type_at = word->begin;
      }
    }
    at = limit;
  }
  return out;
}

// base: what is known of the next header; a channel and a content type are never inherited.
void StreamParser::expect_header(const Header& base, bool has_author) {
  in_text_ = false;
  base_ = base;
  base_.channel.reset();
  base_.content_type.reset();
  has_author_ = has_author;
  words_.clear();
  channel_at_ = constrain_at_ = kNone;
}

void StreamParser::begin_text(const Header& header, MessageSink& sink) {
  in_text_ = true;
  wrote_text_ = false;
  header_ = header;
  sink.begin_message(header_);
}

void StreamParser::write(std::string_view text, MessageSink& sink) {
  if (text.empty()) return;
  wrote_text_ = true;
  sink.add_text(text);
}

// A header without <|start|>, should one follow, is by the same author.
void StreamParser::end_text(MessageSink& sink) {
  sink.end_message();
  Header author = header_;
  author.recipient.reset();
  expect_header(author, true);
}

}  // namespace hearth::harmony
