// signals.h - signals and wake-ups as file descriptors, so that one poll() waits for the terminal,
// for Ctrl+C and for the engine, and no code of ours runs inside a signal handler.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

namespace hearth::cli {

// While it lives, the signals are blocked in the thread that made it and in threads started since,
// and wait to be taken here. Make it before the engine, whose threads would otherwise receive them.
class SignalQueue {
 public:
  SignalQueue(std::initializer_list<int> signals);
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  int fd() const { return fd_; }  // readable while a signal waits
  std::optional<int> take();      // never waits

 private:
  std::vector<int> signals_;
  int fd_;
};

// Lets a signal do what it does by default (end the program) in this scope, in this thread.
class DefaultSignal {
 public:
  explicit DefaultSignal(int signal);
  ~DefaultSignal();
  DefaultSignal(const DefaultSignal&) = delete;
  DefaultSignal& operator=(const DefaultSignal&) = delete;

 private:
  int signal_;
};

// A flag that another thread raises and poll() sees.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }
  void raise();
  void clear();

 private:
  int fd_;
};

// Waits until one of the two can be read. An interrupted wait is taken up again.
struct Readable {
  bool first = false;
  bool second = false;
};
Readable wait_readable(int first, int second);

}  // namespace hearth::cli
