// hearth debug harmony render MODEL --messages FILE - {"text":…,"ids":[…]}: a conversation in
// gpt-oss's own format, without a chat template. MODEL gives the vocabulary.
#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/text_parts.h"
#include "text/harmony/render.h"

namespace hearth::cli {

namespace {

struct HarmonyRenderFlags {
  std::string model;
  std::string messages;
  std::string mode = "completion";
  std::string next_role = "assistant";
  bool keep_analysis = false;
};

Result<harmony::RenderOptions> options_of(const HarmonyRenderFlags& flags) {
  harmony::RenderOptions options;
  options.auto_drop_analysis = !flags.keep_analysis;
  if (flags.mode == "conversation") {
    options.mode = harmony::RenderMode::conversation;
  } else if (flags.mode == "training") {
    options.mode = harmony::RenderMode::training;
  } else if (flags.mode != "completion") {
    return Error{ErrorKind::invalid, cat("--mode: ", quote(flags.mode),
                                         "; expected completion, conversation or training")};
  }
  const auto role = harmony::find_role(flags.next_role);
  if (!role) {
    return Error{ErrorKind::invalid, cat("--next-role: ", quote(flags.next_role),
                                         "; expected system, developer, user, assistant or tool")};
  }
  options.next_role = *role;
  return options;
}

Result<int> render(const HarmonyRenderFlags& flags) {
  HEARTH_TRY(const harmony::RenderOptions options, options_of(flags));
  HEARTH_TRY(const auto json, read_json(flags.messages));
  HEARTH_TRY(const auto conversation, harmony::conversation_from_json(json));
  HEARTH_TRY(const auto tokenizer, open_tokenizer(flags.model));
  const auto pieces = harmony::render(conversation, options);
  HEARTH_TRY(const auto ids, harmony::encode(*tokenizer, pieces));
  const nlohmann::ordered_json out = {{"text", harmony::text_of(pieces)}, {"ids", ids}};
  print(out.dump() + "\n");
  return kSuccess;
}

}  // namespace

void add_debug_harmony_render(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<HarmonyRenderFlags>();
  CLI::App& command = *parent.add_subcommand("render", "a conversation to gpt-oss's prompt");
  add_model(command, flags->model, "alias, path of a .gguf file, or a tokenizer.json");
  command
      .add_option("--messages", flags->messages,
                  "JSON file: {\"messages\": […]} as openai-harmony writes it; -: standard input")
      ->required()
      ->type_name("FILE");
  command.add_option("--mode", flags->mode, "completion (default), conversation or training")
      ->type_name("MODE");
  command.add_option("--next-role", flags->next_role, "whose message a completion begins")
      ->type_name("ROLE");
  command.add_flag("--keep-analysis", flags->keep_analysis,
                   "keep the reasoning of earlier turns in the prompt");
  command.callback([&action, flags] { action = [flags] { return render(*flags); }; });
}

}  // namespace hearth::cli
