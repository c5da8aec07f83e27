// weight_binder.h - takes a model's hyper-parameters and weights out of a Checkpoint, checking
// each.
//
// A loader asks for everything in a row and looks for error() once: the first fault is kept (a
// missing key, a missing tensor, a shape other than expected), what is asked after it returns
// harmless values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "kernels/ops.h"

namespace hearth::models {

class WeightBinder {
 public:
  WeightBinder(const formats::Checkpoint& checkpoint, kernels::Ops& ops)
      : checkpoint_(checkpoint), ops_(ops) {}

  // A positive integer hyper-parameter, at most `limit`.
  std::int64_t size(std::string_view key, std::int64_t limit);
  std::int64_t size_or(std::string_view key, std::int64_t fallback, std::int64_t limit);
  // As size_or, but 0 is a value too (it means: none).
  std::int64_t count_or(std::string_view key, std::int64_t fallback, std::int64_t limit);
  float number(std::string_view key);
  float number_or(std::string_view key, float fallback);
  bool flag_or(std::string_view key, bool fallback);
  std::string text_or(std::string_view key, std::string_view fallback);

  // Shapes are [out, in]. The mapped bytes of a matrix are released: the backend has its own copy.
  kernels::Matrix matrix(const std::string& name, std::int64_t out, std::int64_t in);
  // The parts of a fused matrix: outs[0] rows, then outs[1] rows, …
  std::vector<kernels::Matrix> matrices(const std::string& name,
                                        std::initializer_list<std::int64_t> outs, std::int64_t in);
  // n matrices [out, in]; out must be whole sixteens, as the experts of every published model are.
  kernels::Experts experts(const std::string& name, std::int64_t n, std::int64_t out,
                           std::int64_t in);
  kernels::Vector vector(const std::string& name, std::int64_t n);
  // A vector for each expert, [n, size].
  kernels::Vector vectors(const std::string& name, std::int64_t n, std::int64_t size);
  kernels::Table table(const std::string& name, std::int64_t n, std::int64_t cols);
  std::vector<float> values(const std::string& name, std::int64_t n);
  bool has(std::string_view name) const { return checkpoint_.find(name) != nullptr; }

  const formats::Checkpoint& checkpoint() const { return checkpoint_; }

  // Records a fault of the loader's own finding.
  void fail(ErrorKind kind, std::string message);
  // Tensors that nothing asked for are a fault too: a model that is computed without some of its
  // weights is silently wrong. Call it last. `ignored`: names that are known to carry nothing.
  void check_all_used(std::initializer_list<std::string_view> ignored = {});
  const std::optional<Error>& error() const { return error_; }

 private:
  const Tensor* expect(const std::string& name, std::initializer_list<std::int64_t> dims);

  const formats::Checkpoint& checkpoint_;
  kernels::Ops& ops_;
  std::vector<std::string> used_;
  std::optional<Error> error_;
};

}  // namespace hearth::models
