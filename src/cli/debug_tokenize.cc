// hearth debug tokenize MODEL (--text T | --file F) - token ids on one line, separated by blanks.
#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/text_parts.h"

namespace hearth::cli {

namespace {

struct TokenizeFlags {
  std::string model;
  std::optional<std::string> text;
  std::string file;
  bool parse_special = false;
  bool add_special = false;
};

Result<int> tokenize(const TokenizeFlags& flags) {
  if (flags.text.has_value() == !flags.file.empty()) {
    return Error{ErrorKind::invalid, "expected one of --text TEXT and --file FILE"};
  }
  HEARTH_TRY(const auto tokenizer, open_tokenizer(flags.model));
  std::string text = flags.text.value_or("");
  if (!flags.text) {
    HEARTH_TRY(text, read_input(flags.file));
  }
  HEARTH_TRY(const auto encoding,
             tokenizer->encode(text, flags.parse_special, {.add_special = flags.add_special}));
  std::string line;
  for (const text::TokenId id : encoding.ids) {
    if (!line.empty()) line += ' ';
    line += cat(id);
  }
  line += '\n';
  print(line);
  if (encoding.n_unspellable_bytes > 0) {
    note(cat("hearth: warning: ", encoding.n_unspellable_bytes,
             encoding.n_unspellable_bytes == 1 ? " byte" : " bytes",
             " of the text cannot be spelt with this vocabulary and left no token\n"));
  }
  return kSuccess;
}

}  // namespace

void add_debug_tokenize(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App& command = *parent.add_subcommand("tokenize", "text to token ids");
  add_model(command, flags->model, "alias, path of a .gguf file, or a tokenizer.json");
  command.add_option("--text", flags->text, "the text")->type_name("TEXT");
  command.add_option("--file", flags->file, "a file with the text; -: standard input")
      ->type_name("FILE");
  command.add_flag("--parse-special", flags->parse_special,
                   "read control tokens (<|im_end|>) as such; otherwise they are plain text");
  command.add_flag("--add-special", flags->add_special,
                   "add what the vocabulary puts around a text (begin, end)");
  command.callback([&action, flags] { action = [flags] { return tokenize(*flags); }; });
}

}  // namespace hearth::cli
