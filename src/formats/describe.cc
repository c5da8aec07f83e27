// describe.cc - aligned columns: a left-aligned column is as wide as its widest entry.
#include "formats/describe.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::formats {

namespace {

constexpr std::size_t kShownElements = 4;
constexpr std::size_t kShownBytes = 72;

bool is_plain_word(std::string_view text) {
  return !text.empty() && text.size() <= kShownBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
}

std::string word(std::string_view text) {
  return is_plain_word(text) ? std::string(text) : quote(text, kShownBytes);
}

std::string shown(bool v, bool) { return v ? "true" : "false"; }
std::string shown(std::int64_t v, bool) { return cat(v); }
std::string shown(double v, bool) { return cat(v); }
std::string shown(const std::string& v, bool all) {
  return all ? quote(v, v.size()) : quote(v, kShownBytes);
}

template <class T>
std::string shown(const std::vector<T>& values, bool all) {
  std::string out = "[";
  const std::size_t n = all ? values.size() : std::min(values.size(), kShownElements);
  for (std::size_t i = 0; i < n; ++i) {
    out += i == 0 ? "" : ", ";
    out += shown(static_cast<T>(values[i]), all);
  }
  if (n == values.size()) return out + "]";
  return out + cat(", … ", values.size(), " in all]");
}

std::string shown_value(const MetaValue& value, bool all) {
  return std::visit([all](const auto& v) { return shown(v, all); }, value);
}

// Rows of cells; the last cell of a row is not padded.
class Table {
 public:
  void add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }
  void append_to(std::string& out, std::string_view indent) const {
    for (const auto& row : rows_) {
      out += indent;
      for (std::size_t i = 0; i < row.size(); ++i) {
        out += row[i];
        if (i + 1 < row.size()) out.append(widths_[i] - row[i].size() + 2, ' ');
      }
      out += '\n';
    }
  }

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

std::string tokenizer_line(const Checkpoint& c) {
  if (c.tokenizer) {
    return cat(c.tokenizer->tokens.size(), " tokens, ", c.tokenizer->merges.size(), " merges");
  }
  return c.tokenizer_problem.empty() ? "none" : cat("cannot be used: ", c.tokenizer_problem);
}

void append_head(std::string& out, const Checkpoint& c) {
  Table table;
  table.add({"format", c.format});
  table.add({"architecture", word(c.architecture)});
  table.add({"name", c.name.empty() ? "(none)" : quote(c.name, kShownBytes)});
  table.add({"file", cat(human_bytes(c.file_bytes), " (", c.file_bytes, " bytes)")});
  table.add({"parameters", cat(n_parameters(c))});
  table.add({"tokenizer", tokenizer_line(c)});
  table.add(
      {"chat template", c.chat_template.empty() ? "none" : cat(c.chat_template.size(), " bytes")});
  table.append_to(out, "");
}

}  // namespace

std::vector<DTypeTotal> totals_by_dtype(const Checkpoint& checkpoint) {
  std::vector<DTypeTotal> totals;
  for (const Tensor& t : checkpoint.tensors) {
    auto it = std::find_if(totals.begin(), totals.end(),
                           [&](const DTypeTotal& total) { return total.dtype == t.dtype; });
    if (it == totals.end()) it = totals.insert(it, {t.dtype});
    ++it->n_tensors;
    it->n_bytes += t.byte_size();
  }
  std::sort(totals.begin(), totals.end(), [](const DTypeTotal& a, const DTypeTotal& b) {
    return a.n_bytes != b.n_bytes ? a.n_bytes > b.n_bytes : a.dtype < b.dtype;
  });
  return totals;
}

std::uint64_t n_parameters(const Checkpoint& checkpoint) {
  std::uint64_t n = 0;
  for (const Tensor& t : checkpoint.tensors) n += static_cast<std::uint64_t>(t.shape.elements());
  return n;
}

std::string describe(const Checkpoint& checkpoint, bool all) {
  std::string out;
  append_head(out, checkpoint);

  out += cat("\nmetadata (", checkpoint.metadata.size(), ")\n");
  Table metadata;
  for (const auto& [key, value] : checkpoint.metadata) {
    metadata.add({word(key), shown_value(value, all)});
  }
  metadata.append_to(out, "  ");

  out += cat("\ntensors (", checkpoint.tensors.size(), "): name, type, shape, bytes\n");
  Table tensors;
  for (const Tensor& t : checkpoint.tensors) {
    tensors.add({word(t.name), std::string(dtype_info(t.dtype).name), t.shape.to_string(),
                 cat(t.byte_size())});
  }
  tensors.append_to(out, "  ");

  out += "\ntypes: tensors, bytes\n";
  Table types;
  for (const DTypeTotal& total : totals_by_dtype(checkpoint)) {
    types.add({std::string(dtype_info(total.dtype).name), cat(total.n_tensors),
               cat(total.n_bytes, " (", human_bytes(total.n_bytes), ")")});
  }
  types.append_to(out, "  ");
  return out;
}

}  // namespace hearth::formats
