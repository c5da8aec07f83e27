// flags.cc - option kinds that commands share.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/str.h"
#include "cli/command.h"

namespace hearth::cli {

namespace {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::int64_t integer_of(const std::string& name, std::string_view text, std::int64_t least,
                        std::int64_t most) {
  const std::optional<std::int64_t> value = parse_int(text);
  if (!value || *value < least || *value > most) {
    throw CLI::ValidationError(
        name, cat("expected a whole number from ", least, " to ", most, ", not ", quote(text)));
  }
  return *value;
}

}  // namespace

CLI::Option* add_integer(CLI::App& command, const std::string& name,
                         std::optional<std::int64_t>& out, std::int64_t least, std::int64_t most,
                         const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [name, &out, least, most](const std::string& text) {
            out = integer_of(name, text, least, most);
          },
          help)
      ->type_name("N");
}

CLI::Option* add_integers(CLI::App& command, const std::string& name,
                          std::vector<std::int64_t>& out, std::int64_t least, std::int64_t most,
                          const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [name, &out, least, most](const std::string& text) {
            out.clear();
            for (std::size_t at = 0; at <= text.size();) {
              const std::size_t comma = std::min(text.find(',', at), text.size());
              out.push_back(
                  integer_of(name, std::string_view(text).substr(at, comma - at), least, most));
              at = comma + 1;
            }
          },
          help)
      ->type_name("N,…");
}

CLI::Option* add_number(CLI::App& command, const std::string& name, std::optional<double>& out,
                        const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [name, &out](const std::string& text) {
            out = parse_number(text);
            if (!out) {
              throw CLI::ValidationError(name, cat("expected a number, not ", quote(text)));
            }
          },
          help)
      ->type_name("X");
}

CLI::Option* add_switch(CLI::App& command, const std::string& name, std::optional<bool>& out,
                        const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [name, &out](const std::string& text) {
            if (text != "on" && text != "off") {
              throw CLI::ValidationError(name, cat("expected on or off, not ", quote(text)));
            }
            out = text == "on";
          },
          help)
      ->type_name("on|off");
}

CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& out,
                          const std::string& help) {
  return command
      .add_option_function<std::string>(
          name, [&out](const std::string& text) { out.push_back(text); }, help)
      ->type_name("TEXT")
      ->trigger_on_parse();
}

CLI::Option* add_output_format(CLI::App& command, bool& json) {
  return command
      .add_option_function<std::string>(
          "-o,--output",
          [&json](const std::string& format) {
            if (format != "json" && format != "text") {
              throw CLI::ValidationError("--output",
                                         cat("expected text or json, not ", quote(format)));
            }
            json = format == "json";
          },
          "text (default) or json")
      ->type_name("FORMAT");
}

CLI::Option* add_model(CLI::App& command, std::string& model, const std::string& help) {
  return command.add_option("MODEL", model, help)->required()->type_name("");
}

}  // namespace hearth::cli
