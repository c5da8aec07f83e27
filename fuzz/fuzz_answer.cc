// fuzz_answer.cc - any text as an answer in the formats that are marked in the text (<think>, tool
// calls): nothing is lost or made up, calls are well-formed, and the events are the same however
// the text was cut.
//
// The first byte chooses the format: its remainder by 5 the tool dialect, bit 5 thinking, bit 6
// whether it is open already. The rest is the text; its bytes from 0xf8 on are tags that came as
// control tokens, where the format has them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "text/answer/text_answer_parser.h"

namespace {

using hearth::text::AnswerEvent;
using hearth::text::AnswerEventKind;
using hearth::text::AnswerEvents;
using hearth::text::AnswerFormat;
using hearth::text::ReasoningFormat;
using hearth::text::TextAnswerParser;
using hearth::text::ToolDialect;

// Joins pieces, and follows the source: text that is shown must be the very bytes.
class Checker {
 public:
  explicit Checker(std::string_view source) : source_(source) {}

  void take(const AnswerEvents& events) {
    for (std::size_t i = 0; i < events.size(); ++i) take(events[i]);
  }

  std::string finish() {
    CHECK(n_bytes_ == source_.size(), "text was lost");
    CHECK(open_call_ < 0, "a call stays open");
    return std::move(log_);
  }

 private:
  void take(const AnswerEvent& event) {
    CHECK(event.n_source_bytes <= source_.size() - n_bytes_, "text came from nowhere");
    const std::string_view source = source_.substr(n_bytes_, event.n_source_bytes);
    n_bytes_ += event.n_source_bytes;
    switch (event.kind) {
      case AnswerEventKind::content:
      case AnswerEventKind::reasoning:
        CHECK(open_call_ < 0, "text inside a call");
        CHECK(event.text == source, "shown text is not the model's");
        begin(event.kind == AnswerEventKind::content ? 'C' : 'R');
        log_ += event.text;
        break;
      case AnswerEventKind::tool_call_begin:
        CHECK(open_call_ < 0 && event.call == n_calls_, "calls are numbered in order");
        CHECK(!event.text.empty(), "a call names its tool");
        open_call_ = n_calls_++;
        begin('T');
        log_ += event.text;
        log_ += '(';
        break;
      case AnswerEventKind::tool_call_arguments:
        CHECK(event.call == open_call_, "arguments belong to the open call");
        log_ += event.text;
        break;
      case AnswerEventKind::tool_call_end:
        CHECK(event.call == open_call_, "a call ends that is not open");
        open_call_ = -1;
        part_ = 0;
        break;
      case AnswerEventKind::markup:
        CHECK(event.text.empty(), "markup is nobody's text");
        break;
    }
  }

  void begin(char part) {
    if (part_ != part) log_ += part;
    part_ = part;
  }

  std::string_view source_;
  std::size_t n_bytes_ = 0;
  std::string log_;
  char part_ = 0;
  std::int32_t open_call_ = -1, n_calls_ = 0;
};

constexpr std::uint8_t kFirstTag = 0xf8;
constexpr std::array<std::string_view, 8> kTags = {
    "<think>",       "</think>",       "<tool_call>",    "</tool_call>",
    "<|tool_call|>", "<|/tool_call|>", "<|python_tag|>", "[TOOL_CALLS]"};

bool has_tag(const AnswerFormat& format, std::string_view tag) {
  const auto is_in = [tag](std::span<const std::string_view> tags) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  };
  return (format.reasoning == ReasoningFormat::think && is_in(hearth::text::kThinkTags)) ||
         is_in(hearth::text::tool_tags(format.tools));
}

// A text, or the name of a tag that came as a control token.
struct Part {
  std::string text;
  bool is_tag = false;
};

std::vector<Part> parts_of(const AnswerFormat& format, std::string_view input) {
  std::vector<Part> parts(1);
  for (const char c : input) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < kFirstTag) {
      parts.back().text += c;
      continue;
    }
    const std::string_view tag = kTags[byte - kFirstTag];
    if (!has_tag(format, tag)) continue;
    parts.push_back({std::string(tag), true});
    parts.emplace_back();
  }
  return parts;
}

std::string parse(const AnswerFormat& format, bool is_open, const std::vector<Part>& parts,
                  std::size_t n_piece) {
  TextAnswerParser parser(format, is_open);
  std::string source;
  for (const Part& part : parts) source += part.is_tag ? std::string() : part.text;
  Checker checker(source);
  AnswerEvents events;
  const auto take = [&] {
    checker.take(events);
    events.clear();
  };
  for (const Part& part : parts) {
    if (part.is_tag) {
      parser.push_control(part.text, events);
      take();
      continue;
    }
    for (std::size_t at = 0; at < part.text.size(); at += n_piece) {
      parser.push(std::string_view(part.text).substr(at, n_piece), events);
      take();
    }
  }
  parser.finish(events);
  take();
  return checker.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static constexpr std::array<ToolDialect, 5> kDialects = {ToolDialect::none, ToolDialect::hermes,
                                                           ToolDialect::phi4, ToolDialect::llama3,
                                                           ToolDialect::mistral};
  const AnswerFormat format = {(data[0] & 32) != 0 ? ReasoningFormat::think : ReasoningFormat::none,
                               kDialects[data[0] % kDialects.size()]};
  const bool is_open = (data[0] & 64) != 0;
  const auto parts = parts_of(format, {reinterpret_cast<const char*>(data + 1), size - 1});
  const std::string whole = parse(format, is_open, parts, size);
  for (const std::size_t n_piece : {1U, 3U, 7U}) {
    CHECK(parse(format, is_open, parts, n_piece) == whole, "the events depend on the cut");
  }
  return 0;
}
