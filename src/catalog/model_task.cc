#include "catalog/model_task.h"

#include <filesystem>
#include <mutex>
#include <unordered_map>

#include "formats/checkpoint.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

std::string read_task(const std::string& path) {
  const auto checkpoint = formats::open_checkpoint(path);
  if (!checkpoint) return {};
  return (*checkpoint)->architecture == "bert" ? "embeddings" : "chat";
}

struct Remembered {
  fs::file_time_type written;
  std::string task;
};

}  // namespace

std::string task_of_file(const std::string& path) {
  static std::mutex mutex;
  static std::unordered_map<std::string, Remembered> remembered;
  std::error_code failed;
  const bool is_folder = fs::is_directory(path, failed);
  const auto written = fs::last_write_time(is_folder ? path + "/config.json" : path, failed);
  if (failed) return read_task(path);
  {
    const std::lock_guard lock(mutex);
    const auto at = remembered.find(path);
    if (at != remembered.end() && at->second.written == written) return at->second.task;
  }
  std::string task = read_task(path);  // others need not wait for the file
  const std::lock_guard lock(mutex);
  remembered[path] = {written, task};
  return task;
}

}  // namespace hearth::catalog
