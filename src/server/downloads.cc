#include "server/downloads.h"

#include <utility>

namespace hearth::server {

Download::State Download::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

int Download::listen(std::function<void()> on_change) {
  const std::lock_guard lock(mutex_);
  on_change();
  listeners_[next_listener_] = std::move(on_change);
  return next_listener_++;
}

void Download::leave(int listener) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(listener);
  if (listeners_.empty()) stop_.request_stop();
}

void Download::change(const std::function<void(State&)>& apply) {
  const std::lock_guard lock(mutex_);
  apply(state_);
  for (const auto& [unused, on_change] : listeners_) on_change();
}

void Download::run(const catalog::DownloadRequest& request, const std::stop_token& stop) {
  auto result = catalog::download_model(
      request,
      [this](const catalog::DownloadProgress& progress) {
        change([&](State& state) { state.progress = progress; });
      },
      stop);
  change([&](State& state) { state.result.emplace(std::move(result)); });
}

Downloads::~Downloads() {
  const std::lock_guard lock(mutex_);
  for (auto& [unused, running] : running_) running.download->stop_.request_stop();
  for (auto& [unused, running] : running_) running.thread.join();
}

Result<std::shared_ptr<Download>> Downloads::start(const catalog::DownloadRequest& request) {
  HEARTH_TRY(const std::string from, catalog::describe_download(request));
  const std::lock_guard lock(mutex_);
  // Those that have ended are put away here: nobody waits for their threads.
  for (auto at = running_.begin(); at != running_.end();) {
    const bool over = at->second.download->state().result.has_value();
    if (over) at->second.thread.join();
    at = over ? running_.erase(at) : std::next(at);
  }
  if (const auto at = running_.find(from); at != running_.end()) {
    if (!at->second.download->stop_.stop_requested()) return at->second.download;
    at->second.thread.join();
    running_.erase(at);
  }
  auto download = std::make_shared<Download>();
  std::thread thread([download, request] { download->run(request, download->stop_.get_token()); });
  running_[from] = {download, std::move(thread)};
  return download;
}

}  // namespace hearth::server
