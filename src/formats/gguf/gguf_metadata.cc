// gguf_metadata.cc - { string key, u32 type, value }, values as below.
//
//   0 u8   1 i8   2 u16   3 i16   4 u32   5 i32   6 f32   7 bool (one byte, 0 or 1)
//   8 string      9 array (u32 element type, u64 count, elements)      10 u64   11 i64   12 f64
//
// Arrays of arrays are legal GGUF, but no model uses them; they are refused, which also bounds the
// depth of the reader.
#include "formats/gguf/gguf_metadata.h"

#include <array>
#include <limits>

namespace hearth::formats {

namespace {

enum GgufType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
  kTypeCount
};

struct TypeInfo {
  std::string_view name;
  std::uint64_t min_bytes;  // the fewest bytes an element takes
};
constexpr std::array<TypeInfo, kTypeCount> kTypes = {{{"u8", 1},
                                                      {"i8", 1},
                                                      {"u16", 2},
                                                      {"i16", 2},
                                                      {"u32", 4},
                                                      {"i32", 4},
                                                      {"f32", 4},
                                                      {"bool", 1},
                                                      {"string", 8},
                                                      {"array", 12},
                                                      {"u64", 8},
                                                      {"i64", 8},
                                                      {"f64", 8}}};

constexpr std::uint64_t kMaxKeyBytes = 65535;
// An entry is at least a key's length and one byte, a type, and a value of one byte.
constexpr std::uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;

class ValueReader {
 public:
  ValueReader(ByteReader& reader, std::string_view key) : reader_(reader), key_(key) {}

  Result<MetaValue> value(std::uint32_t type) {
    switch (type) {
      case kF32:
        return one<double>(&ValueReader::floating<float>);
      case kF64:
        return one<double>(&ValueReader::floating<double>);
      case kBool:
        return one<bool>(&ValueReader::boolean);
      case kString:
        return one<std::string>(&ValueReader::string);
      case kArray:
        return array();
      default:
        return one<std::int64_t>(integer_reader(type));
    }
  }

 private:
  template <class T>
  using Reader = Result<T> (ValueReader::*)();

  Field field() const { return {"the value of metadata key", key_}; }

  Error bad(std::string_view what) const {
    return {ErrorKind::corrupt, cat("metadata key ", quote(key_), " ", what)};
  }

  template <class T>
  Result<std::int64_t> integer() {
    HEARTH_TRY(const T v, reader_.number<T>(field()));
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (v > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return bad(cat("is ", v, ", expected at most 9223372036854775807 (2^63 - 1)"));
      }
    }
    return static_cast<std::int64_t>(v);
  }

  template <class T>
  Result<double> floating() {
    HEARTH_TRY(const T v, reader_.number<T>(field()));
    return static_cast<double>(v);
  }

  Result<bool> boolean() {
    HEARTH_TRY(const auto v, reader_.number<std::uint8_t>(field()));
    if (v > 1) return bad(cat("is a bool of byte ", v, ", expected 0 or 1"));
    return v == 1;
  }

  Result<std::string> string() {
    HEARTH_TRY(const auto text, reader_.string(field()));
    return std::string(text);
  }

  // nullptr when type is no integer type.
  static Reader<std::int64_t> integer_reader(std::uint32_t type) {
    switch (type) {
      case kU8:
        return &ValueReader::integer<std::uint8_t>;
      case kI8:
        return &ValueReader::integer<std::int8_t>;
      case kU16:
        return &ValueReader::integer<std::uint16_t>;
      case kI16:
        return &ValueReader::integer<std::int16_t>;
      case kU32:
        return &ValueReader::integer<std::uint32_t>;
      case kI32:
        return &ValueReader::integer<std::int32_t>;
      case kU64:
        return &ValueReader::integer<std::uint64_t>;
      case kI64:
        return &ValueReader::integer<std::int64_t>;
      default:
        return nullptr;
    }
  }

  template <class T>
  Result<MetaValue> one(Reader<T> read) {
    CHECK(read != nullptr, "the caller has checked the type");
    HEARTH_TRY(T v, (this->*read)());
    return MetaValue(std::in_place_type<T>, std::move(v));
  }

  template <class T>
  Result<MetaValue> many(std::uint64_t count, Reader<T> read) {
    CHECK(read != nullptr, "the caller has checked the type");
    std::vector<T> out;
    out.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) {
      HEARTH_TRY(T v, (this->*read)());
      out.push_back(std::move(v));
    }
    return MetaValue(std::in_place_type<std::vector<T>>, std::move(out));
  }

  Result<MetaValue> array() {
    HEARTH_TRY(const auto type,
               reader_.number<std::uint32_t>({"the element type of metadata key", key_}));
    HEARTH_TRY(const auto count,
               reader_.number<std::uint64_t>({"the array length of metadata key", key_}));
    if (type >= kTypeCount) return bad(cat("is an array of type ", type, ", expected 0 to 12"));
    if (type == kArray) {
      return Error{ErrorKind::unsupported, cat("metadata key ", quote(key_),
                                               " is an array of arrays, expected a flat array")};
    }
    if (count > reader_.remaining() / kTypes[type].min_bytes) {
      return bad(cat("is an array of ", count, " x ", kTypes[type].name, " of at least ",
                     kTypes[type].min_bytes, " bytes each, but only ", reader_.remaining(),
                     " bytes are left"));
    }
    switch (type) {
      case kF32:
        return many<double>(count, &ValueReader::floating<float>);
      case kF64:
        return many<double>(count, &ValueReader::floating<double>);
      case kBool:
        return many<bool>(count, &ValueReader::boolean);
      case kString:
        return many<std::string>(count, &ValueReader::string);
      default:
        return many<std::int64_t>(count, integer_reader(type));
    }
  }

  ByteReader& reader_;
  std::string_view key_;
};

Result<std::string_view> read_key(ByteReader& reader) {
  HEARTH_TRY(const auto key, reader.string({"a metadata key"}));
  if (key.empty() || key.size() > kMaxKeyBytes) {
    return Error{ErrorKind::corrupt, cat("a metadata key of ", key.size(), " bytes (", quote(key),
                                         "), expected 1 to ", kMaxKeyBytes)};
  }
  return key;
}

}  // namespace

Result<Metadata> read_metadata(ByteReader& reader, std::uint64_t n) {
  if (n > reader.remaining() / kMinEntryBytes) {
    return Error{ErrorKind::corrupt,
                 cat("the header promises ", n, " metadata entries of at least ", kMinEntryBytes,
                     " bytes each, but only ", reader.remaining(), " bytes are left")};
  }
  Metadata out;
  for (std::uint64_t i = 0; i < n; ++i) {
    HEARTH_TRY(const auto key, read_key(reader));
    HEARTH_TRY(const auto type, reader.number<std::uint32_t>({"the type of metadata key", key}));
    if (type >= kTypeCount) {
      return Error{ErrorKind::corrupt, cat("metadata key ", quote(key), " has value type ", type,
                                           ", expected 0 to 12")};
    }
    HEARTH_TRY(MetaValue value, ValueReader(reader, key).value(type));
    if (!out.emplace(std::string(key), std::move(value)).second) {
      return Error{ErrorKind::corrupt,
                   cat("metadata key ", quote(key), " appears twice, expected unique keys")};
    }
  }
  return out;
}

}  // namespace hearth::formats
