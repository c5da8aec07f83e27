#include "text/grammar/json_grammar.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace hearth::text {

namespace {

using Expr = GrammarBuilder::Expr;

constexpr std::uint32_t kIntegerDigits = 18;  // any of so many fit in 64 bits
constexpr std::uint32_t kFractionDigits = 17;
constexpr std::uint32_t kIndentation = 64;

const CodePointSet& unescaped() {
  static const CodePointSet set = CodePointSet{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}.inverted();
  return set;
}

}  // namespace

template <class Make>
Expr JsonGrammar::once(std::optional<Rule>& slot, const char* name, const Make& make) {
  if (!slot) {
    slot = b_.declare(name);
    b_.define(*slot, make());
  }
  return b_.call(*slot);
}

Expr JsonGrammar::value() {
  return once(value_, "JSON value", [&] {
    return b_.choice({object(), array(), string(), number(), boolean(), null()});
  });
}

Expr JsonGrammar::object() {
  return once(object_, "JSON object", [&] {
    const Expr one = member(string(), value());
    const Expr more = b_.sequence({b_.text(","), space(), one});
    const Expr members = b_.sequence({one, b_.repeat(more, 0, kUnbounded), space()});
    return b_.sequence({b_.text("{"), space(), b_.optional(members), b_.text("}")});
  });
}

Expr JsonGrammar::array() {
  return once(array_, "JSON array", [&] {
    const Expr more = b_.sequence({b_.text(","), space(), value()});
    const Expr items = b_.sequence({value(), b_.repeat(more, 0, kUnbounded), space()});
    return b_.sequence({b_.text("["), space(), b_.optional(items), b_.text("]")});
  });
}

Expr JsonGrammar::string(std::uint32_t least, std::uint32_t most) {
  if (least > 0 || most != kUnbounded) return quoted(b_.repeat(any_character(), least, most));
  return once(string_, "JSON string",
              [&] { return quoted(b_.repeat(any_character(), 0, kUnbounded)); });
}

Expr JsonGrammar::integer() {
  return once(integer_, "JSON integer", [&] {
    const Expr many =
        b_.sequence({b_.bytes('1', '9'), b_.repeat(b_.bytes('0', '9'), 0, kIntegerDigits - 1)});
    return b_.choice({b_.text("0"), b_.sequence({b_.optional(b_.text("-")), many})});
  });
}

Expr JsonGrammar::number() {
  return once(number_, "JSON number", [&] {
    const Expr digit = b_.bytes('0', '9');
    const Expr whole = b_.choice(
        {b_.text("0"), b_.sequence({b_.bytes('1', '9'), b_.repeat(digit, 0, kIntegerDigits - 1)})});
    const Expr fraction = b_.sequence({b_.text("."), b_.repeat(digit, 1, kFractionDigits)});
    // At most 1e99, so that with any digits before it the number is finite.
    const Expr exponent =
        b_.sequence({b_.choice({b_.text("e"), b_.text("E")}),
                     b_.optional(b_.choice({b_.text("+"), b_.text("-")})), b_.repeat(digit, 1, 2)});
    return b_.sequence(
        {b_.optional(b_.text("-")), whole, b_.optional(fraction), b_.optional(exponent)});
  });
}

Expr JsonGrammar::boolean() { return b_.choice({b_.text("true"), b_.text("false")}); }

Expr JsonGrammar::literal(const nlohmann::ordered_json& value) {
  return b_.text(value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

Expr JsonGrammar::space() {
  return once(space_, "JSON white space", [&] {
    const Expr indented = b_.sequence(
        {b_.optional(b_.text("\r")), b_.text("\n"),
         b_.choice({b_.repeat(b_.text(" "), 0, kIndentation), b_.repeat(b_.text("\t"), 1, 16)})});
    return b_.optional(b_.choice({b_.text(" "), indented}));
  });
}

Expr JsonGrammar::member(Expr name, Expr value) {
  return b_.sequence({name, b_.text(":"), space(), value});
}

Expr JsonGrammar::any_character() {
  return once(character_, "JSON character", [&] {
    const Expr hex = b_.characters({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
    const Expr d = b_.characters({{'d', 'd'}, {'D', 'D'}});
    const Expr not_d = b_.characters({{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}});
    const Expr whole = b_.choice(
        {b_.sequence({not_d, hex, hex, hex}), b_.sequence({d, b_.bytes('0', '7'), hex, hex})});
    const Expr high = b_.characters({{'8', '9'}, {'a', 'b'}, {'A', 'B'}});
    const Expr low = b_.characters({{'c', 'f'}, {'C', 'F'}});
    const Expr pair = b_.sequence({d, high, hex, hex, b_.text("\\u"), d, low, hex, hex});
    const Expr code = b_.sequence({b_.text("u"), b_.choice({whole, pair})});
    CodePointSet plain;
    for (const char c : std::string_view("\"\\/bfnrt")) plain.add(static_cast<unsigned char>(c));
    const Expr escape = b_.sequence({b_.text("\\"), b_.choice({b_.characters(plain), code})});
    return b_.choice({b_.characters(unescaped()), escape});
  });
}

Expr JsonGrammar::character(const CodePointSet& set) {
  std::vector<Expr> ways;
  const CodePointSet plain = set.without(unescaped().inverted());
  if (!plain.empty()) ways.push_back(b_.characters(plain));
  for (char32_t c = 0; c <= '\\'; ++c) {
    if (unescaped().contains(c) || !set.contains(c)) continue;
    const std::string text(1, static_cast<char>(c));
    const std::string written = nlohmann::ordered_json(text).dump();  // quoted
    ways.push_back(b_.text(std::string_view(written).substr(1, written.size() - 2)));
  }
  return b_.choice(std::move(ways));
}

// The names as a tree of characters: a string leaves it where it differs from all of them, and may
// then go on freely; inside it, it may end where none of them does. Names are compared as they are
// written, so such a string has no escapes, with which any character can be written in two ways.
Expr JsonGrammar::name_but(const std::vector<std::string>& names) {
  struct Node {
    std::map<char32_t, std::size_t> next;
    bool ends = false;
  };
  std::vector<Node> nodes(1);
  for (const std::string& name : names) {
    std::size_t at = 0;
    std::string_view rest = name;
    while (!rest.empty()) {
      const Utf8Char c = decode_utf8(rest);
      rest.remove_prefix(c.size);
      const auto [entry, is_new] = nodes[at].next.try_emplace(c.code, nodes.size());
      const std::size_t child = entry->second;
      if (is_new) nodes.emplace_back();
      at = child;
    }
    nodes[at].ends = true;
  }
  const Expr rest = b_.repeat(b_.characters(unescaped()), 0, kUnbounded);
  std::vector<std::optional<Expr>> built(nodes.size());
  for (std::size_t i = nodes.size(); i-- > 0;) {
    CodePointSet leaves = unescaped();
    std::vector<Expr> ways;
    if (!nodes[i].ends) ways.push_back(b_.empty());
    for (const auto& [code, child] : nodes[i].next) {
      leaves = leaves.without({{code, code}});
      if (unescaped().contains(code)) {
        ways.push_back(b_.sequence({b_.characters({{code, code}}), *built[child]}));
      }
    }
    ways.push_back(b_.sequence({b_.characters(leaves), rest}));
    built[i] = b_.choice(std::move(ways));
  }
  return quoted(*built[0]);
}

}  // namespace hearth::text
