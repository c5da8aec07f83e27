// metrics.h - what the service has done, for Prometheus: GET /metrics.
//
// Counters and histograms here; what is now (running, waiting, keys and values in use) is asked of
// the engine when somebody looks. Names and meanings: docs/metrics.md. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/engine.h"

namespace hearth::server {

// Counts of values up to each bound, as Prometheus has them.
class Histogram {
 public:
  // Seconds.
  static constexpr std::array<double, 16> kBounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
  void add(double seconds, std::uint64_t times = 1);
  // Appends the series NAME_bucket, NAME_sum and NAME_count.
  void write(std::string_view name, std::string_view labels, std::string& out) const;

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

class Metrics {
 public:
  // A request that was answered; route: its pattern ("" when there is none), not what a client
  // sent.
  void add_request(std::string_view method, std::string_view route, int status, double seconds);
  // An answer that has ended, or whose client went away.
  void add_answer(const std::string& model, engine::FinishReason reason,
                  const engine::Usage& usage);

  // Prometheus's text format.
  std::string text(const engine::Engine& engine) const;

 private:
  struct PerModel {
    std::map<std::string_view, std::uint64_t> finished;  // by reason
    std::uint64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
    std::uint64_t checked_guesses = 0, right_guesses = 0;
    Histogram queue, first_token, between_tokens, whole;
  };
  using RequestKey = std::pair<std::string, int>;  // labels of method and route, status

  mutable std::mutex mutex_;
  std::map<RequestKey, std::uint64_t> requests_;
  std::map<std::string, Histogram> request_times_;  // by labels of method and route
  std::map<std::string, PerModel> models_;
};

}  // namespace hearth::server
