#include "engine/text_model.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/log.h"
#include "base/str.h"
#include "engine/memory.h"
#include "engine/packed_file.h"
#include "formats/conventions.h"
#include "kernels/cpu/isa.h"
#include "models/registry.h"

namespace hearth::engine {

using models::ModelKind;

namespace {

// The shortest context worth loading a model for, where the model itself has more.
constexpr std::int64_t kLeastContext = 512;
// Sequences' keys and values together, in full contexts, where memory allows it and nobody asked
// otherwise.
constexpr std::int64_t kContextsHeld = 4;

std::int64_t round_to_page(std::int64_t n_tokens) {
  return (n_tokens + kernels::kPage - 1) / kernels::kPage * kernels::kPage;
}

// A decoder's step has a row for each sequence and a chunk of prompts; an encoder's has whole
// texts.
std::int32_t rows_of_step(const LoadSettings& s, std::int64_t context, ModelKind kind) {
  const std::int32_t n = s.max_batch + s.prefill_chunk;
  return kind == ModelKind::decoder ? n : std::max(n, static_cast<std::int32_t>(context));
}

// Of an encoder: what the texts of a step need; each leaves a part of its last page unused.
std::int64_t encoder_kv_tokens(const LoadSettings& s, std::int64_t context) {
  return round_to_page(rows_of_step(s, context, ModelKind::encoder)) +
         std::int64_t{s.max_batch} * kernels::kPage;
}

kernels::CpuOpsOptions ops_options(const LoadSettings& s, std::int64_t context, ModelKind kind,
                                   kernels::Measure measure) {
  return {.max_rows = rows_of_step(s, context, kind),
          .max_output_rows = s.max_batch + kScoredRows,
          .max_positions = context,
          .exact = s.options.exact,
          .measure = measure};
}

Error too_large(const formats::Checkpoint& file, const MemoryPlan& plan, std::int64_t context,
                std::uint64_t free_bytes) {
  return {ErrorKind::too_large,
          cat("[engine] ", quote(file.name.empty() ? file.architecture : file.name), " needs ",
              human_bytes(plan.total()), " (weights ", human_bytes(plan.weight_bytes),
              ", keys and values ", human_bytes(plan.kv_bytes), " for a context of ", context,
              " tokens, scratch ", human_bytes(plan.scratch_bytes), "); ", human_bytes(free_bytes),
              " are free. Use a shorter context, a smaller model, or free memory.")};
}

std::uint64_t kv_bytes(const MemoryPlan& plan, std::int64_t n_tokens) {
  return plan.kv_bytes_per_token * static_cast<std::uint64_t>(n_tokens);
}

// Stands in for the tokenizer of a model that is only asked for logits: no id stands for any text.
text::TokenizerSpec wordless_tokens(std::int64_t n_vocab) {
  text::TokenizerSpec spec;
  for (std::int64_t id = 0; id < n_vocab; ++id) spec.tokens.push_back(cat("<", id, ">"));
  spec.kinds.assign(spec.tokens.size(), text::TokenKind::control);
  return spec;
}

// nullptr: the packed weights are kept in memory only.
std::shared_ptr<PackedFile> packed_file(const formats::Checkpoint& checkpoint,
                                        const LoadSettings& s, const PlannedModel& planned,
                                        ThreadPool& pool) {
  const bool kept = !s.packed_folder.empty() && !checkpoint.files.empty() && !s.options.exact &&
                    planned.memory.weight_bytes >= s.packed_least_bytes;
  if (!kept) return nullptr;
  auto file = PackedFile::open(s.packed_folder, checkpoint.files, planned.image_bytes, pool);
  if (file) return *std::move(file);
  log_info(cat("the packed weights of ", quote(checkpoint.path, 300),
               " are not kept for the next load: ", file.error().message));
  return nullptr;
}

// After loading. False: what is in the file is not the model's weights.
bool keeps(PackedFile& file, const kernels::CpuOps& ops, ThreadPool& pool) {
  if (const auto written = file.written(); !written) {
    log_warn(cat("packing the weights in memory: ", written.error().message));
    return false;
  }
  if (!ops.image_agrees()) {
    log_warn("the packed weights that were kept are not the model's; packing them in memory");
    file.discard();
    return false;
  }
  if (file.filled()) return true;
  if (const auto kept = file.keep(pool); !kept) {
    log_info(cat("the packed weights are not kept for the next load: ", kept.error().message));
  }
  return true;
}

// gpt-oss's template knows the reasoning of an earlier answer by another name.
nlohmann::ordered_json with_thinking(nlohmann::ordered_json messages) {
  for (nlohmann::ordered_json& message : messages) {
    const auto reasoning = message.find("reasoning_content");
    if (reasoning != message.end()) message["thinking"] = *reasoning;
  }
  return messages;
}

}  // namespace

Result<PlannedModel> plan_model(const formats::Checkpoint& checkpoint, const LoadSettings& s) {
  HEARTH_TRY(const kernels::CpuKernels* cpu, kernels::kernels_of_this_process());
  ThreadPool alone(1);
  kernels::CpuOps ops(*cpu, alone,
                      ops_options(s, s.options.context, ModelKind::decoder, kernels::Measure::yes));
  HEARTH_TRY(const auto model, models::build(checkpoint, ops));
  const models::ModelInfo& info = model->info();
  if (s.options.context > info.context_length) {
    return Error{ErrorKind::invalid,
                 cat("[engine] a context of ", s.options.context,
                     " tokens was asked for; the model was made for ", info.context_length)};
  }
  PlannedModel p;
  p.memory.weight_bytes = ops.weight_bytes();
  p.image_bytes = ops.image_bytes();
  p.memory.kv_bytes_per_token = ops.kv_page_bytes(info.kv) / kernels::kPage;
  p.n_vocab = info.n_vocab;
  p.kind = info.kind;
  const std::int64_t usual = info.usual_length > 0 ? info.usual_length : info.context_length;
  p.context = s.options.context > 0 ? s.options.context : usual;
  // Measured for the whole context: attention's part of the scratch grows with it.
  kernels::CpuOps whole(*cpu, alone, ops_options(s, p.context, info.kind, kernels::Measure::yes));
  HEARTH_TRY(const auto again, models::build(checkpoint, whole));
  p.memory.scratch_bytes = whole.scratch_bytes(info.kv);

  if (p.kind == ModelKind::encoder) {
    p.kv_tokens = encoder_kv_tokens(s, p.context);
    p.memory.kv_bytes = kv_bytes(p.memory, p.kv_tokens);
    if (s.free_bytes > 0 && p.memory.total() > s.free_bytes) {
      return too_large(checkpoint, p.memory, p.context, s.free_bytes);
    }
    return p;
  }

  const std::uint64_t fixed = p.memory.weight_bytes + p.memory.scratch_bytes;
  const std::uint64_t rest = s.free_bytes > fixed ? s.free_bytes - fixed : 0;
  const auto fits = static_cast<std::int64_t>(rest / p.memory.kv_bytes_per_token);
  if (s.options.context == 0 && s.free_bytes > 0) {
    p.context = std::min(p.context, fits / 2 / kernels::kPage * kernels::kPage);
  }
  p.kv_tokens = s.options.kv_tokens > 0 ? std::max(s.options.kv_tokens, p.context)
                : s.free_bytes == 0     ? p.context
                                    : std::clamp(fits / 2, p.context, kContextsHeld * p.context);
  p.memory.kv_bytes = kv_bytes(p.memory, round_to_page(p.kv_tokens));
  // A context that shrank to almost nothing is refused like one that was asked for and does not
  // fit.
  const std::int64_t least = std::min(kLeastContext, info.context_length);
  const bool shrank_too_far = s.options.context == 0 && p.context < least;
  if (shrank_too_far) p.memory.kv_bytes = kv_bytes(p.memory, round_to_page(least));
  if (s.free_bytes > 0 && (shrank_too_far || p.memory.total() > s.free_bytes)) {
    return too_large(checkpoint, p.memory, shrank_too_far ? least : p.context, s.free_bytes);
  }
  return p;
}

const std::shared_ptr<const text::GrammarVocabulary>& TextModel::grammar_vocabulary() const {
  std::call_once(vocabulary_once_, [this] {
    grammar_vocabulary_ = std::make_shared<const text::GrammarVocabulary>(tokenizer_);
  });
  return grammar_vocabulary_;
}

Result<std::shared_ptr<TextModel>> TextModel::load(const std::string& id, const std::string& path,
                                                   const LoadSettings& settings, ThreadPool& pool) {
  std::shared_ptr<TextModel> m(new TextModel);
  m->id_ = id;
  HEARTH_TRY(m->checkpoint_, formats::open_checkpoint(path));
  const formats::Checkpoint& file = *m->checkpoint_;
  HEARTH_TRY(const PlannedModel planned, plan_model(file, settings));
  m->plan_ = planned.memory;
  m->context_ = planned.context;
  m->n_blocks_ = round_to_page(planned.kv_tokens) / kernels::kPage;
  m->max_rows_ = rows_of_step(settings, planned.context, planned.kind);

  if (!file.tokenizer && !settings.options.ids_only) {
    return Error{ErrorKind::unsupported,
                 cat("[engine] ", quote(path, 200), " has no tokenizer Hearth can use",
                     file.tokenizer_problem.empty() ? "" : ": ", file.tokenizer_problem)};
  }
  HEARTH_TRY(
      m->tokenizer_,
      text::Tokenizer::build(file.tokenizer ? *file.tokenizer : wordless_tokens(planned.n_vocab)));
  HEARTH_TRY_VOID(m->read_conventions());

  HEARTH_TRY_VOID(m->load_weights(settings, planned, pool));
  Compute& c = *m->compute_;
  const models::ModelInfo& info = m->model_->info();
  if (static_cast<std::int64_t>(m->tokenizer_->n_vocab()) > info.n_vocab) {
    return Error{ErrorKind::corrupt,
                 cat("[engine] the tokenizer has ", m->tokenizer_->n_vocab(), " tokens, the model ",
                     info.n_vocab, " outputs; the file's parts do not belong together")};
  }
  HEARTH_TRY_VOID(c.ops->allocate(info.kv, m->n_blocks_));
  c.index = std::make_unique<PrefixIndex>(static_cast<std::int32_t>(m->n_blocks_), kernels::kPage);
  c.blocks = std::make_unique<BlockPool>(*c.index);
  c.scratch.reserve(info.n_vocab);
  c.running.reserve(static_cast<std::size_t>(settings.max_batch));
  if (info.kind == ModelKind::encoder) {
    c.pages.resize(static_cast<std::size_t>(m->n_blocks_));
    std::iota(c.pages.begin(), c.pages.end(), 0);
  }
  return m;
}

Result<void> TextModel::load_weights(const LoadSettings& settings, const PlannedModel& planned,
                                     ThreadPool& pool) {
  HEARTH_TRY(const kernels::CpuKernels* cpu, kernels::kernels_of_this_process());
  compute_ = std::make_unique<Compute>();
  kernels::CpuOpsOptions options =
      ops_options(settings, context_, planned.kind, kernels::Measure::no);
  const std::shared_ptr<PackedFile> file = packed_file(*checkpoint_, settings, planned, pool);
  options.image = file;
  compute_->ops = std::make_unique<kernels::CpuOps>(*cpu, pool, options);
  HEARTH_TRY(model_, models::build(*checkpoint_, *compute_->ops));
  if (file == nullptr) return {};
  if (keeps(*file, *compute_->ops, pool)) {
    compute_->unsettled = has_huge_pages();
    return {};
  }
  options.image = nullptr;
  compute_->ops = std::make_unique<kernels::CpuOps>(*cpu, pool, options);
  HEARTH_TRY(model_, models::build(*checkpoint_, *compute_->ops));
  return {};
}

Result<void> TextModel::read_conventions() {
  HEARTH_TRY(const formats::Conventions found,
             formats::conventions_of(*checkpoint_, id_, *tokenizer_));
  for (const std::string& assumption : found.assumptions) log_info(cat(id_, ": ", assumption));
  format_ = found.answer;
  if (found.chat_template.empty()) return {};
  auto parsed = formats::parse_chat_template(found.chat_template, *tokenizer_);
  if (parsed) {
    template_ = *parsed;
  } else {
    template_problem_ = parsed.error().message;
  }
  return {};
}

Result<std::vector<TokenId>> LoadedModel::text_ids(std::string_view text) const {
  HEARTH_TRY(auto encoding, tokenizer().encode(text, false, {.add_special = true}));
  return std::move(encoding.ids);
}

Result<void> check_generates(const LoadedModel& model) {
  if (model.kind() == ModelKind::decoder) return {};
  return Error{
      ErrorKind::unsupported,
      cat("model ", quote(model.id()), " is an embedding model (", model.checkpoint().architecture,
          "): it turns texts into vectors and writes no answer. Ask it for embeddings, or "
          "use another model.")};
}

Result<void> check_embeds(const LoadedModel& model) {
  if (model.kind() == ModelKind::encoder) return {};
  return Error{ErrorKind::unsupported,
               cat("model ", quote(model.id()), " (", model.checkpoint().architecture,
                   ") writes answers and gives no embeddings. Use an embedding model.")};
}

Result<std::vector<text::TextSpan>> TextModel::render_chat(const nlohmann::ordered_json& messages,
                                                           const nlohmann::ordered_json& tools,
                                                           const nlohmann::ordered_json& variables,
                                                           bool add_generation_prompt) const {
  HEARTH_TRY_VOID(check_generates(*this));
  if (!template_) {
    return Error{ErrorKind::unsupported, template_problem_.empty()
                                             ? cat("[engine] model ", quote(id_),
                                                   " has no chat template; use a plain completion")
                                             : cat("[engine] the chat template of ", quote(id_),
                                                   " cannot be used: ", template_problem_)};
  }
  return template_->render(
      template_reads("reasoning_content") ? messages : with_thinking(messages), tools, variables,
      {.add_generation_prompt = add_generation_prompt, .now = std::time(nullptr)});
}

}  // namespace hearth::engine
