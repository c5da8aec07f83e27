// hearth model convert MODEL --quant Q -o FILE [--verify [--text FILE]] - any model Hearth reads,
// as a GGUF file.
#include <cmath>
#include <numeric>

#include "base/str.h"
#include "base/thread_pool.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/write_model.h"
#include "formats/convert.h"

namespace hearth::cli {

namespace {

struct ConvertFlags {
  std::string model;
  std::string quant;
  std::string out;
  bool verify = false;
  std::string text;
};

// What is measured where the user has no text of his own: plain English of several
// kinds, since the difference between two files of one model is wanted, not the level.
constexpr std::string_view kText =
    "The kettle had just begun to sing when somebody knocked at the kitchen door. It was the "
    "neighbour from across the road, holding a letter that had been delivered to the wrong house. "
    "They talked for a while about the weather, the price of bread and the new bus line, and then "
    "she went home again, leaving the gate open behind her.\n\n"
    "To sort a list of numbers, compare each pair of neighbours and exchange them when they are in "
    "the wrong order. Repeat this until no exchange was necessary in a whole pass. The method is "
    "easy to explain, but it needs about n * n / 2 comparisons, so that a list of ten thousand "
    "numbers already takes noticeably long.\n\n"
    "Rivers carry stones from the mountains to the sea. On their way the stones lose their edges, "
    "become pebbles, then gravel, and in the end sand. Where a river slows down it drops what it "
    "carries: first the heavy pieces, later the light ones. This is why the banks of its lower "
    "course are made of mud, and why the land near its mouth grows a little every year.\n";

Result<double> mean_nll(const Session& session, std::string_view text) {
  HEARTH_TRY(const auto encoding, session.model->tokenizer().encode(text, false));
  const auto n_ids = static_cast<std::int64_t>(encoding.ids.size());
  if (n_ids < 2 || n_ids > session.model->context()) {
    return Error{ErrorKind::invalid, cat("the text for --verify has ", n_ids,
                                         " tokens; expected 2 to ", session.model->context())};
  }
  HEARTH_TRY(const auto nll, session.engine->score(session.model, encoding.ids));
  return std::accumulate(nll.begin(), nll.end(), 0.0) / static_cast<double>(nll.size());
}

// What a model makes of the text.
struct Measured {
  double nll = 0;             // a decoder's, mean of a token
  std::vector<float> vector;  // an encoder's
};

Result<Measured> measure(const std::string& path, std::string_view text) {
  HEARTH_TRY(const Session session,
             open_session(engine::Engine::create(), path, {.context = 0, .kv_tokens = 0}));
  Measured m;
  if (session.model->kind() == models::ModelKind::decoder) {
    HEARTH_TRY(m.nll, mean_nll(session, text));
    return m;
  }
  HEARTH_TRY(auto ids, session.model->text_ids(text));
  HEARTH_TRY(const auto embedding, session.engine->embed(session.model, {.texts = {ids}}));
  HEARTH_TRY(auto embeddings, embedding->take());
  m.vector = std::move(embeddings.vectors[0]);
  return m;
}

double cosine(const std::vector<float>& x, const std::vector<float>& y) {
  const auto dot = [](const std::vector<float>& a, const std::vector<float>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  return dot(x, y) / std::sqrt(dot(x, x) * dot(y, y));
}

std::string percent(double share) { return cat(100 * share, " %"); }

Result<void> print_errors(const formats::Checkpoint& from, const std::string& to) {
  HEARTH_TRY(const auto made, formats::open_checkpoint(to));
  ThreadPool pool(physical_cores());
  HEARTH_TRY(const auto errors, formats::compare_tensors(from, *made, pool));
  std::vector<std::vector<std::string>> rows{{"tensor", "type", "error (rms)", "largest"}};
  for (const formats::TensorError& e : errors) {
    rows.push_back({one_line(e.name), std::string(dtype_info(e.dtype).name),
                    percent(e.relative_rms), cat(e.largest)});
  }
  print(table(rows));
  return {};
}

Result<void> print_change(const std::string& from, const std::string& to, const std::string& file) {
  std::string text(kText);
  if (!file.empty()) {
    HEARTH_TRY(text, read_input(file));
  }
  HEARTH_TRY(const Measured before, measure(from, text));
  HEARTH_TRY(const Measured after, measure(to, text));
  if (!before.vector.empty()) {
    print(cat("cosine of the text's embeddings before and after: ",
              cosine(before.vector, after.vector), "\n"));
    return {};
  }
  print(cat("perplexity ", std::exp(before.nll), " before, ", std::exp(after.nll), " after (",
            percent(std::exp(after.nll - before.nll) - 1), ")\n"));
  return {};
}

Result<int> convert(const ConvertFlags& flags) {
  HEARTH_TRY(const catalog::CachedModel source, catalog::resolve(flags.model));
  HEARTH_TRY(const auto from, formats::open_checkpoint(source.path));
  HEARTH_TRY(const std::uint64_t bytes, write_model(*from, flags.quant, flags.out));
  print(cat(one_line(flags.out), "  ", human_bytes(bytes), "  ", from->architecture, ", ",
            from->tensors.size(), " tensors\n"));
  if (!flags.verify) return kSuccess;
  HEARTH_TRY_VOID(print_errors(*from, flags.out));
  if (!from->tokenizer && flags.text.empty()) {
    print("perplexity cannot be told: the model has no tokenizer Hearth can use\n");
    return kSuccess;
  }
  HEARTH_TRY_VOID(print_change(source.path, flags.out, flags.text));
  return kSuccess;
}

}  // namespace

void add_model_convert(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App& command = *parent.add_subcommand("convert", "write a model as a GGUF file");
  add_model(command, flags->model, "a Hugging Face folder, a .gguf file, or an alias");
  command.add_option("-o,--output", flags->out, "the file to write")->required()->type_name("FILE");
  command
      .add_option("--quant", flags->quant,
                  cat("type of the weights: ", joined(formats::quant_names())))
      ->required()
      ->type_name("TYPE");
  command.add_flag(
      "--verify", flags->verify,
      "then print each tensor's error and the change of perplexity, or of an embedding");
  command
      .add_option("--text", flags->text,
                  "the file with the text that --verify measures (default: a text of its own)")
      ->type_name("FILE");
  command.callback([&action, flags] { action = [flags] { return convert(*flags); }; });
}

}  // namespace hearth::cli
