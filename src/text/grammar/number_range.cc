// number_range.cc - see number_range.h.
//
// Digits are compared from the left. While a text equals the beginning of a bound it is "tight" to
// it: its next digit may not pass the bound's. Once a digit differs the bound is met for good.
#include "text/grammar/number_range.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"

namespace hearth::text {

namespace {

using Expr = GrammarBuilder::Expr;

constexpr std::size_t kMaxDigits = 40;
constexpr std::size_t kWholeDigits = 18;
constexpr std::size_t kFractionDigits = 17;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Of what is not negative.
int compare(const Decimal& a, const Decimal& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  const int whole = a.whole.compare(b.whole);
  return whole != 0 ? whole : a.fraction.compare(b.fraction);
}

bool is_zero(const Decimal& d) { return d.whole == "0" && d.fraction.empty(); }

std::string plus_one(std::string digits) {
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return cat('1', digits);
}

std::string minus_one(std::string digits) {  // of a positive number
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '0') {
      --digits[i];
      break;
    }
    digits[i] = '9';
  }
  if (digits.size() > 1 && digits[0] == '0') digits.erase(0, 1);
  return digits;
}

bool less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

class Ranges {
 public:
  explicit Ranges(GrammarBuilder& b) : b_(b) {}

  // Texts of as many digits as both bounds have, low <= text <= high.
  Expr of_length(std::string_view low, std::string_view high) {
    if (low.empty()) return b_.empty();
    const auto all = [](std::string_view text, char c) {
      return text.find_first_not_of(c) == text.npos;
    };
    if (all(low, '0') && all(high, '9')) {
      const auto n = static_cast<std::uint32_t>(low.size());
      return b_.repeat(digit('0', '9'), n, n);
    }
    if (low[0] == high[0]) {
      return b_.sequence({digit(low[0], low[0]), of_length(low.substr(1), high.substr(1))});
    }
    const std::string nines(low.size() - 1, '9'), zeros(low.size() - 1, '0');
    std::vector<Expr> ways = {
        b_.sequence({digit(low[0], low[0]), of_length(low.substr(1), nines)}),
        b_.sequence({digit(high[0], high[0]), of_length(zeros, high.substr(1))})};
    if (low[0] + 1 < high[0]) {
      const auto n = static_cast<std::uint32_t>(low.size() - 1);
      const Expr any = b_.repeat(digit('0', '9'), n, n);
      ways.push_back(
          b_.sequence({digit(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)), any}));
    }
    return b_.choice(std::move(ways));
  }

  // Whole numbers, low <= n <= high.
  Expr whole(const std::string& low, const std::string& high) {
    std::vector<Expr> ways;
    for (std::size_t n = low.size(); n <= high.size(); ++n) {
      const std::string least = n == low.size() ? low : cat('1', std::string(n - 1, '0'));
      const std::string most = n == high.size() ? high : std::string(n, '9');
      ways.push_back(of_length(least, most));
    }
    return b_.choice(std::move(ways));
  }

  Expr any_fraction() {
    const auto most = static_cast<std::uint32_t>(kFractionDigits);
    return b_.optional(b_.sequence({b_.text("."), b_.repeat(digit('0', '9'), 1, most)}));
  }

  struct Edge {
    std::string digits;  // of the bound's fraction
    bool excluded = false;
  };

  // ".digits" or nothing, such that the fraction is within the edges; no edge: any is. nullopt:
  // there is none.
  std::optional<Expr> fraction(const std::optional<Edge>& low, const std::optional<Edge>& high) {
    low_ = low;
    high_ = high;
    std::vector<Expr> ways;
    if (may_end(0, low.has_value(), high.has_value())) ways.push_back(b_.empty());
    if (const auto digits = digits_from(0, low.has_value(), high.has_value())) {
      ways.push_back(b_.sequence({b_.text("."), *digits}));
    }
    if (ways.empty()) return std::nullopt;
    return b_.choice(std::move(ways));
  }

 private:
  Expr digit(char low, char high) {
    return b_.bytes(static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(high));
  }

  static char at(const Edge& edge, std::size_t i) {
    return i < edge.digits.size() ? edge.digits[i] : '0';
  }
  static bool is_over(const Edge& edge, std::size_t i) { return i >= edge.digits.size(); }

  // Whether a text that ends before digit i is within the bounds it is tight to.
  bool may_end(std::size_t i, bool tight_low, bool tight_high) const {
    if (tight_low && (!is_over(*low_, i) || low_->excluded)) return false;
    return !tight_high || !is_over(*high_, i) || !high_->excluded;
  }

  std::optional<Expr> digits_from(std::size_t i, bool tight_low, bool tight_high) {
    if (i >= kFractionDigits) return std::nullopt;
    if (!tight_low && !tight_high) {
      const auto n = static_cast<std::uint32_t>(kFractionDigits - i);
      return b_.repeat(digit('0', '9'), 1, n);
    }
    const char least = tight_low ? at(*low_, i) : '0';
    const char most = tight_high ? at(*high_, i) : '9';
    std::vector<Expr> ways;
    char from = least;
    while (from <= most) {
      // Digits strictly between the bounds behave alike.
      char to = from;
      const bool on_edge = (tight_low && from == least) || (tight_high && from == most);
      if (!on_edge) to = tight_high ? static_cast<char>(most - 1) : most;
      const bool low_after = tight_low && from == least, high_after = tight_high && from == most;
      if (const auto rest = after(i + 1, low_after, high_after)) {
        ways.push_back(b_.sequence({digit(from, to), *rest}));
      }
      from = static_cast<char>(to + 1);
    }
    if (ways.empty()) return std::nullopt;
    return b_.choice(std::move(ways));
  }

  std::optional<Expr> after(std::size_t i, bool tight_low, bool tight_high) {
    const bool ends = may_end(i, tight_low, tight_high);
    const auto digits = digits_from(i, tight_low, tight_high);
    if (!digits) return ends ? std::optional(b_.empty()) : std::nullopt;
    return ends ? b_.optional(*digits) : *digits;
  }

  GrammarBuilder& b_;
  std::optional<Edge> low_, high_;
};

