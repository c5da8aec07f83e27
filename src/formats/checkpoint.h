// checkpoint.h - a model on disk, whatever its file type: named, bounds-checked tensors, typed
// metadata, the tokenizer's data and the chat template. Nothing above formats/ knows a file type.
//
// Immutable after opening; any thread may read it. Tensor bytes are views into mappings it owns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"
#include "text/tokenizer.h"

namespace hearth::formats {

// One metadata value. Integers of every width are int64 (a u64 beyond 2^63 - 1 is refused by the
// reader), floats are double, arrays are homogeneous.
using MetaValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<bool>,
                 std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

class Checkpoint {
 public:
  std::string path;          // as it was opened; empty when it was parsed from bytes
  std::string format;        // "gguf"
  std::string architecture;  // "llama": which file of models/ computes it
  std::string name;          // for people; may be empty
  std::map<std::string, MetaValue, std::less<>> metadata;  // the file's own keys
  std::vector<Tensor> tensors;                             // in file order
  std::optional<text::TokenizerSpec> tokenizer;            // absent when the file has none
  std::string tokenizer_problem;                           // why, when it has one we cannot use
  std::string chat_template;                               // Jinja source, or empty
  std::uint64_t file_bytes = 0;
  std::vector<std::string> files;  // that were opened for it; none when it was parsed from bytes
  std::shared_ptr<const void> storage;  // keeps the tensors' bytes alive
  // Tells the storage that a tensor's bytes will not be read again soon (a packed copy exists).
  std::function<void(const Tensor&)> release;

  const Tensor* find(std::string_view tensor_name) const;  // nullptr when absent
  const MetaValue* find_meta(std::string_view key) const;  // as given, then below the architecture

  // "llama.block_count" -> meta_int("block_count"): keys are looked up as given and below the
  // architecture's name. Errors: not_found or corrupt (wrong type), naming key and file.
  Result<std::int64_t> meta_int(std::string_view key) const;
  Result<double> meta_float(std::string_view key) const;  // accepts an integer
  // The fallback stands for an absent key only: a value of the wrong type is still an error, never
  // silently replaced.
  Result<std::int64_t> meta_int_or(std::string_view key, std::int64_t fallback) const;
  Result<double> meta_float_or(std::string_view key, double fallback) const;

  // Rebuilds the name index after `tensors` was filled; reports duplicate names (corrupt).
  Result<void> index();

 private:
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

// "a string", "an array of 3 integers": what an error message calls a value.
std::string describe_type(const MetaValue& value);

// Opens a model file by what its first bytes say it is. Errors: not_found, corrupt, unsupported.
Result<std::shared_ptr<const Checkpoint>> open_checkpoint(const std::string& path);

}  // namespace hearth::formats
