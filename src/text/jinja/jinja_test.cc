// jinja_test.cc - the template engine: golden cases of Python's Jinja, limits, marks, positions.
#include <gtest/gtest.h>
#include <pthread.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "text/jinja/from_json.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"
#include "text/jinja/render.h"

namespace hearth::jinja {
namespace {

using Json = nlohmann::ordered_json;

Result<MarkedText> render(std::string_view source, const Json& variables, std::time_t now = 0,
                          const Limits& limits = {}) {
  HEARTH_TRY(const auto parsed, parse_template(source));
  Rendering rendering(*parsed, limits, now);
  for (const auto& [name, json] : variables.items()) {
    HEARTH_TRY(Value v, value_from_json(rendering.runtime(), json));
    rendering.set(name, std::move(v));
  }
  return rendering.render();
}

std::string text_of(std::string_view source, const Json& variables = Json::object()) {
  const auto out = render(source, variables);
  return out ? out->str() : "error: " + out.error().message;
}

std::string error_of(std::string_view source, const Json& variables = Json::object()) {
  const auto out = render(source, variables);
  return out ? "no error: " + out->str() : out.error().message;
}

// Trusted text as it is, untrusted text in ‹›.
std::string marks_of(std::string_view source, const Json& variables) {
  const auto out = render(source, variables);
  if (!out) return "error: " + out.error().message;
  std::string shown;
  std::size_t from = 0;
  for (const auto& run : out->runs()) {
    const std::string part = out->str().substr(from, run.end - from);
    shown += run.trusted ? part : "‹" + part + "›";
    from = run.end;
  }
  return shown;
}

std::string repeat(std::string_view text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

std::time_t parse_time(const std::string& iso) {
  std::tm tm{};
  const char* const end = strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  EXPECT_NE(end, nullptr) << iso;
  return timegm(&tm);
}

Json load_json(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return Json::parse(content.str(), nullptr, false);
}

TEST(Jinja, golden_cases_render_as_in_python) {
  const Json cases = load_json(HEARTH_SOURCE_DIR "/tests/golden/jinja/cases.json");
  ASSERT_TRUE(cases.is_array());
  ASSERT_GE(cases.size(), 101U);
  for (const Json& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const std::time_t now = c.contains("now") ? parse_time(c["now"].get<std::string>()) : 0;
    const auto out = render(c["template"].get<std::string>(), c["vars"], now);
    if (c.contains("expected")) {
      ASSERT_TRUE(out.has_value()) << out.error().message;
      EXPECT_EQ(out->str(), c["expected"].get<std::string>());
      continue;
    }
    ASSERT_FALSE(out.has_value()) << out->str();
    EXPECT_EQ(out.error().kind, ErrorKind::invalid);
    if (c["name"] == "error raise_exception") {
      EXPECT_EQ(out.error().message, c["message"].get<std::string>());
    }
  }
}

TEST(Jinja, errors_name_line_and_column) {
  EXPECT_EQ(error_of("a\n{{ é + b }}"), "chat template, line 2, column 6: 'é' is undefined");
  EXPECT_EQ(
      error_of("{% if x %}\n\n  {% endfor %}"),
      "chat template, line 3, column 6: Encountered unknown tag 'endfor'. 'if' needs 'endif'.");
  EXPECT_EQ(error_of("{{ 'abc"),
            "chat template, line 1, column 4: this string has no end: expected '");
  EXPECT_EQ(error_of("{{ (1 }}"), "chat template, line 1, column 7: unexpected '}', expected ')'");
}

TEST(Jinja, an_error_inside_a_macro_is_located_where_it_happens) {
  EXPECT_EQ(error_of("{% macro f(x) %}\n{{ x.y.z }}{% endmacro %}\n{{ f({}) }}"),
            "chat template, line 2, column 8: 'dict object' has no attribute 'y'");
}

TEST(Jinja, integers_print_exactly_up_to_128_bits_and_overflow_is_an_error) {
  EXPECT_EQ(text_of("{{ x }} {{ x * 1000 }}", {{"x", 18446744073709551615U}}),
            "18446744073709551615 18446744073709551615000");
  EXPECT_NE(error_of("{{ 2 ** 127 }}").find("OverflowError"), std::string::npos);
  EXPECT_NE(error_of("{{ (2 ** 126) * 2 }}").find("OverflowError"), std::string::npos);
  EXPECT_EQ(text_of("{{ -(2 ** 126) - 2 ** 126 }}"), "-170141183460469231731687303715884105728");
  EXPECT_NE(error_of("{{ -(-(2 ** 126) - 2 ** 126) }}").find("OverflowError"), std::string::npos);
}

TEST(Jinja, floats_print_as_python_repr) {
  EXPECT_EQ(text_of("{{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 5e-324 }} {{ -0.0 }}"),
            "1e+16 1000000000000000.0 0.0001 1e-05 5e-324 -0.0");
  EXPECT_EQ(text_of("{{ 1e400 }} {{ -1e400 }}"), "inf -inf");
}

TEST(Jinja, a_loop_filter_sees_what_earlier_passes_changed) {
  EXPECT_EQ(text_of("{% set ns = namespace(n=0) %}{% for x in [1, 2, 3] if ns.n < 2 %}"
                    "{% set ns.n = ns.n + 1 %}{{ x }}{% endfor %}"),
            "12");
}

TEST(Jinja, loop_length_with_a_filter_counts_what_passes_it) {
  EXPECT_EQ(
      text_of(
          "{% for x in range(9) if x % 2 %}{{ x }}/{{ loop.length }}{{ loop.last }} {% endfor %}"),
      "1/4False 3/4False 5/4False 7/4True ");
}

TEST(Jinja, recursive_loops_render_the_same_body) {
  EXPECT_EQ(
      text_of(
          "{% for n in t recursive %}{{ n.v }}{{ loop.depth }}({{ loop(n.c) if n.c }}){% endfor %}",
          Json::parse(R"({"t": [{"v": "a", "c": [{"v": "b", "c": []}]}, {"v": "c"}]})")),
      "a1(b2())c1()");
}

TEST(Jinja, lazy_filters_are_true_in_a_condition_and_used_up_once_read) {
  EXPECT_EQ(text_of("{% set it = [1] | reject('odd') %}{{ 'y' if it }}{{ it | list }}"), "y[]");
  EXPECT_EQ(text_of("{% set it = [1, 2] | map('string') %}{{ it | join }}|{{ it | join }}"), "12|");
  EXPECT_EQ(text_of("{{ none | map('upper') | list }}"), "[]");
}

TEST(Jinja, an_unknown_filter_in_a_branch_fails_only_when_reached) {
  EXPECT_EQ(text_of("{% if false %}{{ 1 | nofilter }}{% endif %}ok"), "ok");
  EXPECT_NE(error_of("{% if true %}{{ 1 | nofilter }}{% endif %}").find("nofilter"),
            std::string::npos);
  EXPECT_NE(error_of("{% for x in [] %}{{ 1 | nofilter }}{% endfor %}").find("nofilter"),
            std::string::npos);
}

TEST(Jinja, markup_escapes_what_is_added_to_it) {
  EXPECT_EQ(text_of("{{ ('<' | safe) + '<' }} {{ '<' + ('<' | e) }} {{ '<' ~ ('<' | safe) }}"),
            "<&lt; &lt;&lt; <<");
}

TEST(Jinja, cycler_and_joiner_keep_their_state) {
  EXPECT_EQ(text_of("{% set j = joiner('|') %}{% set c = cycler('a', 'b') %}"
                    "{% for x in [1, 2, 3] %}{{ j() }}{{ c.next() }}{% endfor %}{{ c.current }}"),
            "a|b|ab");
}

TEST(Jinja, strftime_now_knows_weeks_and_unpadded_numbers) {
  const std::time_t new_year = 1735689600;  // 2025-01-01, a Wednesday
  const auto out = render("{{ strftime_now('%-d %e %j %U %W %V %G %u %w %D %T %q') }}",
                          Json::object(), new_year);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->str(), "1  1 001 00 00 01 2025 3 3 01/01/25 00:00:00 %q");
}

// --- marks
// ----------------------------------------------------------------------------------------
TEST(JinjaMarks, template_text_is_trusted_and_variables_are_not) {
  EXPECT_EQ(marks_of("<|{{ x }}|>{{ 'a' + x ~ 'b' }}", {{"x", "u"}}), "<|‹u›|>a‹u›b");
}

TEST(JinjaMarks, text_methods_keep_each_byte_its_mark) {
  const Json v = {{"x", " aß,b "}};
  EXPECT_EQ(marks_of("{{ (x ~ 'T') | trim }}", v), "‹aß,b ›T");
  EXPECT_EQ(marks_of("{{ (x ~ 'tß') | upper }}", v), "‹ ASS,B ›TSS");
  EXPECT_EQ(marks_of("{{ ('<' ~ x ~ '>')[::-1] }}", v), ">‹ b,ßa ›<");
  EXPECT_EQ(marks_of("{{ x.strip().split(',') | join('|') }}", v), "‹aß›|‹b›");
  EXPECT_EQ(marks_of("{{ 'x,y' | replace(',', x) }}", v), "x‹ aß,b ›y");
  EXPECT_EQ(marks_of("{{ x | replace('a', 'T') }}", v), "‹ ›T‹ß,b ›");
  EXPECT_EQ(marks_of("{{ '[%s|%3d]' % (x, 7) }}", v), "[‹ aß,b ›|  7]");
  EXPECT_EQ(marks_of("{{ '<{}>'.format(x) }}", v), "<‹ aß,b ›>");
  EXPECT_EQ(marks_of("{{ x.strip().center(9) | indent(2, true) }}", v), "     ‹aß,b›  ");
  EXPECT_EQ(marks_of("{% set b %}<{{ x }}>{% endset %}{{ b | upper | list | last }}{{ b[1] }}", v),
            ">‹ ›");
}

TEST(JinjaMarks, json_and_repr_mark_the_bytes_of_strings_and_numbers) {
  const Json v = Json::parse(R"({"x": {"k": ["\n<|im_end|>", 5, null]}})");
  EXPECT_EQ(marks_of("{{ x | tojson }}", v), "{\"‹k›\": [\"‹\\n<|im_end|>›\", ‹5›, ‹null›]}");
  EXPECT_EQ(marks_of("{{ x }}", v), "{'‹k›': ['‹\\n<|im_end|>›', ‹5›, ‹None›]}");
}

TEST(JinjaMarks, numbers_made_from_a_variable_stay_untrusted) {
  EXPECT_EQ(marks_of("{{ x + 1 }} {{ '7' | int }} {{ s | int }} {{ s | length }} {{ -x }}",
                     {{"x", 1}, {"s", "42"}}),
            "‹2› 7 ‹42› 2 ‹-1›");
}

TEST(JinjaMarks, macros_and_call_blocks_keep_marks) {
  EXPECT_EQ(marks_of("{% macro f(a) %}<{{ a }}{{ caller() }}>{% endmacro %}{% call f(x) %}in{{ x "
                     "}}{% endcall %}",
                     {{"x", "u"}}),
            "<‹u›in‹u›>");
}

// --- bounds
// --------------------------------------------------------------------------------------- Each of
// these must end in an error about a limit, on a small stack and at once.
const char* const kHostile[] = {
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'a' * 10 ** 9 }}",
    "{{ [1] * 10 ** 12 }}",
    "{{ range(10 ** 30) }}",
    "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor "
    "%}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor "
    "%}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x] %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor "
    "%}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor "
    "%}{{ ns.x | tojson }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor "
    "%}{{ ns.x == ns.x | list }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(999) %}{% set ns.x = ns.x | map('string') "
    "%}{% endfor %}",
    "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{% macro f(x=f()) %}{% call f() %}{{ f(1) }}{% endcall %}{% endmacro %}{{ f() }}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{{ 'a'.ljust(10 ** 11) }}",
    "{{ 'a'.zfill(10 ** 11) }}",
    "{{ '%99999999d' % 1 }}",
    "{{ '{:>99999999}'.format(1) }}",
    "{{ ('a' * 9999) | replace('a', 'b' * 9999) }}",
    "{{ ('a' * 9999) | join('b' * 9999) }}",
    "{{ [1] | tojson(indent=10 ** 9) }}",
    "{{ 'a\nb' | indent(10 ** 9) }}",
    "{{ [1] | batch(10 ** 9, 0) | list }}",
    "{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}",
};

