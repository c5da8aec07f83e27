#include "formats/safetensors/safetensors.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/str.h"
#include "base/strict_json.h"

namespace hearth::formats {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own bound
// A tensor is an object of three members, one of them with two numbers, another with the shape.
constexpr JsonLimits kLimits{.max_depth = 4, .max_values = 4'000'000};

struct StoredType {
  std::string_view name;
  std::uint64_t bits;
};
constexpr StoredType kTypes[] = {
    {"BOOL", 8},    {"U8", 8},   {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
    {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16}, {"F16", 16},    {"BF16", 16},
    {"I32", 32},    {"U32", 32}, {"F32", 32}, {"F64", 64},    {"I64", 64},
    {"U64", 64},    {"C64", 64}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6},
};

Error corrupt(std::string message) { return {ErrorKind::corrupt, std::move(message)}; }

struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Result<Parts> split(std::span<const std::byte> file) {
  std::uint64_t header_bytes = 0;
  if (file.size() < sizeof header_bytes) {
    return corrupt(cat("the file has ", file.size(),
                       " bytes, expected 8 for the length of a safetensors header and more"));
  }
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  file = file.subspan(sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > file.size()) {
    return corrupt(cat("the header is said to have ", header_bytes, " bytes, expected at most ",
                       std::min<std::uint64_t>(file.size(), kMaxHeaderBytes),
                       "; the file may be cut short, fetch it again"));
  }
  const auto n = static_cast<std::size_t>(header_bytes);
  return Parts{{reinterpret_cast<const char*>(file.data()), n}, file.subspan(n)};
}

const Json* member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

// A number of the header: JSON integers up to 2^63 - 1.
Result<std::uint64_t> count(const Json& value, std::string_view what, std::string_view tensor) {
  const auto* n = value.get_ptr<const Json::number_unsigned_t*>();
  if (n != nullptr && *n <= INT64_MAX) return *n;
  return corrupt(cat("tensor ", quote(tensor), ": ", what, " is ",
                     n == nullptr ? std::string(value.type_name()) : cat(*n),
                     ", expected a number from 0 to 2^63 - 1"));
}

Result<const StoredType*> read_type(const Json& entry, std::string_view tensor) {
  const Json* dtype = member(entry, "dtype");
  const auto* name = dtype == nullptr ? nullptr : dtype->get_ptr<const std::string*>();
  if (name == nullptr) return corrupt(cat("tensor ", quote(tensor), " has no text \"dtype\""));
  for (const StoredType& type : kTypes) {
    if (type.name == *name) return &type;
  }
  return corrupt(cat("tensor ", quote(tensor), " has the type ", quote(*name),
                     ", which safetensors does not define"));
}

// Sets the shape; returns the bytes that it takes.
Result<std::uint64_t> read_shape(const Json& entry, const StoredType& type, StoredTensor& out) {
  const Json* shape = member(entry, "shape");
  if (shape == nullptr || !shape->is_array()) {
    return corrupt(cat("tensor ", quote(out.name), " has no list \"shape\""));
  }
  std::uint64_t bits = type.bits;
  for (const Json& dim : *shape) {
    HEARTH_TRY(const std::uint64_t n, count(dim, "a dimension", out.name));
    out.shape.push_back(static_cast<std::int64_t>(n));
    if (__builtin_mul_overflow(bits, n, &bits)) {
      return corrupt(cat("tensor ", quote(out.name), " would have more than 2^64 bits"));
    }
  }
  if (bits % 8 == 0) return bits / 8;
  return corrupt(cat("tensor ", quote(out.name), " of type ", type.name, " has ", bits,
                     " bits, expected whole bytes"));
}

Result<void> place(const Json& entry, std::uint64_t n_bytes, std::span<const std::byte> data,
                   StoredTensor& out) {
  const Json* offsets = member(entry, "data_offsets");
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2) {
    return corrupt(cat("tensor ", quote(out.name), " has no list \"data_offsets\" of two numbers"));
  }
  HEARTH_TRY(const std::uint64_t begin, count((*offsets)[0], "data_offsets[0]", out.name));
  HEARTH_TRY(const std::uint64_t end, count((*offsets)[1], "data_offsets[1]", out.name));
  if (begin > end || end > data.size()) {
    return corrupt(cat("tensor ", quote(out.name), " lies at bytes ", begin, " to ", end,
                       " of the data, of which there are ", data.size(),
                       "; the file may be cut short, fetch it again"));
  }
  if (end - begin != n_bytes) {
    return corrupt(cat("tensor ", quote(out.name), " has ", end - begin, " bytes, expected the ",
                       n_bytes, " of its type and shape"));
  }
  out.bytes = data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n_bytes));
  return {};
}

Result<StoredTensor> read_tensor(const std::string& name, const Json& entry,
                                 std::span<const std::byte> data) {
  if (!entry.is_object()) return corrupt(cat("tensor ", quote(name), " is not a JSON object"));
  StoredTensor out;
  out.name = name;
  HEARTH_TRY(const StoredType* type, read_type(entry, name));
  out.dtype = type->name;
  HEARTH_TRY(const std::uint64_t n_bytes, read_shape(entry, *type, out));
  HEARTH_TRY_VOID(place(entry, n_bytes, data, out));
  return out;
}

Result<void> check_tiling(const std::vector<StoredTensor>& tensors,
                          std::span<const std::byte> data) {
  std::vector<const StoredTensor*> order;
  order.reserve(tensors.size());
  for (const StoredTensor& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
    return std::pair(a->bytes.data(), a->bytes.size()) <
           std::pair(b->bytes.data(), b->bytes.size());
  });
  const std::byte* at = data.data();
  for (const StoredTensor* t : order) {
    if (t->bytes.data() != at) {
      return corrupt(cat("tensor ", quote(t->name), " begins at byte ",
                         t->bytes.data() - data.data(), " of the data, expected ", at - data.data(),
                         ", where the one before it ends"));
    }
    at += t->bytes.size();
  }
  if (at == data.data() + data.size()) return {};
  return corrupt(cat("the data has ", data.size(), " bytes, expected the ", at - data.data(),
                     " that the tensors take"));
}

}  // namespace

Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> file) {
  HEARTH_TRY(const Parts parts, split(file));
  auto parsed = parse_strict_json(parts.header, "the safetensors header", kLimits);
  if (!parsed) return corrupt(parsed.error().message);
  if (!parsed->is_object()) return corrupt("the safetensors header is not a JSON object");
  std::vector<StoredTensor> tensors;
  tensors.reserve(parsed->size());
  for (const auto& [name, entry] : *parsed->get_ptr<const Json::object_t*>()) {
    if (name == "__metadata__") continue;
    HEARTH_TRY(StoredTensor tensor, read_tensor(name, entry, parts.data));
    tensors.push_back(std::move(tensor));
  }
  HEARTH_TRY_VOID(check_tiling(tensors, parts.data));
  return tensors;
}

}  // namespace hearth::formats
