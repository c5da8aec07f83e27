// command.h - how a command joins the program.
//
// add_NAME() declares a command's words and flags below `parent`; when the user chose it, parsing
// leaves in `action` what it does. The action returns the exit code; its error is printed as one
// line by cli.cc.
//
// Numbers are taken as text and read by us: CLI11 would read "010" as 8 and accept "1e3" for an
// integer in one place and not in another.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

using Action = std::function<Result<int>()>;

// Exit codes (docs: hearth --help).
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
inline constexpr int kInterrupted = 130;  // as a shell reports a program ended by Ctrl+C

void add_model_run(CLI::App& parent, Action& action);
void add_complete(CLI::App& parent, Action& action);
void add_model_list(CLI::App& parent, Action& action);
void add_model_info(CLI::App& parent, Action& action);
void add_model_import(CLI::App& parent, Action& action);
void add_model_download(CLI::App& parent, Action& action);
void add_model_verify(CLI::App& parent, Action& action);
void add_model_inspect(CLI::App& parent, Action& action);
void add_model_convert(CLI::App& parent, Action& action);
void add_model_synth(CLI::App& parent, Action& action);
void add_model_remove(CLI::App& parent, Action& action);
void add_model_load(CLI::App& parent, Action& action);
void add_model_unload(CLI::App& parent, Action& action);
void add_cache(CLI::App& parent, Action& action);
void add_config(CLI::App& parent, Action& action);
void add_status(CLI::App& parent, Action& action);
void add_zip_logs(CLI::App& parent, Action& action);
void add_alias(CLI::App& parent, Action& action);
void add_completion(CLI::App& root, Action& action);
void add_service(CLI::App& parent, Action& action);
void add_service_ps(CLI::App& parent, Action& action);
void add_service_logs(CLI::App& parent, Action& action);
void add_service_set(CLI::App& parent, Action& action);
void add_service_key(CLI::App& parent, Action& action);
void add_serve(CLI::App& parent, Action& action);
void add_bench_machine(CLI::App& parent, Action& action);
void add_bench_kernels(CLI::App& parent, Action& action);
void add_bench_model(CLI::App& parent, Action& action);
void add_debug_tokenize(CLI::App& parent, Action& action);
void add_debug_detokenize(CLI::App& parent, Action& action);
void add_debug_render(CLI::App& parent, Action& action);
void add_debug_harmony_render(CLI::App& parent, Action& action);
void add_debug_harmony_parse(CLI::App& parent, Action& action);
void add_debug_grammar(CLI::App& parent, Action& action);
void add_debug_embed(CLI::App& parent, Action& action);
void add_debug_routes(CLI::App& parent, Action& action);
void add_debug_logits(CLI::App& parent, Action& action);
void add_debug_perplexity(CLI::App& parent, Action& action);

// Options whose value is a number of the given range; anything else is a usage error that names the
// option, what came and what was expected.
CLI::Option* add_integer(CLI::App& command, const std::string& name,
                         std::optional<std::int64_t>& out, std::int64_t least, std::int64_t most,
                         const std::string& help);
// The same for a list: "512,2048".
CLI::Option* add_integers(CLI::App& command, const std::string& name,
                          std::vector<std::int64_t>& out, std::int64_t least, std::int64_t most,
                          const std::string& help);
CLI::Option* add_number(CLI::App& command, const std::string& name, std::optional<double>& out,
                        const std::string& help);
// "on" or "off".
CLI::Option* add_switch(CLI::App& command, const std::string& name, std::optional<bool>& out,
                        const std::string& help);
// May be given several times; each value is taken as it is (CLI11's own lists would split "[a,b]").
CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& out,
                          const std::string& help);
// "-o json".
CLI::Option* add_output_format(CLI::App& command, bool& json);
// The positional MODEL.
CLI::Option* add_model(
    CLI::App& command, std::string& model,
    const std::string& help = "alias (hearth model list) or path of a .gguf file");

}  // namespace hearth::cli