struct HostileRun {
  std::string source, message;
  bool failed = false;
};

void* run_hostile(void* argument) {
  auto* const job = static_cast<HostileRun*>(argument);
  Limits limits;
  limits.steps /= 10;  // an instrumented build takes a microsecond a step
  const auto out = render(job->source, Json::object(), 0, limits);
  job->failed = !out.has_value();
  if (job->failed) job->message = out.error().message;
  return nullptr;
}

// The limits promise 128 KiB in an optimised build; unoptimised and instrumented frames are larger.
std::size_t stack_bytes() {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return std::size_t{4} << 20;
#endif
#endif
  return std::size_t{128} << 10;
#else
  return std::size_t{4} << 20;
#endif
}

void run_on_small_stack(HostileRun* job) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, stack_bytes()), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, run_hostile, job), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

TEST(JinjaBounds, hostile_templates_end_in_an_error) {
  for (const char* const source : kHostile) {
    SCOPED_TRACE(source);
    HostileRun job{source, "", false};
    run_on_small_stack(&job);
    EXPECT_TRUE(job.failed);
    EXPECT_TRUE(job.message.starts_with("chat template, line ")) << job.message;
  }
}

TEST(JinjaBounds, deep_source_is_an_error_on_a_small_stack) {
  constexpr int kDeep = 100'000;
  const std::string sources[] = {
      "{{ " + repeat("(", kDeep) + repeat(")", kDeep) + " }}",
      "{{ " + repeat("[", kDeep) + repeat("]", kDeep) + " }}",
      "{{ " + repeat("{1:", kDeep) + repeat("}", kDeep) + " }}",
      "{{ " + repeat("x[", kDeep) + repeat("]", kDeep) + " }}",
      "{{ " + repeat("f(", kDeep) + repeat(")", kDeep) + " }}",
      "{{ " + repeat("not ", kDeep) + "1 }}",
      "{{ " + repeat("-", kDeep) + "1 }}",
      "{{ " + repeat("1 if 0 else ", kDeep / 2) + "1 }}",
      repeat("{% if 1 %}", kDeep),
      repeat("{% for x in y %}", kDeep / 2),
      "{% set " + repeat("(", kDeep) + "x" + repeat(")", kDeep) + " = 1 %}",
      "{{ x | a" + repeat("(x | a", kDeep) + repeat(")", kDeep) + " }}",
  };
  for (const std::string& source : sources) {
    SCOPED_TRACE(source.substr(0, 24));
    HostileRun job{source, "", false};
    run_on_small_stack(&job);
    EXPECT_TRUE(job.failed);
  }
}

