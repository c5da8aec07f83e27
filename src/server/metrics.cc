#include "server/metrics.h"

#include <algorithm>
#include <cstdio>

#include "base/str.h"

namespace hearth::server {

namespace {

// A label's value: backslash, quote and newline are escaped.
std::string label(std::string_view name, std::string_view value) {
  std::string out = cat(name, "=\"");
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

void head(std::string_view name, std::string_view type, std::string_view help, std::string& out) {
  out += cat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void sample(std::string_view name, std::string_view labels, std::string_view value,
            std::string& out) {
  out += cat(name, labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", " ", value, "\n");
}

std::string_view reason_name(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::stop:
      return "stop";
    case engine::FinishReason::length:
      return "length";
    case engine::FinishReason::error:
      return "error";
    case engine::FinishReason::none:
    case engine::FinishReason::cancelled:
      break;
  }
  return "cancelled";
}

}  // namespace

void Histogram::add(double seconds, std::uint64_t times) {
  const auto at = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  counts_[static_cast<std::size_t>(at - kBounds.begin())] += times;
  sum_ += seconds * static_cast<double>(times);
}

void Histogram::write(std::string_view name, std::string_view labels, std::string& out) const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    const std::string bound = i < kBounds.size() ? number(kBounds[i]) : "+Inf";
    sample(cat(name, "_bucket"), cat(labels, ",", label("le", bound)), cat(count), out);
  }
  sample(cat(name, "_sum"), labels, number(sum_), out);
  sample(cat(name, "_count"), labels, cat(count), out);
}

void Metrics::add_request(std::string_view method, std::string_view route, int status,
                          double seconds) {
  // Methods are the client's words: only those of the table count by name.
  const bool known = method == "GET" || method == "POST" || method == "DELETE" ||
                     method == "HEAD" || method == "OPTIONS";
  const std::string labels =
      cat(label("method", known ? method : "other"), ",", label("route", route));
  const std::lock_guard lock(mutex_);
  ++requests_[{labels, status}];
  request_times_[labels].add(seconds);
}

void Metrics::add_answer(const std::string& model, engine::FinishReason reason,
                         const engine::Usage& usage) {
  const std::lock_guard lock(mutex_);
  PerModel& m = models_[model];
  ++m.finished[reason_name(reason)];
  m.prompt_tokens += static_cast<std::uint64_t>(usage.prompt_tokens);
  m.cached_tokens += static_cast<std::uint64_t>(usage.cached_tokens);
  m.generated_tokens += static_cast<std::uint64_t>(usage.completion_tokens);
  m.checked_guesses += static_cast<std::uint64_t>(usage.checked_guesses);
  m.right_guesses += static_cast<std::uint64_t>(usage.right_guesses);
  m.queue.add(usage.queue_s);
  m.whole.add(usage.queue_s + usage.prompt_s + usage.decode_s);
  if (usage.completion_tokens > 0) m.first_token.add(usage.queue_s + usage.prompt_s);
  if (usage.completion_tokens > 1) {
    const auto n = static_cast<std::uint64_t>(usage.completion_tokens - 1);
    m.between_tokens.add(usage.decode_s / static_cast<double>(n), n);
  }
}

std::string Metrics::text(const engine::Engine& engine) const {
  const std::vector<engine::ModelStats> stats = engine.model_stats();
  std::string out;
  const auto gauge = [&](std::string_view name, std::string_view help, const auto& value_of) {
    head(name, "gauge", help, out);
    for (const auto& model : engine.loaded()) {
      engine::ModelStats now;
      for (const engine::ModelStats& entry : stats) {
        if (entry.id == model->id()) now = entry;
      }
      sample(name, label("model", model->id()), value_of(now), out);
    }
  };
  gauge("hearth_requests_running", "Answers that are computed now.",
        [](const engine::ModelStats& now) { return cat(now.running); });
  gauge("hearth_requests_waiting", "Answers that wait for their first step.",
        [](const engine::ModelStats& now) { return cat(now.queued); });
  gauge("hearth_kv_cache_usage_ratio", "Share of the blocks of keys and values in use, 0 to 1.",
        [](const engine::ModelStats& now) {
          return number(now.kv_blocks_total == 0 ? 0
                                                 : static_cast<double>(now.kv_blocks_used) /
                                                       static_cast<double>(now.kv_blocks_total));
        });
  head("hearth_models_loaded", "gauge", "Models in memory.", out);
  sample("hearth_models_loaded", "", cat(engine.loaded().size()), out);

  const std::lock_guard lock(mutex_);
  head("hearth_http_requests_total", "counter", "Requests answered.", out);
  for (const auto& [key, count] : requests_) {
    sample("hearth_http_requests_total", cat(key.first, ",", label("status", cat(key.second))),
           cat(count), out);
  }
  head("hearth_http_request_seconds", "histogram",
       "From a request's first byte to its reply's last.", out);
  for (const auto& [labels, times] : request_times_) {
    times.write("hearth_http_request_seconds", labels, out);
  }
  const auto counter = [&](std::string_view name, std::string_view help,
                           std::uint64_t PerModel::* member) {
    head(name, "counter", help, out);
    for (const auto& [id, m] : models_) sample(name, label("model", id), cat(m.*member), out);
  };
  counter("hearth_prompt_tokens_total", "Tokens of prompts.", &PerModel::prompt_tokens);
  counter("hearth_cached_tokens_total", "Of them, those found in the cache.",
          &PerModel::cached_tokens);
  counter("hearth_generated_tokens_total", "Tokens of answers.", &PerModel::generated_tokens);
  counter("hearth_speculated_tokens_total", "Guessed tokens that a step computed.",
          &PerModel::checked_guesses);
  counter("hearth_accepted_tokens_total", "Of them, those that the answer then had.",
          &PerModel::right_guesses);
  head("hearth_answers_total", "counter", "Answers that ended, by why.", out);
  for (const auto& [id, m] : models_) {
    for (const auto& [reason, count] : m.finished) {
      sample("hearth_answers_total", cat(label("model", id), ",", label("reason", reason)),
             cat(count), out);
    }
  }
  const auto histogram = [&](std::string_view name, std::string_view help,
                             Histogram PerModel::* member) {
    head(name, "histogram", help, out);
    for (const auto& [id, m] : models_) (m.*member).write(name, label("model", id), out);
  };
  histogram("hearth_queue_seconds", "From asking to the first step.", &PerModel::queue);
  histogram("hearth_time_to_first_token_seconds", "From asking to the first token.",
            &PerModel::first_token);
  histogram("hearth_time_between_tokens_seconds",
            "Between two tokens of an answer: its mean, counted once a token.",
            &PerModel::between_tokens);
  histogram("hearth_answer_seconds", "From asking to the last token.", &PerModel::whole);
  return out;
}

}  // namespace hearth::server
