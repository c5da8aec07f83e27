// batch.h - what one step of the engine computes: rows of tokens from several sequences.
#pragma once

#include <cstdint>
#include <span>

namespace hearth::kernels {

// Positions of one sequence live in pages of this many; a page is also the unit of prefix reuse.
// 16 is the width of the vector layer: a page's keys stand transposed, one position a lane.
inline constexpr std::int32_t kPage = 16;

// What becomes of an encoder's rows of a sequence (pool.h).
enum class Pooling : std::uint8_t { none, mean, first, last };

// One sequence's share of a batch: rows [first_row, first_row + n_rows) are its consecutive tokens
// at positions first_position, first_position + 1, … Its keys and values of position p stand in
// page pages[p / kPage]; the table covers every position up to the last of these rows.
struct SequenceRows {
  std::int32_t first_row = 0;
  std::int32_t n_rows = 0;
  std::int32_t first_position = 0;
  const std::int32_t* pages = nullptr;
  // The most positions the sequence may come to have. Fixed for its life: LongRoPE chooses its
  // factors by it, and keys of one choice are of no use to the other.
  std::int64_t planned_length = 0;
  // Encoders.
  Pooling pooling = Pooling::none;
  bool normalize = false;  // to unit length
};

struct Batch {
  std::span<const std::int32_t> tokens;       // [n_rows] ids inside the vocabulary
  std::span<const std::int32_t> positions;    // [n_rows]
  std::span<const SequenceRows> sequences;    // cover every row once, in order
  std::span<const std::int32_t> output_rows;  // rows whose logits are wanted, increasing
  std::span<const std::int32_t> types = {};   // [n_rows] token types (encoders); empty: all 0
  std::int32_t n_rows() const { return static_cast<std::int32_t>(tokens.size()); }
};

}  // namespace hearth::kernels
