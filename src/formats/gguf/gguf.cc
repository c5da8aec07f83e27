// gguf.cc - header, tensor records, placing the tensors; gguf_metadata.cc reads keys and values.
//
// What is refused although some reader somewhere would take it, and why:
//
//   overlapping tensors      no writer makes them, and Hearth drops the pages of repacked tensors
//   no or empty dimensions   nothing computes with them; every division by one would need a guard
//   a type without kernels   also in a tensor the model may not use: which it uses is not known
//                            here, and half a model is no model
//
// Bytes between tensors and after the last one are padding, their content and length are free.
#include "formats/gguf/gguf.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/str.h"
#include "formats/gguf/byte_reader.h"
#include "formats/gguf/gguf_metadata.h"
#include "formats/gguf/gguf_tokenizer.h"

namespace hearth::formats {

namespace {

constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxNameBytes = 64;
// A name of one byte, one dimension, type and offset.
constexpr std::uint64_t kMinTensorRecordBytes = 8 + 1 + 4 + 8 + 4 + 8;

// A tensor record whose shape and type are sound; offset and size are not yet checked against the
// file.
struct Record {
  Tensor tensor;
  std::uint64_t offset;  // from the start of the data section
  std::uint64_t n_bytes;
};

Error corrupt(std::string message) { return {ErrorKind::corrupt, std::move(message)}; }
Error unsupported(std::string message) { return {ErrorKind::unsupported, std::move(message)}; }

std::uint32_t byte_swapped(std::uint32_t v) {
  return v << 24 | (v & 0xff00u) << 8 | (v >> 8 & 0xff00u) | v >> 24;
}

Result<void> read_magic_and_version(ByteReader& reader) {
  HEARTH_TRY(const auto raw, reader.take(4, {"the magic \"GGUF\""}));
  const std::string_view magic(reinterpret_cast<const char*>(raw.data()), raw.size());
  if (magic != "GGUF")
    return corrupt(cat("the file begins with ", quote(magic), ", expected \"GGUF\""));
  HEARTH_TRY(const auto version, reader.number<std::uint32_t>({"the version"}));
  if (version == 2 || version == 3) return {};
  if (version == 1) {
    return unsupported(
        "GGUF version 1 (2023, 32-bit counts), expected version 2 or 3; convert the model again "
        "with "
        "current tools");
  }
  if (byte_swapped(version) >= 1 && byte_swapped(version) <= 3) {
    return unsupported(
        cat("a big-endian GGUF (version ", byte_swapped(version),
            " with its bytes swapped), expected little endian; download or convert the "
            "little-endian variant"));
  }
  return unsupported(cat("GGUF version ", version, ", expected version 2 or 3"));
}

Result<Shape> read_shape(ByteReader& reader, std::string_view name) {
  HEARTH_TRY(const auto rank,
             reader.number<std::uint32_t>({"the number of dimensions of tensor", name}));
  if (rank < 1 || rank > Shape::kMaxRank) {
    return corrupt(cat("tensor ", quote(name), " has ", rank, " dimensions, expected 1 to 4"));
  }
  Shape shape;
  shape.rank = rank;
  std::int64_t elements = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    HEARTH_TRY(const auto dim, reader.number<std::uint64_t>({"a dimension of tensor", name}));
    if (dim == 0 || dim > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      return corrupt(cat("tensor ", quote(name), ": dimension ", i, " is ", dim,
                         ", expected 1 to 9223372036854775807"));
    }
    shape.dims[rank - 1 - i] =
        static_cast<std::int64_t>(dim);  // the file lists the innermost first
    if (__builtin_mul_overflow(elements, static_cast<std::int64_t>(dim), &elements)) {
      return corrupt(cat("tensor ", quote(name), ": dimension ", i, " is ", dim,
                         ", which makes more than 2^63 values"));
    }
  }
  return shape;
}

std::string supported_types() {
  std::string out;
  for (std::uint32_t id = 0; id < 64; ++id) {
    if (dtype_of_ggml_id(id)) out += cat(out.empty() ? "" : ", ", ggml_type_name(id));
  }
  return out;
}

Result<DType> read_dtype(ByteReader& reader, std::string_view name) {
  HEARTH_TRY(const auto id, reader.number<std::uint32_t>({"the type of tensor", name}));
  if (const auto dtype = dtype_of_ggml_id(id)) return *dtype;
  const std::string_view type_name = ggml_type_name(id);
  if (type_name.empty()) {
    return corrupt(cat("tensor ", quote(name), " has type ", id,
                       ", which GGUF does not define, expected one of ", supported_types()));
  }
  return unsupported(cat("tensor ", quote(name), " has type ", type_name, " (", id,
                         "), which Hearth does not compute with; it reads ", supported_types()));
}

Result<Record> read_record(ByteReader& reader) {
  HEARTH_TRY(const auto name, reader.string({"the name of a tensor"}));
  if (name.empty() || name.size() > kMaxNameBytes) {
    return corrupt(cat("a tensor name of ", name.size(), " bytes (", quote(name),
                       "), expected 1 to ", kMaxNameBytes));
  }
  HEARTH_TRY(const Shape shape, read_shape(reader, name));
  HEARTH_TRY(const DType dtype, read_dtype(reader, name));
  HEARTH_TRY(const auto offset, reader.number<std::uint64_t>({"the offset of tensor", name}));

  const DTypeInfo& info = dtype_info(dtype);
  if (static_cast<std::uint64_t>(shape.cols()) % info.block_values != 0) {
    return corrupt(cat("tensor ", quote(name), " ", shape.to_string(), " has rows of ",
                       shape.cols(), " values, expected a multiple of ", info.block_values,
                       ", the block of ", info.name));
  }
  std::uint64_t n_bytes = 0;
  const std::uint64_t n_blocks = static_cast<std::uint64_t>(shape.elements()) / info.block_values;
  if (__builtin_mul_overflow(n_blocks, std::uint64_t{info.block_bytes}, &n_bytes)) {
    return corrupt(
        cat("tensor ", quote(name), " ", shape.to_string(), " of ", info.name,
            " would have more than 2^64 bytes, expected a tensor that lies in the file"));
  }
  return Record{{std::string(name), dtype, shape, {}}, offset, n_bytes};
}

Result<std::vector<Record>> read_records(ByteReader& reader, std::uint64_t n) {
  if (n > reader.remaining() / kMinTensorRecordBytes) {
    return corrupt(cat("the header promises ", n, " tensors with records of at least ",
                       kMinTensorRecordBytes, " bytes each, but only ", reader.remaining(),
                       " bytes are left"));
  }
  std::vector<Record> records;
  records.reserve(static_cast<std::size_t>(n));
  for (std::uint64_t i = 0; i < n; ++i) {
    HEARTH_TRY(Record record, read_record(reader));
    records.push_back(std::move(record));
  }
  return records;
}

Result<std::uint64_t> read_alignment(const Metadata& metadata) {
  HEARTH_TRY(const auto* value, find_typed<std::int64_t>(metadata, "general.alignment"));
  const std::int64_t alignment = value == nullptr ? kDefaultAlignment : *value;
  if (alignment < 1 || !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    return corrupt(cat("general.alignment is ", alignment, ", expected a power of two"));
  }
  return static_cast<std::uint64_t>(alignment);
}

// Sets tensor.bytes. data_start is at most the file's size + 2^62, so the first sum needs a check
// and everything after it is bounded by the file.
Result<void> place(Record& record, std::span<const std::byte> file, std::uint64_t data_start,
                   std::uint64_t alignment) {
  const std::string_view name = record.tensor.name;
  if (record.offset % alignment != 0) {
    return corrupt(cat("tensor ", quote(name), " has offset ", record.offset,
                       ", expected a multiple of the alignment ", alignment));
  }
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  if (__builtin_add_overflow(data_start, record.offset, &begin) ||
      __builtin_add_overflow(begin, record.n_bytes, &end) || end > file.size()) {
    return corrupt(cat("tensor ", quote(name), " ", record.tensor.shape.to_string(), " of ",
                       dtype_info(record.tensor.dtype).name, " needs ", record.n_bytes,
                       " bytes at offset ", record.offset, " of the data, which begins at byte ",
                       data_start, ", but the file ends at byte ", file.size(),
                       ": it is cut short or damaged"));
  }
  record.tensor.bytes =
      file.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(record.n_bytes));
  return {};
}

