// output.h - what goes to standard output, and how a terminal is kept safe from it.
//
// Write errors (a closed pipe, a full disk) are remembered by stdio and reported once, by
// finish_output(), so that printing itself cannot fail.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

void print(std::string_view text);  // standard output, buffered
void note(std::string_view text);   // standard error, for people: progress, hints

// Flushes. Errors: io, when anything printed so far was lost.
Result<void> finish_output();

bool output_is_terminal();
bool errors_are_terminal();  // standard error

// Text from a model or a file, made harmless for a terminal: control characters other than newline
// and tab, C1 included, are shown as \x1b; invalid UTF-8 as U+FFFD.
std::string printable(std::string_view text);
// The same on one line, for an error message: newlines and tabs become \n and \t.
std::string one_line(std::string_view text);

// Nine significant digits, enough to give every float32 back. The values are finite.
std::string float_list(std::span<const float> values, std::string_view between);

// Columns, left-aligned, two blanks apart; the first row is the head.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace hearth::cli
