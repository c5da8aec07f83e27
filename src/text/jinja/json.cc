// json.cc - values to JSON text exactly as Python's json.dumps writes it, and the sort that it
// shares with the filters.
//
// Brackets, quotes and commas are the template's own bytes (trusted); what stands for a byte of a
// string, an escape included, keeps that byte's mark.
#include <algorithm>
#include <cmath>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtin.h"

namespace hearth::jinja {

namespace {

std::string unicode_escape(char32_t unit) {
  constexpr char kHex[] = "0123456789abcdef";
  return {
      '\\',           'u', kHex[(unit >> 12) & 15], kHex[(unit >> 8) & 15], kHex[(unit >> 4) & 15],
      kHex[unit & 15]};
}

std::string json_char(std::string_view bytes, char32_t code, bool ensure_ascii) {
  constexpr std::string_view kNamed = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
  if (code < 0x80) {
    const std::size_t i = kNamed.find(static_cast<char>(code));
    if (i != std::string_view::npos) return {'\\', kLetters[i]};
  }
  if (code < 0x20) return unicode_escape(code);
  if (!ensure_ascii || code < 0x80) return std::string(bytes);
  if (code < 0x10000) return unicode_escape(code);
  const char32_t offset = code - 0x10000;
  return unicode_escape(0xd800 + (offset >> 10)) + unicode_escape(0xdc00 + (offset & 0x3ff));
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}
  MarkedText take() { return std::move(out_); }

  Result<void> write(const Value& v) {
    if (!runtime_.heap().charge(1)) return runtime_.heap().exhausted_error();
    HEARTH_TRY_VOID(runtime_.heap().check_text(out_.size()));
    switch (v.kind()) {
      case Kind::string:
        string(v.text());
        return {};
      case Kind::list:
        if (v.list().shape > Shape::group) break;
        return array(v.items());
      case Kind::dict:
        return object(v.dict().entries);
      default:
        break;
    }
    return number_or_none(v);
  }

 private:
  HEARTH_JINJA_NOINLINE Result<void> number_or_none(const Value& v) {
    const std::string text = scalar(v);
    if (text.empty()) {
      return Runtime::type_error(
          cat("Object of type ", Runtime::type_name(v), " is not JSON serializable"));
    }
    out_.append(text, v.trusted());
    return {};
  }

  // Empty when v is none.
  static std::string scalar(const Value& v) {
    if (v.is_none()) return "null";
    if (v.is(Kind::boolean)) return v.as_int() != 0 ? "true" : "false";
    if (v.is(Kind::integer)) return int_text(v.as_int());
    if (!v.is_float()) return "";
    const double d = v.as_double();
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
    return float_repr(d);
  }

  HEARTH_JINJA_NOINLINE void string(const MarkedText& text) {
    out_.append('"', true);
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char c = decode_utf8(text.view().substr(at));
      out_.append(json_char(text.view().substr(at, c.size), c.code, style_.ensure_ascii),
                  text.trusted_at(at));
      at += c.size;
    }
    out_.append('"', true);
    runtime_.heap().charge_bytes(text.size());
  }

  HEARTH_JINJA_NOINLINE void new_line() {
    if (!style_.indent) return;
    out_.append("\n", true);
    for (int i = 0; i < depth_; ++i) out_.append(*style_.indent);
  }

  HEARTH_JINJA_NOINLINE Result<void> array(const std::vector<Value>& items) {
    out_.append('[', true);
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) out_.append(style_.item_separator);
      new_line();
      HEARTH_TRY_VOID(write(items[i]));
    }
    --depth_;
    if (!items.empty()) new_line();
    out_.append(']', true);
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> key(const Value& v) {
    if (v.is_string()) {
      string(v.text());
      return {};
    }
    const std::string text = scalar(v);
    if (text.empty()) {
      return Runtime::type_error(
          cat("keys must be str, int, float, bool or None, not ", Runtime::type_name(v)));
    }
    out_.append('"', true);
    out_.append(text, v.trusted());
    out_.append('"', true);
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> object(const std::vector<DictObject::Entry>& entries) {
    std::vector<std::size_t> order(entries.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (style_.sort_keys) HEARTH_TRY_VOID(sort_keys(entries, &order));
    out_.append('{', true);
    ++depth_;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i != 0) out_.append(style_.item_separator);
      new_line();
      HEARTH_TRY_VOID(key(entries[order[i]].first));
      out_.append(style_.key_separator);
      HEARTH_TRY_VOID(write(entries[order[i]].second));
    }
    --depth_;
    if (!entries.empty()) new_line();
    out_.append('}', true);
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> sort_keys(const std::vector<DictObject::Entry>& entries,
                                               std::vector<std::size_t>* order) {
    std::vector<Value> keys, indices;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      keys.push_back(entries[i].first);
      indices.push_back(Value::integer(static_cast<Int>(i)));
    }
    HEARTH_TRY(const std::vector<Value> sorted, sort_by(runtime_, indices, keys, false));
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      (*order)[i] = static_cast<std::size_t>(sorted[i].as_int());
    }
    return {};
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  MarkedText out_;
  int depth_ = 0;
};

}  // namespace

Result<MarkedText> to_json(Runtime& runtime, const Value& v, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  HEARTH_TRY_VOID(writer.write(v));
  MarkedText out = writer.take();
  HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  return out;
}

// Merges from the bottom up. Not std::stable_sort: the comparison can fail, and with a NaN it is no
// order at all.
Result<std::vector<Value>> sort_by(Runtime& runtime, const std::vector<Value>& values,
                                   const std::vector<Value>& keys, bool reverse) {
  std::vector<std::size_t> order(values.size()), merged(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const std::size_t n = order.size();
  for (std::size_t width = 1; width < n; width *= 2) {
    for (std::size_t low = 0; low < n; low += 2 * width) {
      const std::size_t middle = std::min(low + width, n), high = std::min(low + 2 * width, n);
      std::size_t a = low, b = middle;
      for (std::size_t out = low; out < high; ++out) {
        bool take_second = a == middle;
        if (a < middle && b < high) {
          const Value &left = keys[order[a]], &right = keys[order[b]];
          HEARTH_TRY(take_second, reverse ? runtime.less(left, right) : runtime.less(right, left));
          if (runtime.heap().exhausted()) return runtime.heap().exhausted_error();
        }
        merged[out] = order[take_second ? b++ : a++];
      }
    }
    order.swap(merged);
  }
  std::vector<Value> sorted;
  sorted.reserve(n);
  for (const std::size_t i : order) sorted.push_back(values[i]);
  return sorted;
}

}  // namespace hearth::jinja