std::string largest_whole() { return std::string(kWholeDigits, '9'); }

// Bounds that are not negative.
struct Magnitudes {
  Bound low;
  std::optional<Bound> high;
};

bool cross(const Magnitudes& m) {
  if (!m.high) return false;
  const int order = compare(m.low.value, m.high->value);
  return order > 0 || (order == 0 && (m.low.excluded || m.high->excluded));
}

// Of the numbers from 0 up; nullopt: there are none.
std::optional<Magnitudes> from_zero(const std::optional<Bound>& low,
                                    const std::optional<Bound>& high) {
  if (high && high->value.negative) return std::nullopt;
  const Magnitudes out{low && !low->value.negative ? *low : Bound{}, high};
  return cross(out) ? std::nullopt : std::optional(out);
}

std::optional<Bound> mirrored(std::optional<Bound> bound) {
  if (bound && !is_zero(bound->value)) bound->value.negative = !bound->value.negative;
  return bound;
}

// Of the numbers below 0.
std::optional<Magnitudes> below_zero(const std::optional<Bound>& low,
                                     const std::optional<Bound>& high) {
  auto out = from_zero(mirrored(high), mirrored(low));
  if (out && is_zero(out->low.value)) out->low.excluded = true;
  return out && cross(*out) ? std::nullopt : out;
}

std::optional<Expr> integers(GrammarBuilder& b, const Magnitudes& m) {
  std::string low = m.low.value.whole;
  if (!m.low.value.fraction.empty() || m.low.excluded) low = plus_one(low);
  std::string high = largest_whole();
  if (m.high) {
    high = m.high->value.whole;
    if (m.high->excluded && m.high->value.fraction.empty()) {
      if (high == "0") return std::nullopt;
      high = minus_one(high);
    }
  }
  if (less(high, low)) return std::nullopt;
  return Ranges(b).whole(low, high);
}

