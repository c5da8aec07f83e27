// grapheme.h - where one user-perceived character ends and the next begins. Part of the portable
// core.
#pragma once

#include <cstddef>
#include <string_view>

namespace hearth {

// The end of the extended grapheme cluster that begins at `begin` (< text.size()), by UAX 29 of
// Unicode 17.0. A byte sequence that is not valid UTF-8 is a cluster of its own. Linear in the
// cluster's length.
std::size_t grapheme_end(std::string_view text, std::size_t begin);

}  // namespace hearth
