// fuzz_answer.cc - any text as an answer in the formats that are marked in the text (<think>, tool
// calls): nothing is lost or made up, calls are well-formed, and the events are the same however
// the text was cut.
//
// The first byte chooses the format: its remainder by 5 the tool dialect, bit 5 thinking, bit 6
// whether it is open already. The rest is the text.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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

std::string parse(const AnswerFormat& format, bool is_open, std::string_view text,
                  std::size_t n_piece) {
  TextAnswerParser parser(format, is_open);
  Checker checker(text);
  AnswerEvents events;
  for (std::size_t at = 0; at < text.size(); at += n_piece) {
    parser.push(text.substr(at, n_piece), events);
    checker.take(events);
    events.clear();
  }
  parser.finish(events);
  checker.take(events);
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
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string whole = parse(format, is_open, text, size);
  for (const std::size_t n_piece : {1U, 3U, 7U}) {
    CHECK(parse(format, is_open, text, n_piece) == whole, "the events depend on the cut");
  }
  return 0;
}
