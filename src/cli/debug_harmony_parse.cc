// hearth debug harmony parse MODEL --ids "1 2 3" - {"messages":[…],"events":[…]}: what gpt-oss
// wrote behind <|start|>assistant, as messages and as the events of an answer. MODEL gives the
// vocabulary.
#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/text_parts.h"
#include "text/answer_parser.h"
#include "text/harmony/parse.h"

namespace hearth::cli {

namespace {

using Json = nlohmann::ordered_json;

struct HarmonyParseFlags {
  std::string model;
  std::string ids;
};

class MessageList final : public harmony::MessageSink {
 public:
  void begin_message(const harmony::Header& header) override { header_ = header; }
  void add_text(std::string_view text) override { text_ += text; }
  void end_message() override {
    list.push_back(harmony::message_to_json(header_, text_));
    text_.clear();
  }
  void skip(std::size_t) override {}

  Json list = Json::array();

 private:
  harmony::Header header_;
  std::string text_;
};

Result<Json> parse_messages(const text::Tokenizer& tokenizer,
                            const std::vector<text::TokenId>& ids) {
  HEARTH_TRY(harmony::StreamParser parser, harmony::StreamParser::create(tokenizer));
  MessageList messages;
  for (const text::TokenId id : ids) parser.push(id, messages);
  parser.finish(messages);
  return std::move(messages.list);
}

std::string_view kind_name(text::AnswerEventKind kind) {
  switch (kind) {
    case text::AnswerEventKind::content:
      return "content";
    case text::AnswerEventKind::reasoning:
      return "reasoning";
    case text::AnswerEventKind::tool_call_begin:
      return "tool_call_begin";
    case text::AnswerEventKind::tool_call_arguments:
      return "tool_call_arguments";
    case text::AnswerEventKind::tool_call_end:
      return "tool_call_end";
    case text::AnswerEventKind::markup:
      break;
  }
  return "markup";
}

// An entry for each piece, as it comes out token by token.
Result<Json> parse_events(const text::Tokenizer& tokenizer, const std::vector<text::TokenId>& ids) {
  HEARTH_TRY(const auto parser,
             text::make_answer_parser(
                 tokenizer, {text::ReasoningFormat::harmony, text::ToolDialect::harmony}, false));
  Json list = Json::array();
  text::AnswerEvents events;
  const auto take = [&] {
    for (std::size_t i = 0; i < events.size(); ++i) {
      const text::AnswerEvent event = events[i];
      if (event.kind == text::AnswerEventKind::markup) continue;
      Json entry = {{"kind", kind_name(event.kind)}};
      if (event.call >= 0) entry["call"] = event.call;
      if (event.kind != text::AnswerEventKind::tool_call_end) entry["text"] = event.text;
      list.push_back(std::move(entry));
    }
    events.clear();
  };
  for (const text::TokenId id : ids) {
    parser->push(id, events);
    take();
  }
  parser->finish(events);
  take();
  return list;
}

Result<int> parse(const HarmonyParseFlags& flags) {
  HEARTH_TRY(const auto ids, read_ids(flags.ids));
  HEARTH_TRY(const auto tokenizer, open_tokenizer(flags.model));
  Json out;
  HEARTH_TRY(out["messages"], parse_messages(*tokenizer, ids));
  HEARTH_TRY(out["events"], parse_events(*tokenizer, ids));
  print(out.dump() + "\n");
  return kSuccess;
}

}  // namespace

void add_debug_harmony_parse(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<HarmonyParseFlags>();
  CLI::App& command = *parent.add_subcommand("parse", "what gpt-oss wrote, taken apart");
  add_model(command, flags->model, "alias, path of a .gguf file, or a tokenizer.json");
  command.add_option("--ids", flags->ids, "\"1 2 3\" or \"[1, 2, 3]\"; -: standard input")
      ->required()
      ->type_name("IDS");
  command.callback([&action, flags] { action = [flags] { return parse(*flags); }; });
}

}  // namespace hearth::cli
