// gguf_metadata.h - the key and value section of a GGUF file. Part of the portable core.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "formats/checkpoint.h"
#include "formats/gguf/byte_reader.h"

namespace hearth::formats {

using Metadata = std::map<std::string, MetaValue, std::less<>>;

// Reads n entries. n is the file's claim: it is checked against the bytes that are left first.
Result<Metadata> read_metadata(ByteReader& reader, std::uint64_t n);

// A key the reader itself needs: nullptr when absent, corrupt when it has another type than T.
template <class T>
Result<const T*> find_typed(const Metadata& metadata, std::string_view key) {
  const auto it = metadata.find(key);
  if (it == metadata.end()) return static_cast<const T*>(nullptr);
  if (const T* value = std::get_if<T>(&it->second)) return value;
  return Error{ErrorKind::corrupt,
               cat("metadata key ", quote(key), " is ", describe_type(it->second), ", expected ",
                   std::is_same_v<T, bool>                       ? "a boolean"
                   : std::is_same_v<T, std::int64_t>             ? "an integer"
                   : std::is_same_v<T, std::string>              ? "a string"
                   : std::is_same_v<T, std::vector<std::string>> ? "an array of strings"
                   : std::is_same_v<T, std::vector<double>>      ? "an array of floats"
                                                                 : "an array of integers")};
}

}  // namespace hearth::formats