Result<void> check_no_overlap(const std::vector<Record>& records) {
  std::vector<const Record*> order;
  order.reserve(records.size());
  for (const Record& record : records) order.push_back(&record);
  std::sort(order.begin(), order.end(),
            [](const Record* a, const Record* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Record& before = *order[i - 1];
    if (order[i]->offset >= before.offset + before.n_bytes) continue;
    return corrupt(cat("tensor ", quote(order[i]->tensor.name), " at offset ", order[i]->offset,
                       " overlaps tensor ", quote(before.tensor.name), " (bytes ", before.offset,
                       " to ", before.offset + before.n_bytes, "), expected separate tensors"));
  }
  return {};
}

// The later parts of a split model have the keys of the split only.
Result<bool> is_later_part(const Metadata& metadata) {
  HEARTH_TRY(const auto* part, find_typed<std::int64_t>(metadata, "split.no"));
  return part != nullptr && *part > 0;
}

Result<void> read_general_keys(Checkpoint& out) {
  HEARTH_TRY(const auto* architecture,
             find_typed<std::string>(out.metadata, "general.architecture"));
  HEARTH_TRY(const bool later_part, is_later_part(out.metadata));
  if (architecture != nullptr) out.architecture = *architecture;
  if (out.architecture.empty() && !later_part) {
    return corrupt(cat("metadata key \"general.architecture\" is ",
                       architecture == nullptr ? "missing" : "empty",
                       ", expected the model's architecture, such as \"llama\""));
  }
  HEARTH_TRY(const auto* name, find_typed<std::string>(out.metadata, "general.name"));
  if (name != nullptr) out.name = *name;
  HEARTH_TRY(const auto* chat, find_typed<std::string>(out.metadata, "tokenizer.chat_template"));
  if (chat != nullptr) out.chat_template = *chat;
  return {};
}

}  // namespace

