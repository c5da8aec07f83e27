// number_range.h - numbers between bounds, as grammars. Part of the portable core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/grammar/grammar_builder.h"

namespace hearth::text {

// A number written out: (-1)^negative * whole.fraction.
struct Decimal {
  bool negative = false;
  std::string whole = "0";  // without leading zeros, at least one digit
  std::string fraction;     // without trailing zeros
  bool operator==(const Decimal&) const = default;
};

// From a JSON number ("1e-3"). nullopt: it has more than 40 digits when written out.
std::optional<Decimal> parse_decimal(std::string_view json_number);

struct Bound {
  Decimal value;
  bool excluded = false;
};

// The integers between the bounds, which are included where they are integers and not excluded.
// Without a bound: up to 18 digits. nullopt: there are none.
std::optional<GrammarBuilder::Expr> integers_between(GrammarBuilder& b,
                                                     const std::optional<Bound>& low,
                                                     const std::optional<Bound>& high);

// The same for numbers with at most 17 digits behind the point, without exponents. nullopt: there
// are none.
std::optional<GrammarBuilder::Expr> numbers_between(GrammarBuilder& b,
                                                    const std::optional<Bound>& low,
                                                    const std::optional<Bound>& high);

}  // namespace hearth::text
