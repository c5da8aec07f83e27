// usage.cc - see usage.h. Works on what CLI11 leaves behind when parsing fails.
#include "cli/usage.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::cli {

namespace {

// The innermost command that was recognised.
const CLI::App& chosen(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
  return *app;
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : cat(full_name(*app.get_parent()), " ", app.get_name());
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  const std::string_view near = nearest(word, views.data(), views.size());
  return near.empty() ? std::string() : cat("; did you mean ", near, "?");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string see_help(const CLI::App& app) { return cat(" (see ", full_name(app), " --help)"); }

// A word that no command took: in `app`, or in one of the groups above it. CLI11 leaves an unknown
// word with the group whose command it is not.
std::string unknown_word(const CLI::App& app, const std::string& word) {
  if (word.size() > 1 && word.front() == '-') {
    const std::string name = word.substr(0, word.find('='));
    return cat("unknown option ", quote(name), did_you_mean(name, options_of(app)), see_help(app));
  }
  const auto commands = commands_of(app);
  if (commands.empty()) return cat("unexpected argument ", quote(word), see_help(app));
  return cat("unknown command ", quote(word), did_you_mean(word, commands), see_help(app));
}

}  // namespace

std::vector<std::string> arguments_in_parse_order(std::vector<std::string> words) {
  std::vector<std::string> arguments;
  bool options_ended = false;
  for (std::string& argument : words) {
    options_ended = options_ended || argument == "--";
    const bool empty_value = !options_ended && argument.size() > 3 && argument.starts_with("--") &&
                             argument.find('=') == argument.size() - 1;
    if (empty_value) argument.pop_back();
    arguments.push_back(std::move(argument));
    if (empty_value) arguments.emplace_back();
  }
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

std::string usage_message(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& app = chosen(root);
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    const auto extras = at->remaining();
    if (!extras.empty()) return unknown_word(*at, extras.front());
  }
  return cat(error.what(), see_help(app));
}

std::string missing_command_message(const CLI::App& root) {
  const CLI::App& app = chosen(root);
  const auto commands = commands_of(app);
  if (commands.empty()) return {};
  return cat("expected a command of ", full_name(app), ": ", joined(commands), see_help(app));
}

}  // namespace hearth::cli
