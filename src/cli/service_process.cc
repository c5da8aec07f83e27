#include "cli/service_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "base/descriptor.h"
#include "base/str.h"
#include "catalog/api_keys.h"
#include "catalog/catalog.h"
#include "catalog/file_lock.h"
#include "catalog/settings.h"
#include "cli/last_lines.h"
#include "server/server.h"

namespace hearth::cli {

namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr milliseconds kStartPatience{15'000};
constexpr milliseconds kGrace{35'000};  // the server's own 30 s, and its last words
constexpr milliseconds kAfterGrace{5'000};
constexpr milliseconds kPause{20};

std::filesystem::path service_folder() { return catalog::hearth_folder(); }
std::string record_path() { return service_folder() / "service.json"; }

// nullopt: there is no such process, or it has ended and nobody has asked how.
std::optional<std::uint64_t> start_of(pid_t pid) {
  std::ifstream file(cat("/proc/", pid, "/stat"));
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // Field 2 is the program's name in parentheses, which may hold blanks and parentheses.
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(end + 1));
  std::string field, state;
  for (int i = 3; i <= 22 && rest >> field; ++i) {
    if (i == 3) state = field;
  }
  const auto started = parse_int(field);
  if (!rest || !started || state == "Z") return std::nullopt;
  return static_cast<std::uint64_t>(*started);
}

std::optional<ServiceProcess> read_record() {
  std::ifstream file(record_path());
  const Json json = Json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("pid") || !json["pid"].is_number_unsigned() ||
      !json.contains("started") || !json["started"].is_number_unsigned() || !json.contains("url") ||
      !json["url"].is_string()) {
    return std::nullopt;
  }
  return ServiceProcess{.pid = json["pid"].get<pid_t>(),
                        .started = json["started"].get<std::uint64_t>(),
                        .url = json["url"].get<std::string>(),
                        .flags = flags_of(json.value("flags", Json::object())),
                        .asks_for_key = json.value("asks_for_key", Json(false)) == Json(true)};
}

std::string local_url(const std::string& url) {
  for (const std::string_view every : {"//0.0.0.0:", "//[::]:"}) {
    const std::size_t at = url.find(every);
    if (at == std::string::npos) continue;
    return cat(std::string_view(url).substr(0, at),
               "//127.0.0.1:", std::string_view(url).substr(at + every.size()));
  }
  return url;
}

Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error{ErrorKind::io, cat("cannot make ", path.string(), ": ", error.message())};
  return {};
}

std::string last_log_line() {
  std::istringstream lines(last_lines(service_log_path(), 100, 64 << 10).value_or(""));
  std::string line, last;
  while (std::getline(lines, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

// In the child, between fork and exec: system calls only.
[[noreturn]] void become_service(char* const* arguments, int log) {
  setsid();
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  // A caller that reads this program's output to its end would otherwise wait for the service's.
  close_range(3, ~0U, 0);
  if (chdir("/") == 0) execv("/proc/self/exe", arguments);
  _exit(127);
}

Result<pid_t> spawn(const ServeFlags& flags) {
  HEARTH_TRY_VOID(make_folder(std::filesystem::path(service_log_path()).parent_path()));
  const Descriptor log(
      open(service_log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.get() < 0) return os_error("cannot open", service_log_path());
  std::vector<std::string> words{"hearth", "serve"};
  for (std::string& word : serve_arguments(flags)) words.push_back(std::move(word));
  if (!flags.api_key.empty()) setenv("HEARTH_API_KEY", flags.api_key.c_str(), 1);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return os_error("cannot start", "the service");
  if (child == 0) become_service(arguments.data(), log.get());
  return child;
}

// glibc 2.36 declares these two without C linkage, so that C++ cannot link them.
int open_process(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
int signal_process(int pid_fd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pid_fd, signal, nullptr, 0));
}

bool wait_until_gone(int pid_fd, milliseconds at_most) {
  pollfd wanted{pid_fd, POLLIN, 0};
  return poll(&wanted, 1, static_cast<int>(at_most.count())) > 0;
}

}  // namespace

std::string service_log_path() { return service_folder() / "logs" / "service.log"; }

std::optional<ServiceProcess> running_service() {
  auto service = read_record();
  if (service && start_of(service->pid) != service->started) service.reset();
  return service;
}

Result<ServiceRecord> ServiceRecord::write(const std::string& url, const ServeFlags& flags) {
  if (running_service()) return ServiceRecord(false);
  HEARTH_TRY_VOID(make_folder(service_folder()));
  const Json json = {{"pid", getpid()},
                     {"started", start_of(getpid()).value_or(0)},
                     {"url", local_url(url)},
                     {"flags", flags_json(flags)},
                     {"asks_for_key", !flags.api_key.empty()}};
  const std::string part = cat(record_path(), ".", getpid());
  std::ofstream file(part);
  file << json.dump() << "\n";
  file.close();
  if (!file) return os_error("cannot write", part);
  std::error_code error;
  std::filesystem::rename(part, record_path(), error);
  if (error)
    return Error{ErrorKind::io, cat("cannot write ", record_path(), ": ", error.message())};
  return ServiceRecord(true);
}

ServiceRecord::ServiceRecord(ServiceRecord&& other) noexcept
    : ours_(std::exchange(other.ours_, false)) {}

ServiceRecord::~ServiceRecord() {
  if (!ours_) return;
  const auto recorded = read_record();
  if (recorded && recorded->pid == getpid()) unlink(record_path().c_str());
}

Result<ServiceStart> start_service(ServeFlags flags) {
  make_model_paths_absolute(flags);  // the service works in another folder
  HEARTH_TRY_VOID(make_folder(service_folder()));
  HEARTH_TRY(const auto turn, catalog::FileLock::take(service_folder() / ".service.lock"));
  if (const auto service = running_service()) return ServiceStart{*service, true};
  HEARTH_TRY(const pid_t child, spawn(flags));
  for (milliseconds waited{0}; waited < kStartPatience; waited += kPause) {
    const auto service = running_service();
    if (service && service->pid == child) return ServiceStart{*service, false};
    if (waitpid(child, nullptr, WNOHANG) == child) {
      return Error{ErrorKind::io, cat("the service did not start: ", last_log_line(), " (",
                                      service_log_path(), " has all it said)")};
    }
    std::this_thread::sleep_for(kPause);
  }
  return Error{ErrorKind::io, cat("the service, process ", child, ", does not listen after ",
                                  kStartPatience.count() / 1000, " s; see ", service_log_path())};
}

Result<bool> stop_service() {
  const auto service = running_service();
  if (!service) return false;
  const Descriptor process(open_process(service->pid));
  // The descriptor holds one process for good; the record is asked again, so that it is the right
  // one.
  if (process.get() < 0 || start_of(service->pid) != service->started) return false;
  const std::pair<int, milliseconds> steps[] = {
      {SIGTERM, kGrace}, {SIGTERM, kAfterGrace}, {SIGKILL, kAfterGrace}};
  for (const auto& [signal, patience] : steps) {
    if (signal_process(process.get(), signal) != 0 && errno != ESRCH) {
      return os_error("cannot end", cat("process ", service->pid));
    }
    if (wait_until_gone(process.get(), patience)) return true;
  }
  return Error{ErrorKind::io, cat("process ", service->pid, " does not end")};
}

namespace {

Result<void> check_successor(const ServeFlags& flags, const std::string& cache) {
  HEARTH_TRY(const auto models, resolve_models(flags, cache));
  HEARTH_TRY(const auto host, catalog::get_setting("service.host"));
  server::ServerOptions options;
  options.host = flags.host.empty() ? catalog::to_text(host) : flags.host;
  HEARTH_TRY(options.allowed_hosts, allowed_hosts(flags));
  options.api_key = flags.api_key;
  HEARTH_TRY(options.stored_keys, catalog::list_api_keys());
  options.allow_unauthenticated = flags.allow_unauthenticated;
  return server::check_options(options);
}

}  // namespace

Result<void> check_restart(const ServiceProcess& service, const ServeFlags& flags,
                           const std::string& cache) {
  if (service.asks_for_key && flags.api_key.empty()) {
    return Error{ErrorKind::invalid,
                 "the running service asks for an API key, which is written down nowhere; set "
                 "HEARTH_API_KEY to it, so that the service asks for it again"};
  }
  const auto can_follow = check_successor(flags, cache);
  if (can_follow) return {};
  return Error{can_follow.error().kind,
               cat("the service stays as it is: ", can_follow.error().message)};
}

Result<ServiceStart> restart_service(ServeFlags flags) {
  if (const auto service = running_service()) {
    flags = merged(std::move(flags), service->flags);
    HEARTH_TRY_VOID(check_restart(*service, flags, catalog::cache_folder()));
    HEARTH_TRY_VOID(stop_service());
  }
  return start_service(std::move(flags));
}

}  // namespace hearth::cli
