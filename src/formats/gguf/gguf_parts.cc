#include "formats/gguf/gguf_parts.h"

#include <utility>

#include "base/str.h"
#include "formats/gguf/gguf_metadata.h"

namespace hearth::formats {

namespace {

constexpr std::int64_t kMaxParts = 9999;
constexpr std::size_t kDigits = 5;
constexpr std::string_view kKind = ".gguf";
constexpr std::string_view kForm = "-ddddd-of-ddddd.gguf";

Error corrupt(std::string message) { return {ErrorKind::corrupt, std::move(message)}; }

std::string five_digits(std::int64_t n) {
  const std::string digits = cat(n);
  return std::string(kDigits - digits.size(), '0') + digits;
}

std::string suffix(std::int64_t part, std::int64_t n) {
  return cat("-", five_digits(part), "-of-", five_digits(n), kKind);
}

std::optional<std::int64_t> read_five_digits(std::string_view text) {
  if (text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  return parse_int(text);
}

}  // namespace

std::optional<GgufPart> gguf_part_of_name(std::string_view name) {
  if (name.size() <= kForm.size()) return std::nullopt;
  const std::string_view end = name.substr(name.size() - kForm.size());
  const auto number = read_five_digits(end.substr(1, kDigits));
  const auto n = read_five_digits(end.substr(10, kDigits));
  const bool good =
      number && n && end == suffix(*number, *n) && *number >= 1 && *number <= *n && *n <= kMaxParts;
  return good ? std::optional(GgufPart{*number, *n}) : std::nullopt;
}

Result<std::int64_t> n_gguf_parts(const Checkpoint& part) {
  HEARTH_TRY(const auto* n, find_typed<std::int64_t>(part.metadata, "split.count"));
  HEARTH_TRY(const auto* no, find_typed<std::int64_t>(part.metadata, "split.no"));
  if (n == nullptr && no != nullptr && *no > 0) {
    return corrupt(cat("split.no is ", *no, " without split.count"));
  }
  if (n == nullptr || *n == 0) return std::int64_t{1};
  if (*n >= 1 && *n <= kMaxParts) return *n;
  return corrupt(cat("split.count is ", *n, ", expected 1 to ", kMaxParts));
}

Result<std::vector<std::string>> gguf_part_names(std::string_view name, std::int64_t n) {
  const auto part = gguf_part_of_name(name);
  if (!part || part->n != n) {
    return Error{ErrorKind::invalid,
                 cat("split.count is ", n, ": this file is one part of a model in ", n,
                     " files, expected the name to end as \"", suffix(1, n),
                     "\" does, so that the others can be found; give the parts back their names")};
  }
  const std::string_view stem = name.substr(0, name.size() - kForm.size());
  std::vector<std::string> names;
  for (std::int64_t i = 1; i <= n; ++i) names.push_back(cat(stem, suffix(i, n)));
  return names;
}

Result<Checkpoint> join_gguf_parts(std::vector<Checkpoint> parts) {
  Checkpoint& all = parts.front();
  const auto n = static_cast<std::int64_t>(parts.size());
  for (std::int64_t i = 0; i < n; ++i) {
    Checkpoint& part = parts[static_cast<std::size_t>(i)];
    HEARTH_TRY(const std::int64_t count, n_gguf_parts(part));
    HEARTH_TRY(const auto* no, find_typed<std::int64_t>(part.metadata, "split.no"));
    if (count != n || no == nullptr || *no != i) {
      return corrupt(cat("part ", i + 1, " says that it is number ", no == nullptr ? -1 : *no,
                         " (from 0) of ", count, ", expected number ", i, " of ", n));
    }
    if (i == 0) continue;
    for (Tensor& t : part.tensors) all.tensors.push_back(std::move(t));
    all.file_bytes += part.file_bytes;
  }
  HEARTH_TRY(const auto* total, find_typed<std::int64_t>(all.metadata, "split.tensors.count"));
  if (total != nullptr && *total != static_cast<std::int64_t>(all.tensors.size())) {
    return corrupt(cat("split.tensors.count is ", *total, ", but the parts have ",
                       all.tensors.size(), " tensors"));
  }
  HEARTH_TRY_VOID(all.index());
  return std::move(all);
}

}  // namespace hearth::formats
