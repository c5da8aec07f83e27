// downloads.h - the downloads that clients asked the service for.
//
// A model is downloaded once, however many ask; when nobody listens any more it stops, and what has
// come stays for the next time. Any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "catalog/download.h"

namespace hearth::server {

class Download {
 public:
  struct State {
    catalog::DownloadProgress progress;
    std::optional<Result<catalog::CachedModel>> result;  // at the end
  };
  State state() const;
  // Called at every change, from the download's thread, and once at once; an empty one ends that.
  int listen(std::function<void()> on_change);
  void leave(int listener);

 private:
  friend class Downloads;
  void run(const catalog::DownloadRequest& request, const std::stop_token& stop);
  void change(const std::function<void(State&)>& apply);

  mutable std::mutex mutex_;
  State state_;
  std::map<int, std::function<void()>> listeners_;
  int next_listener_ = 0;
  std::stop_source stop_;
};

class Downloads {
 public:
  ~Downloads();  // stops them, and waits
  // The one that runs, or a new one. Errors: those that are known before a server is asked.
  Result<std::shared_ptr<Download>> start(const catalog::DownloadRequest& request);

 private:
  struct Running {
    std::shared_ptr<Download> download;
    std::thread thread;
  };
  std::mutex mutex_;
  std::map<std::string, Running> running_;  // by where it comes from
};

}  // namespace hearth::server
