// checkpoint.cc - looking things up in a Checkpoint. Part of the portable core.
#include "formats/checkpoint.h"

#include <array>

#include "base/str.h"

namespace hearth::formats {

namespace {

std::string who(const Checkpoint& c) {
  if (!c.path.empty()) return quote(c.path, 200);
  return cat("the ", c.format, " file of architecture ", quote(c.architecture));
}

Error missing(const Checkpoint& c, std::string_view key) {
  return {ErrorKind::not_found, cat(who(c), " has no metadata key ", quote(key), " (nor ",
                                    quote(cat(c.architecture, ".", key)), ")")};
}

Error wrong_type(const Checkpoint& c, std::string_view key, const MetaValue& value,
                 std::string_view expected) {
  return {ErrorKind::corrupt, cat(who(c), ": metadata key ", quote(key), " is ",
                                  describe_type(value), ", expected ", expected)};
}

}  // namespace

std::string describe_type(const MetaValue& value) {
  static constexpr std::array<std::string_view, 4> kOne = {"a boolean", "an integer", "a float",
                                                           "a string"};
  static constexpr std::array<std::string_view, 4> kMany = {"booleans", "integers", "floats",
                                                            "strings"};
  static_assert(std::variant_size_v<MetaValue> == kOne.size() + kMany.size());
  if (value.index() < kOne.size()) return std::string(kOne[value.index()]);
  std::size_t n = 0;
  if (const auto* bools = std::get_if<std::vector<bool>>(&value)) n = bools->size();
  if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&value)) n = ints->size();
  if (const auto* floats = std::get_if<std::vector<double>>(&value)) n = floats->size();
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) n = texts->size();
  return cat("an array of ", n, " ", kMany[value.index() - kOne.size()]);
}

const Tensor* Checkpoint::find(std::string_view tensor_name) const {
  const auto it = by_name_.find(tensor_name);
  return it == by_name_.end() ? nullptr : &tensors[it->second];
}

const MetaValue* Checkpoint::find_meta(std::string_view key) const {
  auto it = metadata.find(key);
  if (it == metadata.end()) it = metadata.find(cat(architecture, ".", key));
  return it == metadata.end() ? nullptr : &it->second;
}

Result<std::int64_t> Checkpoint::meta_int(std::string_view key) const {
  const MetaValue* value = find_meta(key);
  if (value == nullptr) return missing(*this, key);
  if (const auto* integer = std::get_if<std::int64_t>(value)) return *integer;
  return wrong_type(*this, key, *value, "an integer");
}

Result<double> Checkpoint::meta_float(std::string_view key) const {
  const MetaValue* value = find_meta(key);
  if (value == nullptr) return missing(*this, key);
  if (const auto* number = std::get_if<double>(value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return static_cast<double>(*integer);
  return wrong_type(*this, key, *value, "a number");
}

Result<std::int64_t> Checkpoint::meta_int_or(std::string_view key, std::int64_t fallback) const {
  if (find_meta(key) == nullptr) return fallback;
  return meta_int(key);
}

Result<double> Checkpoint::meta_float_or(std::string_view key, double fallback) const {
  if (find_meta(key) == nullptr) return fallback;
  return meta_float(key);
}

Result<void> Checkpoint::index() {
  by_name_.clear();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (by_name_.emplace(tensors[i].name, i).second) continue;
    return Error{ErrorKind::corrupt, cat("tensor name ", quote(tensors[i].name),
                                         " appears twice, expected unique names")};
  }
  return {};
}

}  // namespace hearth::formats
