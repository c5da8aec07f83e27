#include "formats/gguf/gguf_writer.h"

#include <cstring>
#include <limits>

#include "base/str.h"

namespace hearth::formats {

namespace {

// The numbers of GGUF's value types.
enum ValueType : std::uint32_t {
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kI64 = 11,
};

template <class T>
bool fits(std::int64_t v) {
  return v >= std::numeric_limits<T>::min() &&
         v <= static_cast<std::int64_t>(std::numeric_limits<T>::max());
}

class Writer {
 public:
  template <class T>
  void number(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof value);
    std::memcpy(out_.data() + at, &value, sizeof value);
  }
  void raw(std::string_view bytes) { out_ += bytes; }
  void text(std::string_view value) {
    number(std::uint64_t{value.size()});
    out_ += value;
  }

  void value(bool v) {
    number(std::uint32_t{kBool});
    number(std::uint8_t{v});
  }
  void value(std::int64_t v) {
    if (fits<std::uint32_t>(v)) {
      number(std::uint32_t{kU32});
      number(static_cast<std::uint32_t>(v));
    } else if (fits<std::int32_t>(v)) {
      number(std::uint32_t{kI32});
      number(static_cast<std::int32_t>(v));
    } else {
      number(std::uint32_t{kI64});
      number(v);
    }
  }
  void value(double v) {
    number(std::uint32_t{kF32});
    number(static_cast<float>(v));
  }
  void value(const std::string& v) {
    number(std::uint32_t{kString});
    text(v);
  }
  void value(const std::vector<bool>& list) {
    array(kBool, list.size());
    for (const bool v : list) number(std::uint8_t{v});
  }
  void value(const std::vector<std::int64_t>& list) {
    bool narrow = true;
    for (const std::int64_t v : list) narrow = narrow && fits<std::int32_t>(v);
    array(narrow ? kI32 : kI64, list.size());
    for (const std::int64_t v : list) {
      if (narrow) {
        number(static_cast<std::int32_t>(v));
      } else {
        number(v);
      }
    }
  }
  void value(const std::vector<double>& list) {
    array(kF32, list.size());
    for (const double v : list) number(static_cast<float>(v));
  }
  void value(const std::vector<std::string>& list) {
    array(kString, list.size());
    for (const std::string& v : list) text(v);
  }

  void pad() {
    out_.resize((out_.size() + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment, '\0');
  }
  std::size_t size() const { return out_.size(); }
  std::string take() { return std::move(out_); }

 private:
  void array(ValueType type, std::size_t n) {
    number(std::uint32_t{kArray});
    number(std::uint32_t{type});
    number(std::uint64_t{n});
  }
  std::string out_;
};

std::uint64_t aligned(std::uint64_t n) {
  return (n + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment;
}

Result<void> write_record(const GgufTensor& t, Writer& out) {
  const DTypeInfo& type = dtype_info(t.dtype);
  if (!type.ggml_id) {
    return Error{ErrorKind::unsupported, cat("tensor ", quote(t.name), " is ", type.name,
                                             ", which GGUF has no number for")};
  }
  if (t.name.empty() || t.name.size() > 64) {
    return Error{ErrorKind::unsupported, cat("tensor ", quote(t.name), " has a name of ",
                                             t.name.size(), " bytes; GGUF holds 1 to 64")};
  }
  out.text(t.name);
  out.number(static_cast<std::uint32_t>(t.shape.rank));
  for (std::size_t i = t.shape.rank; i-- > 0;) {
    out.number(static_cast<std::uint64_t>(t.shape.dims[i]));  // the innermost first
  }
  out.number(*type.ggml_id);
  out.number(t.offset);
  return {};
}

}  // namespace

Result<std::string> write_gguf_head(const std::map<std::string, MetaValue, std::less<>>& metadata,
                                    std::vector<GgufTensor>& tensors, std::uint64_t* file_bytes) {
  Writer out;
  out.raw("GGUF");
  out.number(std::uint32_t{3});
  out.number(std::uint64_t{tensors.size()});
  out.number(std::uint64_t{metadata.size()});
  for (const auto& [key, value] : metadata) {
    out.text(key);
    std::visit([&out](const auto& v) { out.value(v); }, value);
  }
  std::uint64_t end = 0;
  for (GgufTensor& t : tensors) {
    t.offset = aligned(end);
    HEARTH_TRY_VOID(write_record(t, out));
    end =
        t.offset + static_cast<std::uint64_t>(t.shape.rows()) * row_bytes(t.dtype, t.shape.cols());
  }
  out.pad();
  for (GgufTensor& t : tensors) t.offset += out.size();  // counted from the data until here
  if (file_bytes != nullptr) *file_bytes = aligned(out.size() + end);
  return out.take();
}

}  // namespace hearth::formats
