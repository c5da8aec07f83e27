// result.h - how every fault that comes from outside (file, network, user) is carried.
//
// Result<T> has the shape of std::expected<T, Error> (absent from C++20), so that it can be
// replaced by it. An Error is a kind, which decides the exit code or HTTP status, and one sentence
// that says who complains, what came, what was expected and what to do.
//
// Nothing here throws; value() and operator* on an error are programming faults and CHECK.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace hearth {

enum class ErrorKind {
  invalid,      // the caller's input is wrong: a flag, a field, a document      HTTP 400, exit 2
  not_found,    // a file, model, route or token that does not exist             HTTP 404, exit 1
  corrupt,      // bytes that are not what their format promises                 HTTP 400, exit 1
  unsupported,  // well-formed, but not something Hearth does                    HTTP 400, exit 1
  context_overflow,  // prompt and answer do not fit in the model's context           HTTP 400, exit
                     // 1
  too_large,  // does not fit in memory or on disk; the message has numbers    HTTP 507, exit 1
  busy,       // would work later: queue full, shutting down                   HTTP 503, exit 1
  conflict,   // already exists                                                HTTP 409, exit 1
  cancelled,  // the caller went away                                          HTTP 499, exit 130
  io,         // the operating system refused                                  HTTP 500, exit 1
};

struct Error {
  ErrorKind kind;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & {
    check_value();
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    check_value();
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    check_value();
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const {
    CHECK(!has_value(), "error() of a Result that holds a value");
    return *std::get_if<1>(&state_);
  }

 private:
  void check_value() const {
    if (!has_value())
      check_failed(__FILE__, __LINE__, "value() of an error", error().message.c_str());
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    CHECK(error_.has_value(), "error() of a Result that holds a value");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace hearth

// Evaluates EXPR, a Result; returns its error from the current function, else binds the value.
//   HEARTH_TRY(auto file, MappedFile::open(path));
#define HEARTH_TRY(declaration, expr) HEARTH_TRY_IMPL(declaration, expr, __LINE__)
#define HEARTH_TRY_IMPL(declaration, expr, line) HEARTH_TRY_LINE(declaration, expr, line)
#define HEARTH_TRY_LINE(declaration, expr, line)            \
  auto try_result_##line = (expr);                          \
  if (!try_result_##line) return try_result_##line.error(); \
  declaration = *std::move(try_result_##line)

// The same for Result<void>.
#define HEARTH_TRY_VOID(expr)                                       \
  do {                                                              \
    if (auto try_void = (expr); !try_void) return try_void.error(); \
  } while (false)
