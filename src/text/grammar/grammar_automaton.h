// grammar_automaton.h - a grammar read byte by byte. Part of the portable core.
//
// A state is the set of all places in the grammar where a text may be: instructions, each with the
// stack of rules to return to. States are numbered as they are met and where a byte leads is
// remembered, so that reading costs one look into a table once a state is known. Stacks share their
// ends. Deeper nesting than kMaxDepth leads nowhere: nothing that the grammar forbids is ever
// allowed, but beyond that depth not all it allows.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/grammar.h"

namespace hearth::text {

class GrammarAutomaton {
 public:
  using State = std::uint32_t;
  static constexpr State kDead = 0;  // no text of the grammar begins like this
  static constexpr std::uint32_t kMaxDepth = 512;
  // Of one step, beside one for each instruction. A grammar whose rules may be empty in many ways
  // has more of them than there are atoms.
  static constexpr std::size_t kMaxPlaces = std::size_t{1} << 16;

  explicit GrammarAutomaton(std::shared_ptr<const Grammar> grammar);

  State start() const { return start_; }  // kDead when the grammar has no text, or gave up at once
  State step(State state, std::uint8_t byte) {
    const std::uint32_t byte_class = classes_[byte];
    const State next = rows_[state * n_classes_ + byte_class];
    return next != kUnknown ? next : compute_step(state, byte_class);
  }
  State step_tag(State state, std::uint32_t tag);
  bool accepts(State state) const;  // what was read is a whole text
  bool expects_tag(State state) const { return states_[state].expects_tag; }

  // A step had more places than kMaxPlaces allows: since then not all that the grammar allows may
  // be allowed.
  bool gave_up() const { return gave_up_; }
  // What was done so far, in places looked at: a measure of time that is the same everywhere.
  std::uint64_t work() const { return work_; }
  std::size_t n_bytes() const;  // of memory, about
  // Forgets what was learnt, except for the states that are in use; they get new numbers.
  void forget_all_but(std::span<State* const> in_use);

  const Grammar& grammar() const { return *grammar_; }

 private:
  static constexpr State kUnknown = 0xFFFFFFFF;
  static constexpr std::uint32_t kBottom = 0;    // of every stack
  static constexpr std::size_t kSeenSlots = 64;  // enough for the steps of most grammars

  struct Place {
    std::uint32_t instruction;  // bytes, tag, or end with an empty stack
    std::uint32_t stack;
    auto operator<=>(const Place&) const = default;
  };
  struct Frame {
    std::uint32_t below, return_to, depth;
  };
  struct StateEntry {
    std::uint32_t first_place, n_places;
    bool expects_tag;
  };

  void classify_bytes();
  void forget();
  State compute_step(State state, std::uint32_t byte_class);
  void reach(Place from);
  std::uint32_t push(std::uint32_t below, std::uint32_t return_to);
  State number_reached();
  std::span<const Place> places(State state) const;

  std::shared_ptr<const Grammar> grammar_;
  // Bytes that no instruction tells apart are one class.
  std::array<std::uint8_t, 256> classes_{};
  std::vector<std::uint8_t> example_;  // a byte of each class
  std::size_t n_classes_ = 0;

  State start_ = kDead;
  std::vector<StateEntry> states_;
  std::vector<Place> places_;
  std::vector<State> rows_;  // [n_states, n_classes]
  std::unordered_multimap<std::uint64_t, State> numbers_;
  std::vector<Frame> frames_;
  std::unordered_map<std::uint64_t, std::uint32_t> frame_numbers_;
  std::uint64_t work_ = 0;
  bool gave_up_ = false;

  // Of the step that is computed.
  std::vector<Place> reached_, open_;
  std::vector<std::uint64_t> seen_;  // places, as a set in a table
  std::size_t n_seen_ = 0;
  bool mark(Place place);
};

}  // namespace hearth::text
