#include "engine/embedding_job.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/check.h"
#include "base/seconds.h"
#include "base/str.h"
#include "kernels/pool.h"

namespace hearth::engine {

using kernels::kPage;

namespace {

Error not_finite(const TextModel& model, std::size_t text) {
  return {ErrorKind::corrupt,
          cat("[engine] model ", quote(model.id()), " computed no usable vector for text ", text,
              " (not a number); its file is damaged or its weights overflow")};
}

}  // namespace

EncoderStepper::EncoderStepper(const EngineOptions& options) : options_(options) {}

void EncoderStepper::step(const TextModel& model, StepCounters& counters) {
  TextModel::Compute& c = model.compute();
  drop_cancelled(c);
  choose(model, counters);
  if (!shares_.empty()) {
    const kernels::Batch batch{row_tokens_, row_positions_, sequence_rows_, {}};
    c.ops->begin(batch);
    model.model().forward(batch, *c.ops);
    settle(model);
  }
  const bool gives_way = !c.jobs.empty() && !c.jobs.front()->finished;
  if (gives_way) std::rotate(c.jobs.begin(), c.jobs.begin() + 1, c.jobs.end());
  std::erase_if(c.jobs, [](const auto& job) { return job->finished; });
}

void EncoderStepper::drop_cancelled(TextModel::Compute& c) {
  for (const auto& job : c.jobs) {
    if (job->answer->cancelled()) finish(*job, FinishReason::cancelled);
  }
  std::erase_if(c.jobs, [](const auto& job) { return job->finished; });
}

// The first job gets at least one text into every step: any text fits alone (embed() checked that).
void EncoderStepper::choose(const TextModel& model, StepCounters& counters) {
  row_tokens_.clear();
  row_positions_.clear();
  sequence_rows_.clear();
  shares_.clear();
  n_pages_ = 0;
  for (const auto& job : model.compute().jobs) {
    if (job->n_chosen == 0) job->started = Clock::now();
    while (job->n_chosen < job->request.texts.size() && fits(model, *job)) add_text(model, *job);
  }
  counters.prompt_tokens += row_tokens_.size();
}

bool EncoderStepper::fits(const TextModel& model, const EmbeddingJob& job) const {
  const auto n_rows = row_tokens_.size() + job.request.texts[job.n_chosen].size();
  return static_cast<std::int64_t>(n_rows) <= model.max_rows() &&
         static_cast<std::int32_t>(shares_.size()) < options_.max_batch;
}

void EncoderStepper::add_text(const TextModel& model, EmbeddingJob& job) {
  const std::vector<TokenId>& ids = job.request.texts[job.n_chosen];
  const auto n = static_cast<std::int32_t>(ids.size());
  sequence_rows_.push_back({.first_row = static_cast<std::int32_t>(row_tokens_.size()),
                            .n_rows = n,
                            .first_position = 0,
                            .pages = model.compute().pages.data() + n_pages_,
                            .planned_length = n,
                            .pooling = job.pooling,
                            .normalize = job.normalize});
  row_tokens_.insert(row_tokens_.end(), ids.begin(), ids.end());
  for (std::int32_t position = 0; position < n; ++position) row_positions_.push_back(position);
  n_pages_ += (n + kPage - 1) / kPage;
  CHECK(n_pages_ <= model.n_blocks(), "the plan has a page more for each text of a step");
  shares_.push_back({&job, kernels::n_pooled_rows(job.pooling, n)});
  ++job.n_chosen;
}

void EncoderStepper::settle(const TextModel& model) {
  const Rows<float> rows = model.compute().ops->rows(model.model().embeddings());
  std::int64_t row = 0;
  for (const Share& share : shares_) {
    EmbeddingJob& job = *share.job;
    const std::int64_t first = row;
    row += share.n_rows;
    if (job.finished) continue;  // an earlier text of it gave no numbers
    job.usage.prompt_tokens +=
        static_cast<std::int64_t>(job.request.texts[job.vectors.size()].size());
    std::vector<float>& vector = job.vectors.emplace_back();
    vector.reserve(static_cast<std::size_t>(share.n_rows * rows.n_cols));
    for (std::int64_t i = first; i < row; ++i) {
      vector.insert(vector.end(), rows.row(i), rows.row(i) + rows.n_cols);
    }
    if (!std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); })) {
      finish(job, FinishReason::error, not_finite(model, job.vectors.size() - 1));
    } else if (job.vectors.size() == job.request.texts.size()) {
      finish(job, FinishReason::stop);
    }
  }
}

void EncoderStepper::finish(EmbeddingJob& job, FinishReason reason, std::optional<Error> error) {
  const Clock::time_point now = Clock::now();
  const Clock::time_point started = job.n_chosen > 0 ? job.started : now;
  job.usage.queue_s = seconds(job.submitted, started);
  job.usage.prompt_s = seconds(started, now);
  job.finished = true;
  job.answer->finish(reason, job.usage, std::move(error));
}

}  // namespace hearth::engine
