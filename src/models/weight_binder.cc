#include "models/weight_binder.h"

#include <algorithm>
#include <cmath>

#include "base/str.h"

namespace hearth::models {

void WeightBinder::fail(ErrorKind kind, std::string message) {
  if (!error_) error_ = Error{kind, cat("[", checkpoint_.architecture, "] ", message)};
}

std::int64_t WeightBinder::size(std::string_view key, std::int64_t limit) {
  const Result<std::int64_t> value = checkpoint_.meta_int(key);
  if (!value) {
    if (!error_) error_ = value.error();
    return 1;
  }
  if (*value < 1 || *value > limit) {
    fail(ErrorKind::corrupt, cat(key, " is ", *value, "; expected 1 to ", limit));
    return 1;
  }
  return *value;
}

std::int64_t WeightBinder::size_or(std::string_view key, std::int64_t fallback,
                                   std::int64_t limit) {
  const Result<std::int64_t> value = checkpoint_.meta_int(key);
  if (!value && value.error().kind == ErrorKind::not_found) return fallback;
  return size(key, limit);
}

std::int64_t WeightBinder::count_or(std::string_view key, std::int64_t fallback,
                                    std::int64_t limit) {
  const Result<std::int64_t> value = checkpoint_.meta_int(key);
  if (value && *value == 0) return 0;
  return size_or(key, fallback, limit);
}

float WeightBinder::number(std::string_view key) {
  const Result<double> value = checkpoint_.meta_float(key);
  if (!value) {
    if (!error_) error_ = value.error();
    return 1;
  }
  if (!std::isfinite(*value)) fail(ErrorKind::corrupt, cat(key, " is not a finite number"));
  return static_cast<float>(*value);
}

float WeightBinder::number_or(std::string_view key, float fallback) {
  const Result<double> value = checkpoint_.meta_float(key);
  if (!value && value.error().kind == ErrorKind::not_found) return fallback;
  return number(key);
}

bool WeightBinder::flag_or(std::string_view key, bool fallback) {
  const formats::MetaValue* value = checkpoint_.find_meta(key);
  if (value == nullptr) return fallback;
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  fail(ErrorKind::corrupt,
       cat(key, " is ", formats::describe_type(*value), "; expected a boolean"));
  return fallback;
}

std::string WeightBinder::text_or(std::string_view key, std::string_view fallback) {
  const formats::MetaValue* value = checkpoint_.find_meta(key);
  if (value == nullptr) return std::string(fallback);
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  fail(ErrorKind::corrupt, cat(key, " is ", formats::describe_type(*value), "; expected a string"));
  return std::string(fallback);
}

const Tensor* WeightBinder::expect(const std::string& name,
                                   std::initializer_list<std::int64_t> dims) {
  if (error_) return nullptr;
  const Tensor* tensor = checkpoint_.find(name);
  if (tensor == nullptr) {
    fail(ErrorKind::corrupt, cat("tensor ", name, " is missing. Convert the model again."));
    return nullptr;
  }
  Shape expected;
  expected.rank = dims.size();
  std::copy(dims.begin(), dims.end(), expected.dims.begin());
  if (tensor->shape != expected) {
    fail(ErrorKind::corrupt, cat("tensor ", name, " is ", tensor->shape.to_string(), "; expected ",
                                 expected.to_string(), ". Convert the model again."));
    return nullptr;
  }
  used_.push_back(name);
  return tensor;
}

kernels::Matrix WeightBinder::matrix(const std::string& name, std::int64_t out, std::int64_t in) {
  const Tensor* tensor = expect(name, {out, in});
  if (tensor == nullptr) return {};
  const kernels::Matrix m = ops_.matrix(*tensor);
  if (checkpoint_.release) checkpoint_.release(*tensor);
  return m;
}

std::vector<kernels::Matrix> WeightBinder::matrices(const std::string& name,
                                                    std::initializer_list<std::int64_t> outs,
                                                    std::int64_t in) {
  std::int64_t total = 0;
  for (const std::int64_t out : outs) total += out;
  const Tensor* tensor = expect(name, {total, in});
  std::vector<kernels::Matrix> parts(outs.size());
  if (tensor == nullptr) return parts;
  std::int64_t first = 0;
  std::size_t i = 0;
  for (const std::int64_t out : outs) {
    parts[i++] = ops_.matrix(row_range(*tensor, first, out));
    first += out;
  }
  if (checkpoint_.release) checkpoint_.release(*tensor);
  return parts;
}

std::vector<float> WeightBinder::values(const std::string& name, std::int64_t n) {
  const Tensor* tensor = expect(name, {n});
  if (tensor == nullptr) return {};
  std::vector<float> out(static_cast<std::size_t>(n));
  dequantize_row(*tensor, 0, out);
  return out;
}

kernels::Vector WeightBinder::vector(const std::string& name, std::int64_t n) {
  const std::vector<float> v = values(name, n);
  return v.empty() ? kernels::Vector{} : ops_.vector(v);
}

kernels::Vector WeightBinder::vectors(const std::string& name, std::int64_t n, std::int64_t size) {
  const Tensor* tensor = expect(name, {n, size});
  if (tensor == nullptr) return {};
  std::vector<float> all(static_cast<std::size_t>(n * size));
  for (std::int64_t i = 0; i < n; ++i) {
    dequantize_row(
        *tensor, i,
        std::span(all).subspan(static_cast<std::size_t>(i * size), static_cast<std::size_t>(size)));
  }
  return ops_.vector(all);
}

kernels::Experts WeightBinder::experts(const std::string& name, std::int64_t n, std::int64_t out,
                                       std::int64_t in) {
  const Tensor* tensor = expect(name, {n, out, in});
  if (tensor == nullptr) return {};
  if (out % 16 != 0) {
    fail(ErrorKind::unsupported,
         cat("tensor ", name, " has ", out, " outputs an expert; expected a multiple of 16"));
    return {};
  }
  const kernels::Experts e = ops_.experts(*tensor);
  if (checkpoint_.release) checkpoint_.release(*tensor);
  return e;
}

kernels::Table WeightBinder::table(const std::string& name, std::int64_t n, std::int64_t cols) {
  const Tensor* tensor = expect(name, {n, cols});
  if (tensor == nullptr) return {};
  if (tensor->source != nullptr) {
    fail(ErrorKind::unsupported,
         cat("tensor ", name,
             " is stored in an encoding that has to be undone first; convert the model to GGUF"));
    return {};
  }
  return ops_.table(*tensor);
}

void WeightBinder::check_all_used(std::initializer_list<std::string_view> ignored) {
  std::sort(used_.begin(), used_.end());
  for (const Tensor& t : checkpoint_.tensors) {
    if (std::binary_search(used_.begin(), used_.end(), t.name)) continue;
    if (std::find(ignored.begin(), ignored.end(), t.name) != ignored.end()) continue;
    return fail(ErrorKind::unsupported, cat("tensor ", quote(t.name),
                                            " has no place in this architecture; computing without "
                                            "it would give wrong answers"));
  }
}

}  // namespace hearth::models
