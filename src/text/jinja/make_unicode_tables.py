#!/usr/bin/env python3
"""make_unicode_tables.py - writes unicode_tables.cc, from the Unicode data of the running Python.

    python3 make_unicode_tables.py > unicode_tables.cc && clang-format -i unicode_tables.cc

Case pairs become ranges {first, last, step, delta}; character classes become sorted [first, last] pairs.
"""
import sys
import unicodedata

ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def case_ranges(convert):
    """Runs of characters with one step (1 or 2) and one distance to their counterpart."""
    pairs = [(c, ord(convert(chr(c))) - c) for c in ALL if len(convert(chr(c))) == 1 and convert(chr(c)) != chr(c)]
    runs = []
    for c, delta in pairs:
        if runs and runs[-1][3] == delta:
            first, last, step, _ = runs[-1]
            if c - last in (1, 2) and (first == last or step == c - last):
                runs[-1] = (first, c, c - last, delta)
                continue
        runs.append((c, c, 1, delta))
    return runs


def classes(test):
    runs = []
    for c in ALL:
        if not test(chr(c)):
            continue
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def show_cases(name, convert):
    print(f"const CaseRange {name}[] = {{")
    for first, last, step, delta in case_ranges(convert):
        print(f"    {{{first:#x}, {last:#x}, {step}, {delta}}},")
    print(f"}};\nconst std::size_t {name}Size = std::size({name});\n")


def show_special(name, convert):
    print(f"const SpecialCase {name}[] = {{")
    for c in ALL:
        text = convert(chr(c))
        if len(text) > 1:
            points = [hex(ord(x)) for x in text] + ["0"] * (3 - len(text))
            print(f"    {{{c:#x}, {{{', '.join(points)}}}}},")
    print(f"}};\nconst std::size_t {name}Size = std::size({name});\n")


def show_classes(name, test):
    print(f"const ClassRange {name}[] = {{")
    for first, last in classes(test):
        print(f"    {{{first:#x}, {last:#x}}},")
    print(f"}};\nconst std::size_t {name}Size = std::size({name});\n")


def main():
    print(f"// unicode_tables.cc - case and class tables, Unicode {unicodedata.unidata_version}.")
    print("//\n// Made by make_unicode_tables.py; do not edit.\n// clang-format off")
    print('#include "text/jinja/unicode_tables.h"\n\n#include <iterator>\n\nnamespace hearth::jinja {\n')
    show_cases("kUpper", str.upper)
    show_cases("kLower", str.lower)
    show_cases("kTitle", str.title)
    show_special("kUpperSpecial", str.upper)
    show_special("kLowerSpecial", str.lower)
    show_special("kTitleSpecial", str.title)
    show_classes("kAlphabetic", str.isalpha)
    show_classes("kDecimal", str.isdecimal)
    show_classes("kDigit", str.isdigit)
    show_classes("kNumeric", str.isnumeric)
    show_classes("kUnprintable", lambda c: not c.isprintable())
    show_classes("kCaseIgnorable", lambda c: ("A" + c + "\u03a3").lower().endswith("\u03c2") and not c.isupper() and not c.islower() and not c.istitle())
    print("}  // namespace hearth::jinja\n// clang-format on")


if __name__ == "__main__":
    sys.exit(main())
