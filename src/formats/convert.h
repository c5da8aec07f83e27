// convert.h - any Checkpoint as a GGUF file in another element type. Not part of the portable core:
// it uses all threads; the bytes go to a callback.
//
// Memory does not grow with the model: rows are read, quantised and written in pieces of a few
// megabytes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "formats/gguf/gguf_writer.h"

namespace hearth::formats {

// What --quant names: "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q4_k_m", "q6_k",
// "mxfp4". In any case of letters.
std::vector<std::string_view> quant_names();

struct ConversionPlan {
  std::string head;                 // the file up to the first tensor
  std::vector<GgufTensor> tensors;  // in the checkpoint's order
  std::uint64_t file_bytes = 0;
  std::vector<std::string> notes;  // what the file cannot say, a sentence each
};

// Decides each tensor's type: vectors and small tables stay float32, matrices become the type that
// was asked for or, where their rows are not whole blocks of it or where quality hangs on them (the
// output matrix), a finer one. Errors: invalid (unknown name), unsupported (mxfp4 for a model
// without experts; a tokenizer that GGUF has no form for).
Result<ConversionPlan> plan_conversion(const Checkpoint& from, std::string_view quant);

using WriteBytes = std::function<Result<void>(std::span<const std::byte>)>;
using ConversionProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Writes the whole file. Errors: those of `write`; corrupt, naming the tensor, for a weight that is
// not a finite number.
Result<void> convert(const Checkpoint& from, const ConversionPlan& plan, ThreadPool& pool,
                     const WriteBytes& write, const ConversionProgress& progress);

// How far a tensor moved: of all its values, relative to their root mean square.
struct TensorError {
  std::string name;
  DType dtype = DType::f32;
  double relative_rms = 0;
  double largest = 0;
};
// Reads both checkpoints; `to` has the tensors of `from` under the same names.
Result<std::vector<TensorError>> compare_tensors(const Checkpoint& from, const Checkpoint& to,
                                                 ThreadPool& pool);

}  // namespace hearth::formats