Result<Checkpoint> parse_gguf(std::span<const std::byte> file) {
  ByteReader reader(file);
  HEARTH_TRY_VOID(read_magic_and_version(reader));
  HEARTH_TRY(const auto n_tensors, reader.number<std::uint64_t>({"the number of tensors"}));
  HEARTH_TRY(const auto n_metadata,
             reader.number<std::uint64_t>({"the number of metadata entries"}));

  Checkpoint out;
  out.format = "gguf";
  out.file_bytes = file.size();
  HEARTH_TRY(out.metadata, read_metadata(reader, n_metadata));
  HEARTH_TRY_VOID(read_general_keys(out));
  HEARTH_TRY(const std::uint64_t alignment, read_alignment(out.metadata));
  HEARTH_TRY(std::vector<Record> records, read_records(reader, n_tensors));

  const std::uint64_t data_start = (reader.offset() + alignment - 1) & ~(alignment - 1);
  for (Record& record : records) HEARTH_TRY_VOID(place(record, file, data_start, alignment));
  HEARTH_TRY_VOID(check_no_overlap(records));
  out.tensors.reserve(records.size());
  for (Record& record : records) out.tensors.push_back(std::move(record.tensor));
  HEARTH_TRY_VOID(out.index());
  HEARTH_TRY_VOID(read_tokenizer(out));
  return out;
}

}  // namespace hearth::formats
