#include "formats/convert.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/str.h"
#include "formats/gguf/gguf_tokenizer.h"
#include "tensor/quantize.h"

namespace hearth::formats {

namespace {

struct Scheme {
  std::string_view name;
  DType matrices;
  std::int64_t file_type;  // general.file_type, as llama.cpp numbers it
  bool keep_output_finer;  // the output matrix as q6_k
  bool mixed;              // q4_k_m: some matrices as q6_k or q5_k
};

constexpr Scheme kSchemes[] = {
    {"f32", DType::f32, 0, false, false},    {"f16", DType::f16, 1, false, false},
    {"bf16", DType::bf16, 32, false, false}, {"q8_0", DType::q8_0, 7, false, false},
    {"q4_0", DType::q4_0, 2, true, false},   {"q4_1", DType::q4_1, 3, true, false},
    {"q5_0", DType::q5_0, 8, true, false},   {"q4_k_m", DType::q4_k, 15, true, true},
    {"q6_k", DType::q6_k, 18, true, false},  {"mxfp4", DType::q8_0, 38, false, false},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

Result<const Scheme*> find_scheme(std::string_view quant) {
  const std::string wanted = lower(quant);
  for (const Scheme& s : kSchemes) {
    if (s.name == wanted) return &s;
  }
  return Error{ErrorKind::invalid,
               cat("no quantisation ", quote(quant), "; there are: ", joined(quant_names()))};
}

bool is_experts(std::string_view name) { return name.ends_with("_exps.weight"); }

// Vectors, and matrices so small that their type costs nothing and their precision much: a router's
// choice of experts, positions and types of an encoder.
bool stays_float(const Tensor& t) {
  return t.shape.rank < 2 || t.name.ends_with(".bias") || t.name.ends_with("ffn_gate_inp.weight") ||
         t.name == "position_embd.weight" || t.name == "token_types.weight";
}

// "blk.17.attn_v.weight" -> 17
std::int64_t layer_of(std::string_view name) {
  const std::size_t end = name.find('.', 4);
  return name.starts_with("blk.") ? parse_int(name.substr(4, end - 4)).value_or(0) : 0;
}

// Where q4_k_m spends more bits: the first and last eighth of the layers and every third between.
bool is_sensitive_layer(std::int64_t layer, std::int64_t n) {
  return layer < n / 8 || layer >= 7 * n / 8 || (layer - n / 8) % 3 == 2;
}

DType mixed_type(const Tensor& t, std::int64_t n_layers) {
  if (t.name.ends_with("attn_qkv.weight")) return DType::q5_k;
  const bool candidate = t.name.ends_with("attn_v.weight") || t.name.ends_with("ffn_down.weight") ||
                         t.name.ends_with("ffn_down_exps.weight");
  return candidate && is_sensitive_layer(layer_of(t.name), n_layers) ? DType::q6_k : DType::q4_k;
}

// The next finer type whose blocks are 32 values, for rows that are not whole blocks of 256; floats
// for rows that are not whole blocks of 32.
DType fitting(DType wanted, std::int64_t cols) {
  const auto whole = [cols](DType t) {
    return cols % static_cast<std::int64_t>(dtype_info(t).block_values) == 0;
  };
  if (whole(wanted)) return wanted;
  const DType coarse = wanted == DType::q4_k   ? DType::q5_0
                       : wanted == DType::q5_k ? DType::q5_1
                                               : DType::q8_0;
  return whole(coarse) ? coarse : DType::f16;
}

DType type_of(const Tensor& t, const Scheme& scheme, bool is_output, std::int64_t n_layers) {
  if (stays_float(t)) return DType::f32;
  if (scheme.name == "mxfp4" && is_experts(t.name)) return fitting(DType::mxfp4, t.shape.cols());
  if (is_output && scheme.keep_output_finer) return fitting(DType::q6_k, t.shape.cols());
  return fitting(scheme.mixed ? mixed_type(t, n_layers) : scheme.matrices, t.shape.cols());
}

// The source's keys without those that describe its file.
Result<std::map<std::string, MetaValue, std::less<>>> new_metadata(
    const Checkpoint& from, const Scheme& scheme, std::vector<std::string>& notes) {
  auto metadata = from.metadata;
  std::erase_if(metadata, [](const auto& item) {
    return item.first.starts_with("split.") || item.first == "general.alignment";
  });
  metadata["general.file_type"] = scheme.file_type;
  metadata["general.quantization_version"] = std::int64_t{2};
  if (from.tokenizer && !metadata.contains("tokenizer.ggml.model")) {
    HEARTH_TRY_VOID(write_tokenizer(*from.tokenizer, metadata, notes));
  }
  if (!from.chat_template.empty()) metadata["tokenizer.chat_template"] = from.chat_template;
  return metadata;
}

constexpr std::int64_t kPieceValues = std::int64_t{1} << 20;  // 4 MiB of floats

// Rows [first, first + n) of t in another type.
Result<void> convert_rows(const Tensor& t, std::int64_t first, std::int64_t n, DType to,
                          std::span<std::byte> out) {
  const Tensor rows = row_range(t, first, n);
  std::vector<std::byte> made;
  const std::span<const std::byte> bytes = read_bytes(rows, made);
  if (to == t.dtype) {
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return {};
  }
  const auto cols = static_cast<std::size_t>(t.shape.cols());
  const std::size_t in_size = row_bytes(t.dtype, t.shape.cols());
  const std::size_t out_size = row_bytes(to, t.shape.cols());
  std::vector<float> values(cols);
  for (std::size_t r = 0; r < static_cast<std::size_t>(n); ++r) {
    dtype_info(t.dtype).dequantize(bytes.subspan(r * in_size, in_size), values);
    const auto done = quantize_row(to, values, out.subspan(r * out_size, out_size));
    if (done) continue;
    return Error{done.error().kind,
                 cat("tensor ", quote(t.name), ", row ", first + static_cast<std::int64_t>(r), ": ",
                     done.error().message)};
  }
  return {};
}

// A piece for each thread at a time, written in order.
class TensorWriter {
 public:
  TensorWriter(const Tensor& t, DType to, ThreadPool& pool, const WriteBytes& write)
      : t_(t), to_(to), pool_(pool), write_(write) {}

  Result<void> run(const std::function<void(std::uint64_t)>& wrote) {
    const std::int64_t n_rows = t_.shape.rows();
    const std::int64_t piece = std::max<std::int64_t>(1, kPieceValues / t_.shape.cols());
    const std::int64_t batch = piece * 2 * pool_.n_threads();
    const std::size_t size = row_bytes(to_, t_.shape.cols());
    std::vector<std::byte> out;
    for (std::int64_t first = 0; first < n_rows; first += batch) {
      const std::int64_t n = std::min(batch, n_rows - first);
      out.resize(static_cast<std::size_t>(n) * size);
      std::vector<Result<void>> results(static_cast<std::size_t>((n + piece - 1) / piece));
      pool_.run(static_cast<std::int64_t>(results.size()), [&](std::int64_t p) {
        const std::int64_t begin = p * piece, count = std::min(piece, n - begin);
        results[static_cast<std::size_t>(p)] =
            convert_rows(t_, first + begin, count, to_,
                         std::span(out).subspan(static_cast<std::size_t>(begin) * size,
                                                static_cast<std::size_t>(count) * size));
      });
      for (const auto& result : results) HEARTH_TRY_VOID(result);
      HEARTH_TRY_VOID(write_(out));
      wrote(out.size());
    }
    return {};
  }

 private:
  const Tensor& t_;
  DType to_;
  ThreadPool& pool_;
  const WriteBytes& write_;
};

struct Squares {
  double values = 0, differences = 0, largest = 0;
};

Squares compare_row(const Tensor& a, const Tensor& b, std::int64_t row, std::vector<float>& x,
                    std::vector<float>& y) {
  dequantize_row(a, row, x);
  dequantize_row(b, row, y);
  Squares s;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = static_cast<double>(y[i]) - static_cast<double>(x[i]);
    s.values += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    s.differences += d * d;
    s.largest = std::max(s.largest, std::abs(d));
  }
  return s;
}

TensorError compare(const Tensor& a, const Tensor& b, ThreadPool& pool) {
  std::vector<Squares> rows(static_cast<std::size_t>(a.shape.rows()));
  constexpr std::int64_t kRows = 64;
  pool.run((a.shape.rows() + kRows - 1) / kRows, [&](std::int64_t p) {
    const std::int64_t first = p * kRows, n = std::min(kRows, a.shape.rows() - first);
    Tensor part = row_range(a, first, n);
    std::vector<std::byte> made;
    part.bytes = read_bytes(part, made);
    part.source = nullptr;
    const Tensor other = row_range(b, first, n);
    std::vector<float> x(static_cast<std::size_t>(a.shape.cols())), y(x.size());
    for (std::int64_t r = 0; r < n; ++r) {
      rows[static_cast<std::size_t>(first + r)] = compare_row(part, other, r, x, y);
    }
  });
  Squares all;
  for (const Squares& s : rows) {
    all.values += s.values;
    all.differences += s.differences;
    all.largest = std::max(all.largest, s.largest);
  }
  const double relative = all.values > 0 ? std::sqrt(all.differences / all.values) : 0;
  return {a.name, b.dtype, relative, all.largest};
}

}  // namespace

std::vector<std::string_view> quant_names() {
  std::vector<std::string_view> names;
  for (const Scheme& s : kSchemes) names.push_back(s.name);
  return names;
}

Result<ConversionPlan> plan_conversion(const Checkpoint& from, std::string_view quant) {
  HEARTH_TRY(const Scheme* scheme, find_scheme(quant));
  if (from.tensors.empty()) return Error{ErrorKind::corrupt, "the model has no tensors"};
  const bool experts = std::any_of(from.tensors.begin(), from.tensors.end(),
                                   [](const Tensor& t) { return is_experts(t.name); });
  if (scheme->name == "mxfp4" && !experts) {
    return Error{ErrorKind::unsupported,
                 "mxfp4 is for the experts of a mixture, and this model has none; choose q4_0 or "
                 "another"};
  }
  const bool untied = from.find("output.weight") != nullptr;
  HEARTH_TRY(const std::int64_t n_layers, from.meta_int_or("block_count", 1));
  ConversionPlan plan;
  for (const Tensor& t : from.tensors) {
    const bool is_output =
        t.name == (untied ? "output.weight" : "token_embd.weight") && from.architecture != "bert";
    plan.tensors.push_back({t.name, type_of(t, *scheme, is_output, n_layers), t.shape, 0});
  }
  HEARTH_TRY(const auto metadata, new_metadata(from, *scheme, plan.notes));
  HEARTH_TRY(plan.head, write_gguf_head(metadata, plan.tensors, &plan.file_bytes));
  return plan;
}

Result<void> convert(const Checkpoint& from, const ConversionPlan& plan, ThreadPool& pool,
                     const WriteBytes& write, const ConversionProgress& progress) {
  std::uint64_t done = 0;
  const auto wrote = [&](std::uint64_t n_bytes) {
    done += n_bytes;
    if (progress) progress(done, plan.file_bytes);
  };
  const auto pad_to = [&](std::uint64_t offset) -> Result<void> {
    const std::vector<std::byte> zeros(offset - done);
    wrote(zeros.size());
    return write(zeros);
  };
  HEARTH_TRY_VOID(write(std::as_bytes(std::span(plan.head.data(), plan.head.size()))));
  wrote(plan.head.size());
  for (std::size_t i = 0; i < from.tensors.size(); ++i) {
    const GgufTensor& to = plan.tensors[i];
    HEARTH_TRY_VOID(pad_to(to.offset));
    HEARTH_TRY_VOID(TensorWriter(from.tensors[i], to.dtype, pool, write).run(wrote));
    if (from.release) from.release(from.tensors[i]);
  }
  return pad_to(plan.file_bytes);
}

Result<std::vector<TensorError>> compare_tensors(const Checkpoint& from, const Checkpoint& to,
                                                 ThreadPool& pool) {
  std::vector<TensorError> errors;
  for (const Tensor& t : from.tensors) {
    const Tensor* other = to.find(t.name);
    if (other == nullptr || other->shape != t.shape) {
      return Error{ErrorKind::corrupt,
                   cat("tensor ", quote(t.name), " is not in the new file as it was")};
    }
    errors.push_back(compare(t, *other, pool));
    if (from.release) from.release(t);
    if (to.release) to.release(*other);
  }
  return errors;
}

}  // namespace hearth::formats
