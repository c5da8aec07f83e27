// route.h - which experts of a mixture compute a token, and with what share.
//
//     experts  the n_used largest logits, largest first; of equals the lower index
//     shares   softmax over those logits alone
//
// A backend's kernels and threads have no part in it: rows are few and short, and one plain version
// gives the same bytes everywhere. Logits that are not numbers still give n_used different experts.
#pragma once

#include <cstdint>
#include <span>

namespace hearth::kernels {

// experts and shares: n_used each; 1 <= n_used <= logits.size().
void route_row(std::span<const float> logits, std::span<std::int32_t> experts,
               std::span<float> shares);

}  // namespace hearth::kernels
