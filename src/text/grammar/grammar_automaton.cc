#include "text/grammar/grammar_automaton.h"

#include <algorithm>
#include <bitset>
#include <utility>

namespace hearth::text {

using Op = GrammarInstruction::Op;
using State = GrammarAutomaton::State;

namespace {

std::uint64_t pair_key(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} << 32 | b; }

std::uint64_t mix(std::uint64_t h) {
  h ^= h >> 32;
  h *= 0x9E3779B97F4A7C15;
  return h ^ h >> 29;
}

}  // namespace

GrammarAutomaton::GrammarAutomaton(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)), seen_(kSeenSlots) {
  classify_bytes();
  forget();
}

void GrammarAutomaton::classify_bytes() {
  std::bitset<257> begins;  // a range does, or one ended before
  begins[0] = true;
  for (const GrammarInstruction& instruction : grammar_->program) {
    if (instruction.op != Op::bytes) continue;
    begins[instruction.low] = true;
    begins[instruction.high + std::size_t{1}] = true;
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (begins[byte]) example_.push_back(static_cast<std::uint8_t>(byte));
    classes_[byte] = static_cast<std::uint8_t>(example_.size() - 1);
  }
  n_classes_ = example_.size();
}

// Leaves the states kDead and start_.
void GrammarAutomaton::forget() {
  states_.clear();
  places_.clear();
  rows_.assign(n_classes_, kDead);
  numbers_.clear();
  frames_.assign(1, {kBottom, 0, 0});
  frame_numbers_.clear();
  states_.push_back({0, 0, false});
  reached_.clear();
  reach({grammar_->start, kBottom});
  start_ = number_reached();
}

std::span<const GrammarAutomaton::Place> GrammarAutomaton::places(State state) const {
  const StateEntry& entry = states_[state];
  return std::span(places_).subspan(entry.first_place, entry.n_places);
}

bool GrammarAutomaton::accepts(State state) const {
  // Places are sorted, and the instruction of `end` is the first.
  const auto all = places(state);
  return !all.empty() && all.front().instruction == 0;
}

State GrammarAutomaton::compute_step(State state, std::uint32_t byte_class) {
  const std::uint8_t byte = example_[byte_class];
  reached_.clear();
  for (std::uint32_t i = 0; i < states_[state].n_places; ++i) {
    const Place place = places_[states_[state].first_place + i];
    const GrammarInstruction& instruction = grammar_->program[place.instruction];
    ++work_;
    if (instruction.op == Op::bytes && instruction.low <= byte && byte <= instruction.high) {
      reach({instruction.next, place.stack});
    }
  }
  const State next = number_reached();
  rows_[state * n_classes_ + byte_class] = next;
  return next;
}

State GrammarAutomaton::step_tag(State state, std::uint32_t tag) {
  if (!expects_tag(state)) return kDead;
  reached_.clear();
  for (std::uint32_t i = 0; i < states_[state].n_places; ++i) {
    const Place place = places_[states_[state].first_place + i];
    const GrammarInstruction& instruction = grammar_->program[place.instruction];
    if (instruction.op == Op::tag && instruction.other == tag) {
      reach({instruction.next, place.stack});
    }
  }
  return number_reached();
}

// Adds to reached_ every place where a byte is wanted that can be come to without one.
void GrammarAutomaton::reach(Place from) {
  open_.push_back(from);
  while (!open_.empty()) {
    const Place place = open_.back();
    open_.pop_back();
    if (!mark(place)) continue;
    ++work_;
    if (n_seen_ > grammar_->program.size() + kMaxPlaces) {
      gave_up_ = true;
      open_.clear();
      return;
    }
    const GrammarInstruction& instruction = grammar_->program[place.instruction];
    switch (instruction.op) {
      case Op::fail:
        break;
      case Op::bytes:
      case Op::tag:
        reached_.push_back(place);
        break;
      case Op::split:
        open_.push_back({instruction.next, place.stack});
        open_.push_back({instruction.other, place.stack});
        break;
      case Op::call:
        // What a rule calls at its very end returns to where the rule itself does, so that
        // recursion at the end of a rule does not grow the stack.
        if (instruction.next == 0) {
          open_.push_back({instruction.other, place.stack});
        } else if (frames_[place.stack].depth < kMaxDepth) {
          open_.push_back({instruction.other, push(place.stack, instruction.next)});
        }
        break;
      case Op::end:
        if (place.stack == kBottom) {
          reached_.push_back(place);
        } else {
          open_.push_back({frames_[place.stack].return_to, frames_[place.stack].below});
        }
        break;
    }
  }
}

