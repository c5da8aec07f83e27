// hearth debug render MODEL --messages FILE - the prompt a chat becomes, exactly: no newline is
// added.
#include <ctime>

#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/text_parts.h"

namespace hearth::cli {

namespace {

struct RenderFlags {
  std::string model;
  std::string messages;
  std::string tools;
  bool no_generation_prompt = false;
};

Result<nlohmann::ordered_json> read_array(const std::string& path, std::string_view flag) {
  HEARTH_TRY(auto json, read_json(path));
  if (json.is_array()) return json;
  return Error{ErrorKind::invalid,
               cat(flag, ": ", quote(path, 300), " holds a JSON ", json.type_name(),
                   "; expected an array of ", flag == "--messages" ? "messages" : "tools")};
}

Result<int> render(const RenderFlags& flags) {
  HEARTH_TRY(const auto messages, read_array(flags.messages, "--messages"));
  nlohmann::ordered_json tools;
  if (!flags.tools.empty()) {
    HEARTH_TRY(tools, read_array(flags.tools, "--tools"));
  }
  HEARTH_TRY(const auto chat, open_chat_template(flags.model));
  HEARTH_TRY(const auto spans, chat->render(messages, tools, nullptr,
                                            {.add_generation_prompt = !flags.no_generation_prompt,
                                             .now = std::time(nullptr)}));
  for (const text::TextSpan& span : spans) print(span.text);
  return kSuccess;
}

}  // namespace

void add_debug_render(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<RenderFlags>();
  CLI::App& command = *parent.add_subcommand("render", "chat messages to the model's prompt text");
  add_model(command, flags->model);
  command
      .add_option("--messages", flags->messages,
                  "JSON file: an array of {\"role\", \"content\"}; -: standard input")
      ->required()
      ->type_name("FILE");
  command.add_option("--tools", flags->tools, "JSON file: an array of tools")->type_name("FILE");
  command.add_flag("--no-generation-prompt", flags->no_generation_prompt,
                   "end after the last message, without the beginning of an answer");
  command.callback([&action, flags] { action = [flags] { return render(*flags); }; });
}

}  // namespace hearth::cli
