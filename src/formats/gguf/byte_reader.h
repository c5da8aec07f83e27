// byte_reader.h - a cursor over hostile little-endian bytes: every read is checked, a read past the
// end is an Error that names the field. Part of the portable core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "base/str.h"

namespace hearth::formats {

// Names what is being read; turned into text only when something is wrong with it.
struct Field {
  std::string_view what;     // "the length of metadata key"
  std::string_view of = {};  // file's own text: a key or a tensor name
  std::string to_string() const {
    return of.empty() ? std::string(what) : cat(what, " ", quote(of));
  }
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t offset() const { return at_; }
  std::uint64_t remaining() const { return bytes_.size() - at_; }

  // The next n bytes, which n may claim to be anything.
  Result<std::span<const std::byte>> take(std::uint64_t n, const Field& field) {
    if (n > remaining()) {
      return Error{ErrorKind::corrupt,
                   cat("the file is cut short at byte ", offset(), ": ", field.to_string(),
                       " needs ", n, " bytes, ", remaining(), " are left")};
    }
    const auto out = bytes_.subspan(at_, static_cast<std::size_t>(n));
    at_ += static_cast<std::size_t>(n);
    return out;
  }

  template <class T>
    requires std::is_arithmetic_v<T>
  Result<T> number(const Field& field) {
    HEARTH_TRY(const auto raw, take(sizeof(T), field));
    T value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  // u64 length, then that many bytes; a view into the file.
  Result<std::string_view> string(const Field& field) {
    HEARTH_TRY(const auto size, number<std::uint64_t>(field));
    HEARTH_TRY(const auto raw, take(size, field));
    return std::string_view(reinterpret_cast<const char*>(raw.data()), raw.size());
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

}  // namespace hearth::formats
