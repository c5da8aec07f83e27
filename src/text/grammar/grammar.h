// grammar.h - which outputs are allowed: a context-free grammar over bytes and tags, compiled.
//
// A program for an automaton with a stack. Each rule is a piece of it that runs to `end`:
//
//   bytes low high   one byte within the range, then `next`
//   tag other        the control token named tags[other], then `next`
//   call other       the rule that begins at `other`, then `next`
//   split            `next` or `other`
//   end              of the rule; of the whole, when nothing called it
//   fail             nothing
//
// GrammarBuilder makes one, and promises: no rule calls itself before a byte, and every instruction
// but `fail` leads to an end. Part of the portable core.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::text {

struct GrammarInstruction {
  enum class Op : std::uint8_t { end, fail, bytes, tag, call, split };
  Op op = Op::fail;
  std::uint8_t low = 0, high = 0;
  std::uint32_t next = 0, other = 0;
  bool operator==(const GrammarInstruction&) const = default;
};

struct Grammar {
  std::vector<GrammarInstruction> program;  // the first one is the only `end`
  std::uint32_t start = 0;
  std::vector<std::string> tags;
  bool operator==(const Grammar&) const = default;
};

}  // namespace hearth::text
