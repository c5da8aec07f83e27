// hearth completion bash|zsh|fish - a script that completes commands and options, written from the
// commands themselves.
#include <algorithm>
#include <vector>

#include "base/str.h"
#include "cli/command.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

struct Words {
  std::string path;  // "hearth model"
  std::vector<std::string> commands, options;
};

void collect(const CLI::App& app, const std::string& path, std::vector<Words>& out) {
  Words words{path, {}, {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.commands.push_back(command->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.options.push_back("--" + name);
  }
  out.push_back(words);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect(*command, cat(path, " ", command->get_name()), out);
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// The words so far without options are the command; what may follow is looked up.
std::string bash(const std::vector<Words>& all) {
  std::string out =
      "_hearth() {\n"
      "  local word path=hearth i\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case \" $(_hearth_words \"$path\") \" in *\" $word \"*) [[ $word == -* ]] || path+=\" "
      "$word\" ;; esac\n"
      "  done\n"
      "  COMPREPLY=($(compgen -W \"$(_hearth_words \"$path\")\" -- "
      "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "_hearth_words() {\n"
      "  case $1 in\n";
  for (const Words& words : all) {
    out += cat("  '", words.path, "') echo '", joined(words.commands),
               words.commands.empty() ? "" : " ", joined(words.options), "' ;;\n");
  }
  return out + "  esac\n}\ncomplete -o default -F _hearth hearth foundry\n";
}

std::string fish(const std::vector<Words>& all) {
  std::string out;
  for (const Words& words : all) {
    std::string seen;  // the commands that must have been written
    const std::size_t blank = words.path.find(' ');
    if (blank != std::string::npos) {
      seen = cat("__fish_seen_subcommand_from ", words.path.substr(words.path.rfind(' ') + 1));
    } else {
      seen = "__fish_use_subcommand";
    }
    for (const std::string& word : words.commands) {
      out += cat("complete -c hearth -n '", seen, "' -a ", word, "\n");
    }
    for (const std::string& option : words.options) {
      out += cat("complete -c hearth -n '", seen, "' -l ", option.substr(2), "\n");
    }
  }
  return out;
}

Result<int> complete(const CLI::App& root, const std::string& shell) {
  std::vector<Words> all;
  collect(root, "hearth", all);
  if (shell == "bash") {
    print(bash(all));
  } else if (shell == "zsh") {
    print(cat("autoload -U +X bashcompinit && bashcompinit\n", bash(all)));
  } else if (shell == "fish") {
    print(fish(all));
  } else {
    return Error{ErrorKind::invalid, cat("expected bash, zsh or fish, not ", quote(shell))};
  }
  return kSuccess;
}

// roff: a line that begins with a dot or a quote would be a request.
std::string roff(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return !out.empty() && (out.front() == '.' || out.front() == '\'') ? "\\&" + out : out;
}

void write_manual(const CLI::App& app, const std::string& path, std::string& out) {
  if (app.get_parent() != nullptr) {
    out += cat(".SS ", roff(path), "\n", roff(app.get_description()), "\n");
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_description().empty()) continue;
    std::string type = option->get_type_name();
    out += cat(".TP\n.B ", roff(option->get_name(true, false)), type.empty() ? "" : " ", roff(type),
               "\n", roff(option->get_description()), "\n");
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    write_manual(*command, cat(path, " ", command->get_name()), out);
  }
}

Result<int> manual(const CLI::App& root) {
  std::string out = cat(".TH HEARTH 1 \"\" \"hearth ", HEARTH_VERSION, "\"\n.SH NAME\nhearth \\- ",
                        roff(root.get_description()),
                        "\n.SH SYNOPSIS\n.B hearth\nCOMMAND [OPTIONS]\n.SH COMMANDS\n");
  write_manual(root, "hearth", out);
  out += cat(".SH EXIT STATUS\n0 done, 1 failed, 2 used wrongly, 130 interrupted.\n");
  print(out);
  return kSuccess;
}

}  // namespace

void add_completion(CLI::App& root, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App& command =
      *root.add_subcommand("completion", "a script that completes commands in a shell");
  command.footer(
      "For bash: hearth completion bash > ~/.local/share/bash-completion/completions/hearth");
  command.add_option("SHELL", *shell, "bash, zsh or fish")->required()->type_name("");
  command.callback(
      [&root, &action, shell] { action = [&root, shell] { return complete(root, *shell); }; });
  root.add_subcommand("manual", "the manual page, for: hearth manual | man -l -")
      ->callback([&root, &action] { action = [&root] { return manual(root); }; });
}

}  // namespace hearth::cli
