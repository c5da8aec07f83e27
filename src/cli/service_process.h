// service_process.h - the one background service of this user: is it there, how it is begun and
// ended.
//
// `hearth serve` writes service.json into catalog::hearth_folder() once it listens: {"pid",
// "started", "url", "flags", "asks_for_key"}, where `started` is the process's start in clock ticks
// since boot (proc(5), stat, field 22) and `flags` what it was started with, for a restart; never
// the key. The record counts while a process of that id and start lives, so one left by a crash is
// never believed, even when its id is taken by another process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/serve_flags.h"

namespace hearth::cli {

struct ServiceProcess {
  pid_t pid = 0;
  std::uint64_t started = 0;
  std::string url;  // for a client of this machine: "http://127.0.0.1:5273"
  ServeFlags flags;
  bool asks_for_key = false;
};

std::string service_log_path();

// The recorded service, when it lives. A record that cannot be read is none.
std::optional<ServiceProcess> running_service();

// While it lives, this process is the recorded service, unless another already is. `url`: as the
// server says; an address that means every interface is recorded as the loopback one.
class ServiceRecord {
 public:
  static Result<ServiceRecord> write(const std::string& url, const ServeFlags& flags);
  ServiceRecord(ServiceRecord&& other) noexcept;
  ServiceRecord& operator=(ServiceRecord&&) = delete;
  ~ServiceRecord();

 private:
  explicit ServiceRecord(bool ours) : ours_(ours) {}
  bool ours_;
};

struct ServiceStart {
  ServiceProcess service;
  bool was_running = false;
};

// Begins `hearth serve` with these flags in the background, apart from this terminal and from every
// open descriptor, its output in service_log_path(); returns once it listens, before its models are
// loaded. Several starts at once begin one service. Errors: io, with the service's last words when
// it ended instead.
Result<ServiceStart> start_service(ServeFlags flags);

// Ends the running service, if there is one, and begins it again with what it was started with,
// unless `flags` says otherwise. Errors: as stop_service(), start_service(), check_restart().
Result<ServiceStart> restart_service(ServeFlags flags);
// Before anything is changed: could a service with these flags (a host that is not given is that of
// the settings), and models in this cache, follow the running one? Errors, after which it stays as
// it is: invalid when it asks for a key that is not known here or the host cannot be served, as
// resolve_models().
Result<void> check_restart(const ServiceProcess& service, const ServeFlags& flags,
                           const std::string& cache);

// Ends it and waits until it is gone: running answers may end first (30 s), then they are cut.
// false: there was none. Errors: io.
Result<bool> stop_service();

}  // namespace hearth::cli
