#include "text/answer/tool_call_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/answer/tool_call_json.h"

namespace hearth::text {

namespace {

using Tags = std::span<const std::string_view>;

constexpr std::string_view kHermes[] = {"<tool_call>", "</tool_call>"};
// The bracket is a part of the tag: the bare word is an ordinary one.
constexpr std::string_view kPhi4[] = {"<|tool_call|>", "functools[", "<|/tool_call|>"};
constexpr std::string_view kLlama3[] = {"<|python_tag|>"};
constexpr std::string_view kMistral[] = {"[TOOL_CALLS]"};

bool closes(std::string_view tag) { return tag.find('/') != tag.npos; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

std::span<const std::string_view> tool_tags(ToolDialect dialect) {
  switch (dialect) {
    case ToolDialect::hermes:
      return kHermes;
    case ToolDialect::phi4:
      return kPhi4;
    case ToolDialect::llama3:
      return kLlama3;
    case ToolDialect::mistral:
      return kMistral;
    case ToolDialect::none:
    case ToolDialect::harmony:
      break;
  }
  return {};
}

ToolCallReader::ToolCallReader(ToolDialect dialect) : bare_json_(dialect == ToolDialect::llama3) {
  const Tags tags = tool_tags(dialect);
  n_opening_ = static_cast<int>(
      std::count_if(tags.begin(), tags.end(), [](std::string_view tag) { return !closes(tag); }));
  tags_ = TagScanner({tags.begin(), tags.end()});
}

void ToolCallReader::push(char c, AnswerEvents& out) {
  if (in_call_) {
    read_call(c, out);
  } else {
    read_text(c, out);
  }
}

void ToolCallReader::push_control(std::string_view tag, AnswerEvents& out) {
  if (in_call_) give_up(out);
  released_.clear();
  tags_.finish(released_);
  content(released_, out);
  const int index = tags_.index_of(tag);
  if (index == TagScanner::kNone || !read_tag(index, 0, out)) return;
  announced_by_.clear();
}

void ToolCallReader::finish(AnswerEvents& out) {
  if (in_call_) give_up(out);
  released_.clear();
  tags_.finish(released_);
  content(released_, out);
  if (n_calls_ > 0) {
    out.add_markup(spaces_.size());
  } else {
    out.add_text(AnswerEventKind::content, spaces_);
  }
  spaces_.clear();
}

void ToolCallReader::read_text(char c, AnswerEvents& out) {
  const bool may_stand_alone = bare_json_ && (at_start_ || is_behind_call_);
  if (may_stand_alone && c == '{' && !tags_.is_within_tag()) {
    begin_call("");
    return read_call(c, out);
  }
  released_.clear();
  const int found = tags_.push(c, released_);
  content(released_, out);
  if (found == TagScanner::kNone) return;
  const std::string& tag = tags_.tag(found);
  if (!read_tag(found, tag.size(), out)) content(tag, out);
}

// Whether it is one here, and not text: a closing tag belongs to a call.
bool ToolCallReader::read_tag(int index, std::size_t n_source_bytes, AnswerEvents& out) {
  if (index < n_opening_) {
    begin_call(tags_.tag(index));
    return true;
  }
  if (!is_behind_call_) return false;
  out.add_markup(spaces_.size() + n_source_bytes);
  spaces_.clear();
  return true;
}

// Text between calls that is only white space (or Llama's ";") is no content.
void ToolCallReader::content(std::string_view text, AnswerEvents& out) {
  for (const char c : text) {
    const bool separates = is_space(c) || (c == ';' && bare_json_ && is_behind_call_);
    if (separates && (is_behind_call_ || at_start_)) {
      spaces_ += c;
      continue;
    }
    out.add_text(AnswerEventKind::content, spaces_);
    out.add_text(AnswerEventKind::content, {&c, 1});
    spaces_.clear();
    at_start_ = is_behind_call_ = false;
  }
}

// The bracket of "functools[" is the JSON's first byte.
void ToolCallReader::begin_call(std::string_view announced_by) {
  in_call_ = true;
  is_announced_ = !announced_by.empty();
  call_.clear();
  json_.reset();
  if (announced_by.ends_with('[')) {
    announced_by.remove_suffix(1);
    call_ = '[';
    json_.push('[');
  }
  announced_by_ = announced_by;
}

void ToolCallReader::read_call(char c, AnswerEvents& out) {
  const JsonScanner::Result result = json_.push(c);
  if (result == JsonScanner::Result::broken) {
    give_up(out);
    return read_text(c, out);  // it may begin a tag
  }
  call_ += c;
  if (result == JsonScanner::Result::complete) return end_call(out);
  const bool ended_key = c == '"' && json_.is_behind_key() && json_.depth() == 1;
  if (!is_announced_ && ended_key && !is_call_key()) give_up(out);
}

// Whether call_ ends with the name of a member that a call has. An answer that is JSON for a
// person is so told from a call early.
bool ToolCallReader::is_call_key() const {
  static constexpr std::array<std::string_view, 5> kKeys = {"name", "parameters", "arguments",
                                                            "type", "id"};
  const std::size_t begin = call_.rfind('"', call_.size() - 2) + 1;
  const std::string_view key = std::string_view(call_).substr(begin, call_.size() - 1 - begin);
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

void ToolCallReader::end_call(AnswerEvents& out) {
  const auto calls = read_tool_calls(call_, !is_announced_);
  if (!calls) return give_up(out);
  out.add_markup(spaces_.size() + announced_by_.size() + call_.size());
  spaces_.clear();
  for (const ToolCall& call : *calls) {
    const std::int32_t index = n_calls_++;
    out.add({AnswerEventKind::tool_call_begin, index, call.name, 0});
    out.add({AnswerEventKind::tool_call_arguments, index, call.arguments, 0});
    out.add({AnswerEventKind::tool_call_end, index, {}, 0});
  }
  in_call_ = false;
  is_behind_call_ = true;
  at_start_ = false;
}

// It is text after all.
void ToolCallReader::give_up(AnswerEvents& out) {
  in_call_ = false;
  for (const std::string* part : {&spaces_, &announced_by_, &call_}) {
    out.add_text(AnswerEventKind::content, *part);
  }
  spaces_.clear();
  at_start_ = is_behind_call_ = false;
}

}  // namespace hearth::text