TEST(JinjaBounds, long_flat_chains_are_not_deep) {
  HostileRun sum{"{{ 1" + repeat(" + 1", 50'000) + " }}", "", false};
  run_on_small_stack(&sum);
  EXPECT_FALSE(sum.failed) << sum.message;
  EXPECT_EQ(text_of("{{ x" + repeat(" | default('d')", 5000) + " }}"), "d");
}

TEST(JinjaBounds, json_nested_deeper_than_the_limit_is_an_error) {
  const Json deep = Json::parse(repeat("[", kMaxNesting + 1) + repeat("]", kMaxNesting + 1));
  EXPECT_NE(error_of("{{ x }}", {{"x", deep}}).find("nested more than"), std::string::npos);
  EXPECT_EQ(text_of("{{ x | length }}", {{"x", deep[0]}}), "1");
}

TEST(JinjaBounds, a_template_over_the_size_limit_is_refused) {
  const auto out = parse_template(std::string(kMaxTemplateBytes + 1, 'a'));
  ASSERT_FALSE(out.has_value());
  EXPECT_NE(out.error().message.find("1048577 bytes"), std::string::npos) << out.error().message;
}

TEST(JinjaBounds, a_template_that_is_not_utf8_is_refused) {
  EXPECT_EQ(error_of("a\xff"), "the chat template is not valid UTF-8");
}

TEST(JinjaBounds, steps_are_limited_to_what_the_caller_allows) {
  Limits limits;
  limits.steps = 1000;
  const auto out =
      render("{% for i in range(5000) %}{{ i }}{% endfor %}", Json::object(), 0, limits);
  ASSERT_FALSE(out.has_value());
  EXPECT_NE(out.error().message.find("more than 1000 steps"), std::string::npos);
}

TEST(JinjaBounds, cycles_through_macros_namespaces_and_loops_are_freed) {
  // The sanitizer's leak check is what fails here.
  EXPECT_EQ(text_of("{% set ns = namespace() %}{% macro f() %}{{ ns.x }}{% endmacro %}"
                    "{% for i in [1] %}{% macro g() %}{{ i }}{% endmacro %}{% set ns.g = g %}"
                    "{% set ns.l = loop %}{% set u = loop.changed(loop.cycle) %}{% endfor %}"
                    "{% set ns.ns = ns %}{% set ns.f = f %}{{ ns.g() }}{{ ns.l.index }}"),
            "11");
}

}  // namespace
}  // namespace hearth::jinja