// False if the step met the place before.
bool GrammarAutomaton::mark(Place place) {
  if (2 * n_seen_ >= seen_.size()) {
    std::vector<std::uint64_t> old(2 * seen_.size());
    old.swap(seen_);
    n_seen_ = 0;
    for (const std::uint64_t key : old) {
      if (key != 0)
        mark({static_cast<std::uint32_t>((key - 1) >> 32), static_cast<std::uint32_t>(key - 1)});
    }
  }
  const std::uint64_t key = pair_key(place.instruction, place.stack) + 1;
  std::size_t slot = mix(key) & (seen_.size() - 1);
  while (seen_[slot] != 0) {
    if (seen_[slot] == key) return false;
    slot = (slot + 1) & (seen_.size() - 1);
  }
  seen_[slot] = key;
  ++n_seen_;
  return true;
}

std::uint32_t GrammarAutomaton::push(std::uint32_t below, std::uint32_t return_to) {
  const auto [entry, is_new] = frame_numbers_.try_emplace(
      pair_key(below, return_to), static_cast<std::uint32_t>(frames_.size()));
  if (is_new) frames_.push_back({below, return_to, frames_[below].depth + 1});
  return entry->second;
}

// The state of the places in reached_.
State GrammarAutomaton::number_reached() {
  if (seen_.size() > kSeenSlots) {
    seen_ = std::vector<std::uint64_t>(kSeenSlots);
  } else {
    std::fill(seen_.begin(), seen_.end(), 0);
  }
  n_seen_ = 0;
  if (reached_.empty()) return kDead;
  std::sort(reached_.begin(), reached_.end());
  std::uint64_t hash = reached_.size();
  for (const Place& place : reached_) {
    hash = mix(hash ^ pair_key(place.instruction, place.stack));
  }
  const auto [begin, end] = numbers_.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry) {
    if (std::ranges::equal(places(entry->second), reached_)) return entry->second;
  }
  const auto state = static_cast<State>(states_.size());
  const bool expects_tag = std::any_of(reached_.begin(), reached_.end(), [&](const Place& place) {
    return grammar_->program[place.instruction].op == Op::tag;
  });
  states_.push_back({static_cast<std::uint32_t>(places_.size()),
                     static_cast<std::uint32_t>(reached_.size()), expects_tag});
  places_.insert(places_.end(), reached_.begin(), reached_.end());
  rows_.resize(rows_.size() + n_classes_, kUnknown);
  numbers_.emplace(hash, state);
  return state;
}

std::size_t GrammarAutomaton::n_bytes() const {
  constexpr std::size_t kEntry = 48;  // of a hash table, about
  return states_.size() * (sizeof(StateEntry) + kEntry) + places_.size() * sizeof(Place) +
         rows_.size() * sizeof(State) + frames_.size() * (sizeof(Frame) + kEntry);
}

void GrammarAutomaton::forget_all_but(std::span<State* const> in_use) {
  // The places of each state, their stacks written out from top to bottom.
  struct Kept {
    std::uint32_t instruction;
    std::vector<std::uint32_t> returns;
  };
  std::vector<std::vector<Kept>> kept(in_use.size());
  for (std::size_t i = 0; i < in_use.size(); ++i) {
    for (const Place& place : places(*in_use[i])) {
      Kept& copy = kept[i].emplace_back(Kept{place.instruction, {}});
      for (std::uint32_t at = place.stack; at != kBottom; at = frames_[at].below) {
        copy.returns.push_back(frames_[at].return_to);
      }
    }
  }
  forget();
  for (std::size_t i = 0; i < in_use.size(); ++i) {
    reached_.clear();
    for (const Kept& copy : kept[i]) {
      std::uint32_t stack = kBottom;
      for (auto at = copy.returns.rbegin(); at != copy.returns.rend(); ++at)
        stack = push(stack, *at);
      reached_.push_back({copy.instruction, stack});
    }
    *in_use[i] = number_reached();
  }
}

}  // namespace hearth::text
