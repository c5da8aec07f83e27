// usage_test.cc - parsing and its complaints, on a program with one group and one command.
#include "cli/usage.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace hearth::cli {
namespace {

// A program with one group and one command of each kind of flag.
struct Program {
  Program() {
    CLI::App& group = *app.add_subcommand("model", "");
    CLI::App& command = *group.add_subcommand("run", "");
    add_model(command, model);
    command.add_option("--prompt", prompt);
    add_integer(command, "--max-tokens", max_tokens, 1, 100, "");
    add_number(command, "--temperature", temperature, "");
    add_repeated(command, "--stop", stop, "");
    add_output_format(command, json);
  }
  // The message of a wrong use, or "".
  std::string parse(std::vector<std::string> words) {
    try {
      app.parse(arguments_in_parse_order(std::move(words)));
    } catch (const CLI::ParseError& error) {
      return usage_message(app, error);
    }
    return missing_command_message(app);
  }
  CLI::App app{"", "hearth"};
  std::string model;
  std::optional<std::string> prompt;
  std::optional<std::int64_t> max_tokens;
  std::optional<double> temperature;
  std::vector<std::string> stop;
  bool json = false;
};

TEST(Usage, values_are_taken_as_they_are) {
  Program p;
  EXPECT_EQ(p.parse({"model", "run", "m", "--prompt", "--not a flag", "--stop", "[a,b]", "--stop",
                     "x y", "--max-tokens", "010", "--temperature=0.5", "-o", "json"}),
            "");
  EXPECT_EQ(p.model, "m");
  EXPECT_EQ(p.prompt, "--not a flag");
  EXPECT_EQ(p.stop, (std::vector<std::string>{"[a,b]", "x y"}));
  EXPECT_EQ(p.max_tokens, 10);
  EXPECT_EQ(p.temperature, 0.5);
  EXPECT_TRUE(p.json);
}

TEST(Usage, an_empty_value_is_a_value) {
  Program assigned;
  EXPECT_EQ(assigned.parse({"model", "run", "--prompt=", "m"}), "");
  EXPECT_EQ(assigned.prompt, "");
  EXPECT_EQ(assigned.model, "m");
  Program separate;
  EXPECT_EQ(separate.parse({"model", "run", "m", "--prompt", ""}), "");
  EXPECT_EQ(separate.prompt, "");
}

TEST(Usage, an_unknown_command_is_answered_with_the_nearest) {
  EXPECT_EQ(Program().parse({"modle", "run"}),
            "unknown command \"modle\"; did you mean model? (see hearth --help)");
  EXPECT_EQ(Program().parse({"model", "rum", "m"}),
            "unknown command \"rum\"; did you mean run? (see hearth model --help)");
  EXPECT_EQ(Program().parse({"model"}),
            "expected a command of hearth model: run (see hearth model --help)");
}

TEST(Usage, an_unknown_option_is_answered_with_the_nearest) {
  EXPECT_EQ(Program().parse({"model", "run", "m", "--promt=x"}),
            "unknown option \"--promt\"; did you mean --prompt? (see hearth model run --help)");
  EXPECT_EQ(Program().parse({"model", "run", "--frobnicate"}),
            "unknown option \"--frobnicate\" (see hearth model run --help)");
}

TEST(Usage, a_wrong_number_names_the_option_the_value_and_the_range) {
  for (const char* value : {"0", "101", "1e1", "0x10", "", " 5", "99999999999999999999"}) {
    const std::string said = Program().parse({"model", "run", "m", "--max-tokens", value});
    EXPECT_NE(said.find("--max-tokens: expected a whole number from 1 to 100, not \""),
              std::string::npos)
        << value << ": " << said;
  }
  for (const char* value : {"warm", "nan", "inf", "1,5", ""}) {
    const std::string said = Program().parse({"model", "run", "m", "--temperature", value});
    EXPECT_NE(said.find("--temperature: expected a number, not \""), std::string::npos)
        << value << ": " << said;
  }
}

TEST(Usage, what_is_missing_or_given_twice_is_told) {
  EXPECT_NE(Program().parse({"model", "run"}).find("MODEL is required"), std::string::npos);
  EXPECT_NE(Program().parse({"model", "run", "a", "b"}).find("unexpected argument \"b\""),
            std::string::npos);
  EXPECT_NE(Program().parse({"model", "run", "m", "--prompt"}).find("--prompt"), std::string::npos);
  EXPECT_NE(Program().parse({"model", "run", "m", "--prompt", "a", "--prompt", "b"}), "");
  EXPECT_NE(Program().parse({"model", "run", "m", "-o", "xml"}).find("text or json"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::cli
