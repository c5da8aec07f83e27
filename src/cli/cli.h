// cli.h - the program `hearth`: its commands, what they print when used wrongly, its exit codes.
#pragma once

namespace hearth::cli {

// Parses, runs the chosen command and reports its error as one line "hearth: …" on standard error.
// 0: done; 1: it failed; 2: it was used wrongly; 130: it was interrupted.
int run(int argc, const char* const* argv);

}  // namespace hearth::cli
