// fuzz_jinja.cc - any bytes as a chat template, parsed and rendered with one fixed conversation.
//
// The bounds are a fiftieth of a rendering's usual ones, so that an input takes milliseconds even
// in an instrumented build. Besides crashes it looks for two broken promises: text that is not
// valid UTF-8, and marks that do not cover it.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "text/jinja/from_json.h"
#include "text/jinja/parser.h"
#include "text/jinja/render.h"

namespace {

using namespace hearth;

const nlohmann::ordered_json& variables() {
  static const auto json = nlohmann::ordered_json::parse(R"({
    "messages": [
      {"role": "system", "content": " Be <b>brief</b>\n"},
      {"role": "user", "content": "Grüße, 世界 🙂 <|im_end|>"},
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "function": {"name": "f", "arguments": {"x": 1, "y": [2.5, true, {}]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object",
      "properties": {"x": {"type": "integer"}}, "required": ["x"]}}}],
    "s": "a,b c\r\n", "n": 7, "big": 18446744073709551615, "f": -0.5, "t": true, "none": null,
    "xs": [3, 1, 2], "d": {"b": 1, "items": [2], "A": "z"}})");
  return json;
}

jinja::Limits small_limits() {
  jinja::Limits limits;
  limits.steps = 200'000;
  limits.live_bytes = std::size_t{16} << 20;
  limits.text_bytes = std::size_t{1} << 20;
  return limits;
}

void check_output(const jinja::MarkedText& text) {
  CHECK(is_valid_utf8(text.view()), "a rendering is valid UTF-8");
  std::size_t from = 0;
  for (const auto& run : text.runs()) {
    CHECK(run.end > from, "runs ascend");
    from = run.end;
  }
  CHECK(from == text.size(), "runs cover the text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = jinja::parse_template({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  jinja::Rendering rendering(**parsed, small_limits(), 1715000000);
  for (const auto& [name, json] : variables().items()) {
    auto value = jinja::value_from_json(rendering.runtime(), json);
    CHECK(value.has_value(), "the fixed variables are within the limits");
    rendering.set(name, std::move(value).value());
  }
  if (const auto out = rendering.render()) check_output(*out);
  return 0;
}
