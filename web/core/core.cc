// core.cc - the portable core's face to a WebAssembly host: read a GGUF file, tokenize a text.
//
// The host copies bytes in (hearth_alloc), calls a function, and reads what it answered:
//
//   hearth_open(bytes, size)            1: reply is a JSON summary of the file, and its tokenizer
//   is ready hearth_tokenize(text, size, trusted) 1: reply is the ids as little-endian int32
//   hearth_detokenize(ids, n)           1: reply is UTF-8 text
//   0 from any of them: reply is the error's sentence
//   hearth_reply_data(), hearth_reply_size()   valid until the next call
//
// One file at a time, one thread: a wasm instance has no other. The opened bytes are the host's to
// free, and only after the next hearth_open: the core keeps views into them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf/gguf.h"
#include "text/tokenizer.h"

#define HEARTH_EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace hearth {
namespace {

struct Core {
  formats::Checkpoint checkpoint;
  std::shared_ptr<const text::Tokenizer> tokenizer;  // null: nothing is open
  std::string reply;
};

Core& core() {
  static Core instance;
  return instance;
}

int answer(std::string reply) {
  core().reply = std::move(reply);
  return 1;
}

int refuse(std::string reason) {
  core().reply = std::move(reason);
  return 0;
}

std::string summary(const formats::Checkpoint& checkpoint, const text::Tokenizer& tokenizer) {
  const nlohmann::ordered_json json = {
      {"architecture", checkpoint.architecture},
      {"name", checkpoint.name},
      {"n_metadata", checkpoint.metadata.size()},
      {"n_tensors", checkpoint.tensors.size()},
      {"file_bytes", checkpoint.file_bytes},
      {"n_vocab", tokenizer.n_vocab()},
      {"chat_template_bytes", checkpoint.chat_template.size()},
  };
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<std::string> open(std::span<const std::byte> file) {
  Core& c = core();
  c.tokenizer.reset();
  HEARTH_TRY(c.checkpoint, formats::parse_gguf(file));
  if (!c.checkpoint.tokenizer) {
    return Error{ErrorKind::unsupported,
                 "[wasm] the file has no usable tokenizer: " + c.checkpoint.tokenizer_problem};
  }
  HEARTH_TRY(c.tokenizer, text::Tokenizer::build(*c.checkpoint.tokenizer));
  return summary(c.checkpoint, *c.tokenizer);
}

}  // namespace
}  // namespace hearth

HEARTH_EXPORT(hearth_alloc) void* hearth_alloc(std::size_t size) { return std::malloc(size); }
HEARTH_EXPORT(hearth_free) void hearth_free(void* pointer) { std::free(pointer); }
HEARTH_EXPORT(hearth_reply_data) const char* hearth_reply_data() {
  return hearth::core().reply.data();
}
HEARTH_EXPORT(hearth_reply_size) std::size_t hearth_reply_size() {
  return hearth::core().reply.size();
}

HEARTH_EXPORT(hearth_open) int hearth_open(const std::byte* bytes, std::size_t size) {
  auto opened = hearth::open({bytes, size});
  return opened ? hearth::answer(*std::move(opened)) : hearth::refuse(opened.error().message);
}

HEARTH_EXPORT(hearth_tokenize)
int hearth_tokenize(const char* text, std::size_t size, int trusted) {
  if (!hearth::core().tokenizer)
    return hearth::refuse("[wasm] no file is open: call hearth_open first");
  auto encoding = hearth::core().tokenizer->encode(std::string_view(text, size), trusted != 0,
                                                   {.add_special = false, .exact = true});
  if (!encoding) return hearth::refuse(encoding.error().message);
  const auto bytes = std::as_bytes(std::span(encoding->ids));
  return hearth::answer(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

HEARTH_EXPORT(hearth_detokenize) int hearth_detokenize(const std::int32_t* ids, std::size_t n_ids) {
  if (!hearth::core().tokenizer)
    return hearth::refuse("[wasm] no file is open: call hearth_open first");
  return hearth::answer(hearth::core().tokenizer->decode({ids, n_ids}, true));
}
