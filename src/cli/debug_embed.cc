// hearth debug embed MODEL (--text T | --ids IDS)… - a vector a text, nine significant digits
// (enough to give every float32 back): a line of numbers each, or
// {"embeddings":[[…],…],"prompt_tokens":…} with -o json. With --pooling none a vector a token.
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"

namespace hearth::cli {

namespace {

using kernels::Pooling;

constexpr std::array<std::pair<std::string_view, Pooling>, 4> kPoolings{{
    {"mean", Pooling::mean},
    {"first", Pooling::first},
    {"last", Pooling::last},
    {"none", Pooling::none},
}};

struct EmbedFlags {
  std::string model;
  std::vector<std::string> texts, ids;
  std::optional<Pooling> pooling;
  bool no_normalize = false;
  bool exact = false;
  bool json = false;
  std::optional<std::int64_t> context;
};

Result<engine::EmbeddingRequest> request_of(const EmbedFlags& flags,
                                            const engine::LoadedModel& model) {
  engine::EmbeddingRequest request;
  request.pooling = flags.pooling;
  if (flags.no_normalize) request.normalize = false;
  for (const std::string& text : flags.texts) {
    HEARTH_TRY_VOID(check_utf8("--text", text));
    HEARTH_TRY(auto ids, model.text_ids(text));
    request.texts.push_back(std::move(ids));
  }
  for (const std::string& list : flags.ids) {
    HEARTH_TRY(auto ids, read_ids(list));
    request.texts.push_back(std::move(ids));
  }
  return request;
}

// The rows of one text: a line each, or JSON lists with commas between them.
std::string rows_text(const std::vector<float>& rows, std::int64_t d_model, bool json) {
  std::string out;
  const auto width = static_cast<std::size_t>(d_model);
  for (std::size_t at = 0; at < rows.size(); at += width) {
    const std::span row = std::span(rows).subspan(at, width);
    if (json) {
      out += cat(at > 0 ? ",\n" : "", "[", float_list(row, ","), "]");
    } else {
      out += cat(float_list(row, " "), "\n");
    }
  }
  return out;
}

void print_json(const engine::Embeddings& embeddings, bool row_a_token, std::int64_t n_tokens) {
  print("{\"embeddings\":[");
  for (std::size_t i = 0; i < embeddings.vectors.size(); ++i) {
    if (i > 0) print(",\n");
    const std::string rows = rows_text(embeddings.vectors[i], embeddings.d_model, true);
    print(row_a_token ? cat("[", rows, "]") : rows);
  }
  print(cat("],\"prompt_tokens\":", n_tokens, "}\n"));
}

Result<int> embed(const EmbedFlags& flags) {
  if (flags.texts.empty() == flags.ids.empty()) {
    return Error{ErrorKind::invalid,
                 "expected --text TEXT or --ids IDS, once for each vector, and not both"};
  }
  HEARTH_TRY(const Session session, open_session(engine::Engine::create(), flags.model,
                                                 {.context = flags.context.value_or(0),
                                                  .kv_tokens = 0,
                                                  .exact = flags.exact,
                                                  .ids_only = flags.texts.empty()}));
  HEARTH_TRY_VOID(engine::check_embeds(*session.model));
  HEARTH_TRY(auto request, request_of(flags, *session.model));
  HEARTH_TRY(const auto embedding, session.engine->embed(session.model, std::move(request)));
  HEARTH_TRY(const engine::Embeddings embeddings, embedding->take());
  if (flags.json) {
    print_json(embeddings, flags.pooling == Pooling::none, embedding->usage().prompt_tokens);
    return kSuccess;
  }
  for (const std::vector<float>& rows : embeddings.vectors) {
    print(rows_text(rows, embeddings.d_model, false));
  }
  return kSuccess;
}

void add_pooling(CLI::App& command, std::optional<Pooling>& out) {
  command
      .add_option_function<std::string>(
          "--pooling",
          [&out](const std::string& name) {
            for (const auto& [known, pooling] : kPoolings) {
              if (name == known) out = pooling;
            }
            if (!out) {
              throw CLI::ValidationError(
                  "--pooling", cat("expected mean, first, last or none, not ", quote(name)));
            }
          },
          "how a text's token vectors become one: mean, first, last, or none: all of them, as they "
          "are (default: the model's own)")
      ->type_name("HOW");
}

}  // namespace

void add_debug_embed(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App& command = *parent.add_subcommand("embed", "the vectors an embedding model gives texts");
  add_model(command, flags->model, "alias, path of a .gguf file, or a model's folder");
  add_repeated(command, "--text", flags->texts, "a text; may be repeated");
  add_repeated(command, "--ids", flags->ids,
               "\"101 7592 102\", a text's token ids as they are; may be repeated; -: read them "
               "from standard input")
      ->type_name("IDS");
  add_pooling(command, flags->pooling);
  command.add_flag("--no-normalize", flags->no_normalize,
                   "leave the vectors' lengths as the pooling gives them");
  command.add_flag("--exact", flags->exact,
                   "dequantised weights and float32 activations: slow, for reference");
  add_integer(command, "--context", flags->context, 1, std::int64_t{1} << 30,
              "longest text, tokens (default: the model's own)");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return embed(*flags); }; });
}

}  // namespace hearth::cli
