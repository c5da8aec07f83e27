#include "cli/fetch_model.h"

#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>

#include "base/seconds.h"
#include "base/str.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

using Clock = std::chrono::steady_clock;

std::string percent(std::uint64_t done, std::uint64_t total) {
  char text[16];
  const double share =
      total == 0 ? 100 : 100.0 * static_cast<double>(done) / static_cast<double>(total);
  std::snprintf(text, sizeof text, "%.2f %%", share);
  return text;
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds);
  if (s < 60) return cat(s, " s");
  if (s < 3600) return cat(s / 60, " min ", s % 60, " s");
  return cat(s / 3600, " h ", s % 3600 / 60, " min");
}

// A line that is rewritten on a terminal, and a line every ten percent elsewhere.
class DownloadLine {
 public:
  ~DownloadLine() {
    if (errors_are_terminal() && shown_) note("\r\x1b[K");
  }

  void update(const catalog::DownloadProgress& p) {
    const auto now = Clock::now();
    if (p.verifying != verifying_) samples_.clear();
    verifying_ = p.verifying;
    samples_.push_back({now, p.done});
    while (samples_.size() > 2 && now - samples_.front().at > std::chrono::seconds(5)) {
      samples_.pop_front();
    }
    const bool due = errors_are_terminal() ? now - last_ > std::chrono::milliseconds(100)
                                           : tenth(p) != last_tenth_;
    if (!due && p.done != p.total) return;
    if (p.done == p.total && was_complete_ && tenth(p) == last_tenth_) return;
    last_ = now;
    last_tenth_ = tenth(p);
    was_complete_ = p.done == p.total;
    shown_ = true;
    const std::string text = cat(p.verifying ? "verifying " : "downloading ", one_line(p.file), " ",
                                 percent(p.done, p.total), " of ", human_bytes(p.total), speed(p));
    note(errors_are_terminal() ? cat("\r", text, "\x1b[K") : text + "\n");
  }

 private:
  struct Sample {
    Clock::time_point at;
    std::uint64_t done;
  };

  int tenth(const catalog::DownloadProgress& p) const {
    return (p.verifying ? 100 : 0) + static_cast<int>(p.total == 0 ? 10 : p.done * 10 / p.total);
  }

  std::string speed(const catalog::DownloadProgress& p) const {
    const double taken = seconds(samples_.front().at, samples_.back().at);
    const double bytes = static_cast<double>(samples_.back().done - samples_.front().done);
    if (taken < 0.5 || bytes <= 0) return "";
    const double rate = bytes / taken;
    return cat(", ", human_bytes(static_cast<std::uint64_t>(rate)), "/s, ",
               duration(static_cast<double>(p.total - p.done) / rate), " left");
  }

  std::deque<Sample> samples_;
  Clock::time_point last_{};
  int last_tenth_ = -1;
  bool verifying_ = false, was_complete_ = false, shown_ = false;
};

// What the catalogue says about a name that is another model's.
Result<void> tell_stand_in(const std::string& name) {
  HEARTH_TRY(const auto known, catalog::find_known_model(name));
  if (known && catalog::stands_in(*known, name)) {
    note(cat("hearth: ", one_line(name), " cannot be run here; ", known->alias,
             " stands in for it\n"));
  }
  return {};
}

}  // namespace

Result<catalog::CachedModel> fetch_model(const catalog::DownloadRequest& request) {
  HEARTH_TRY_VOID(tell_stand_in(request.name));
  HEARTH_TRY(const std::string from, catalog::describe_download(request));
  std::optional<DownloadLine> line;
  bool told = false;
  return catalog::download_model(request, [&](const catalog::DownloadProgress& progress) {
    if (!std::exchange(told, true)) note(cat("from ", one_line(from), "\n"));
    if (!line) line.emplace();
    line->update(progress);
  });
}

Result<catalog::CachedModel> resolve_or_fetch(const std::string& name) {
  auto model = catalog::resolve(name);
  if (model || model.error().kind != ErrorKind::not_found) return model;
  HEARTH_TRY(const std::string alias, catalog::alias_of(name));
  HEARTH_TRY(const auto known, catalog::find_known_model(alias));
  const bool from_hub = name.starts_with("hf:");
  if (!from_hub && (!known || known->hub.empty())) return model;
  return fetch_model({.name = name, .alias = {}, .token = {}});
}

}  // namespace hearth::cli
