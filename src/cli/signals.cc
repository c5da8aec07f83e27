// signals.cc - signalfd and eventfd behind small owners.
#include "cli/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "base/check.h"

namespace hearth::cli {

namespace {

sigset_t set_of(const std::vector<int>& signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  return set;
}

}  // namespace

SignalQueue::SignalQueue(std::initializer_list<int> signals) : signals_(signals) {
  const sigset_t set = set_of(signals_);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  CHECK(fd_ >= 0, "a process that starts has descriptors left");
}

SignalQueue::~SignalQueue() {
  ::close(fd_);
  const sigset_t set = set_of(signals_);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::optional<int> SignalQueue::take() {
  signalfd_siginfo info{};
  if (::read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

DefaultSignal::DefaultSignal(int signal) : signal_(signal) {
  const sigset_t set = set_of({signal_});
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

DefaultSignal::~DefaultSignal() {
  const sigset_t set = set_of({signal_});
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(fd_ >= 0, "a process that starts has descriptors left");
}

Wakeup::~Wakeup() { ::close(fd_); }

// Neither can fail: the counter is far from its end, and clear() of a flag that is down is no
// fault.
void Wakeup::raise() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(fd_, &one, sizeof one);
}
void Wakeup::clear() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(fd_, &count, sizeof count);
}

Readable wait_readable(int first, int second) {
  std::array<pollfd, 2> files{{{first, POLLIN, 0}, {second, POLLIN, 0}}};
  while (::poll(files.data(), files.size(), -1) < 0) {
    CHECK(errno == EINTR, "two valid descriptors");
  }
  return {files[0].revents != 0, files[1].revents != 0};
}

}  // namespace hearth::cli
