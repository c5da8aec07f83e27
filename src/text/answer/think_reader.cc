#include "text/answer/think_reader.h"

namespace hearth::text {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

ThinkReader::ThinkReader(bool is_open)
    : tags_({std::string(kThinkTags[0]), std::string(kThinkTags[1])}),
      state_(is_open ? State::thinking : State::start) {}

void ThinkReader::push(char c, AnswerEvents& out, std::string& answer) {
  released_.clear();
  const int found = tags_.push(c, released_);
  for (const char byte : released_) text(byte, out, answer);
  if (found == TagScanner::kNone) return;
  const std::string& name = tags_.tag(found);
  if (tag(found, name.size(), out)) return;
  for (const char byte : name) text(byte, out, answer);
}

bool ThinkReader::push_control(std::string_view name, AnswerEvents& out, std::string& answer) {
  flush_half_tag(out, answer);
  const int index = tags_.index_of(name);
  if (index != TagScanner::kNone) {
    tag(index, 0, out);
    return true;
  }
  if (state_ == State::thinking) return true;
  state_ = State::answer;
  answer += spaces_;
  spaces_.clear();
  return false;
}

void ThinkReader::finish(AnswerEvents& out, std::string& answer) {
  flush_half_tag(out, answer);
  if (state_ == State::thinking) return drop_spaces(0, out);
  answer += spaces_;
  spaces_.clear();
}

void ThinkReader::flush_half_tag(AnswerEvents& out, std::string& answer) {
  released_.clear();
  tags_.finish(released_);
  for (const char byte : released_) text(byte, out, answer);
}

// Whether it is one here, and not text.
bool ThinkReader::tag(int index, std::size_t n_source_bytes, AnswerEvents& out) {
  const bool opens = index == 0;
  const bool at_beginning = state_ == State::start || (state_ == State::thinking && !thought_);
  if (was_closed_ || (opens && !at_beginning)) return false;
  drop_spaces(n_source_bytes, out);
  state_ = opens ? State::thinking : State::behind;
  was_closed_ = !opens;
  return true;
}

void ThinkReader::text(char c, AnswerEvents& out, std::string& answer) {
  switch (state_) {
    case State::start:
      spaces_ += c;
      if (is_space(c)) return;
      state_ = State::answer;
      answer += spaces_;
      spaces_.clear();
      return;
    case State::thinking:
      if (is_space(c)) {
        spaces_ += c;
        return;
      }
      if (!thought_) drop_spaces(0, out);
      out.add_text(AnswerEventKind::reasoning, spaces_);
      out.add_text(AnswerEventKind::reasoning, {&c, 1});
      spaces_.clear();
      thought_ = true;
      return;
    case State::behind:
      if (c == '\n' || c == '\r') return out.add_markup(1);
      state_ = State::answer;
      [[fallthrough]];
    case State::answer:
      answer += c;
      return;
  }
}

void ThinkReader::drop_spaces(std::size_t n_more, AnswerEvents& out) {
  out.add_markup(spaces_.size() + n_more);
  spaces_.clear();
}

}  // namespace hearth::text
