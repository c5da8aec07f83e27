// main.cc - the entry of the program; everything is in cli.cc, so that tests can link it.
#include "cli/cli.h"

int main(int argc, char** argv) { return hearth::cli::run(argc, argv); }
