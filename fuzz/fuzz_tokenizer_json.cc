// fuzz_tokenizer_json.cc - any bytes as a tokenizer.json: an error or a tokenizer that works.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  auto spec = hearth::text::parse_tokenizer_json(json);
  if (!spec) {
    CHECK(!spec.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  const auto tokenizer = hearth::text::Tokenizer::build(*std::move(spec));
  if (!tokenizer) return 0;
  const auto encoding =
      (*tokenizer)->encode("ab <s>\xff e\xcc\x81 12", true, {.add_special = true});
  CHECK(encoding.has_value(), "only exactness makes encoding fail");
  (*tokenizer)->decode(encoding->ids, true);
  return 0;
}
