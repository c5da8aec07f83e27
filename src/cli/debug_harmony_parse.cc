// hearth debug harmony parse MODEL (--ids "1 2 3" | --text T) - {"messages":[…],"events":[…]}: what
// gpt-oss wrote behind <|start|>assistant, as messages and as the events of an answer. MODEL gives
// the vocabulary.
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
  std::optional<std::string> ids, text;
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

// Control tokens are recognised in a text: they are what there is to parse.
Result<std::vector<text::TokenId>> tokens_of(const HarmonyParseFlags& flags,
                                             const text::Tokenizer& tokenizer) {
  if (flags.ids) {
    HEARTH_TRY(auto ids, read_ids(*flags.ids));
    HEARTH_TRY_VOID(check_ids(tokenizer, ids));
    return ids;
  }
  HEARTH_TRY(auto encoding, tokenizer.encode(*flags.text, true, {.exact = true}));
  return std::move(encoding.ids);
}

Result<int> parse(const HarmonyParseFlags& flags) {
  if (flags.text.has_value() == flags.ids.has_value()) {
    return Error{ErrorKind::invalid, "expected one of --ids IDS and --text TEXT"};
  }
  HEARTH_TRY(const auto tokenizer, open_tokenizer(flags.model));
  HEARTH_TRY(const auto ids, tokens_of(flags, *tokenizer));
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
      ->type_name("IDS");
  command.add_option("--text", flags->text, "the same as a text, control tokens written by name")
      ->type_name("TEXT");
  command.callback([&action, flags] { action = [flags] { return parse(*flags); }; });
}

}  // namespace hearth::cli