std::optional<Expr> numbers(GrammarBuilder& b, const Magnitudes& m) {
  Ranges ranges(b);
  using Edge = Ranges::Edge;
  const std::string& low = m.low.value.whole;
  const Edge low_edge{m.low.value.fraction, m.low.excluded};
  std::vector<Expr> ways;
  const auto add = [&](const std::string& whole, const std::optional<Edge>& from,
                       const std::optional<Edge>& to) {
    const auto fraction = ranges.fraction(from, to);
    if (fraction) ways.push_back(b.sequence({b.text(whole), *fraction}));
  };
  const std::string high = m.high ? m.high->value.whole : largest_whole();
  const std::optional<Edge> high_edge =
      m.high ? std::optional(Edge{m.high->value.fraction, m.high->excluded}) : std::nullopt;
  if (less(high, low)) return std::nullopt;
  if (low == high) {
    add(low, low_edge, high_edge);
  } else {
    add(low, low_edge, std::nullopt);
    if (less(plus_one(low), high)) {
      ways.push_back(
          b.sequence({ranges.whole(plus_one(low), minus_one(high)), ranges.any_fraction()}));
    }
    add(high, std::nullopt, high_edge);
  }
  if (ways.empty()) return std::nullopt;
  return b.choice(std::move(ways));
}

template <class OfSign>
std::optional<Expr> both_signs(GrammarBuilder& b, const std::optional<Bound>& low,
                               const std::optional<Bound>& high, const OfSign& of_sign) {
  std::vector<Expr> ways;
  if (const auto m = from_zero(low, high)) {
    if (const auto expr = of_sign(b, *m)) ways.push_back(*expr);
  }
  if (const auto m = below_zero(low, high)) {
    if (const auto expr = of_sign(b, *m)) ways.push_back(b.sequence({b.text("-"), *expr}));
  }
  if (ways.empty()) return std::nullopt;
  return b.choice(std::move(ways));
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal out;
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  std::string digits;
  std::int64_t point = -1;
  std::size_t i = 0;
  for (; i < text.size() && (is_digit(text[i]) || text[i] == '.'); ++i) {
    if (text[i] == '.') {
      point = static_cast<std::int64_t>(digits.size());
    } else {
      digits += text[i];
    }
  }
  if (point < 0) point = static_cast<std::int64_t>(digits.size());
  if (i < text.size()) {
    std::string_view exponent = text.substr(i + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    const auto value = parse_int(exponent);
    if (!value || *value > 1000 || *value < -1000) return std::nullopt;
    point += *value;
  }
  if (point < 0) digits.insert(0, static_cast<std::size_t>(-point), '0');
  point = std::max<std::int64_t>(point, 0);
  if (static_cast<std::size_t>(point) > digits.size()) {
    digits.append(static_cast<std::size_t>(point) - digits.size(), '0');
  }
  out.whole = digits.substr(0, static_cast<std::size_t>(point));
  out.fraction = digits.substr(static_cast<std::size_t>(point));
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size()));
  if (out.whole.empty()) out.whole.push_back('0');
  out.fraction.erase(out.fraction.find_last_not_of('0') + 1);
  if (is_zero(out)) out.negative = false;
  if (out.whole.size() + out.fraction.size() > kMaxDigits) return std::nullopt;
  return out;
}

std::optional<Expr> integers_between(GrammarBuilder& b, const std::optional<Bound>& low,
                                     const std::optional<Bound>& high) {
  return both_signs(b, low, high, integers);
}

std::optional<Expr> numbers_between(GrammarBuilder& b, const std::optional<Bound>& low,
                                    const std::optional<Bound>& high) {
  return both_signs(b, low, high, numbers);
}

}  // namespace hearth::text
