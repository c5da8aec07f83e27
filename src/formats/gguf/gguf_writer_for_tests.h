// gguf_writer_for_tests.h - makes GGUF files in memory: small models for tests, and broken files on
// purpose. Only tests and fuzz targets include it.
//
//   GgufWriter w;
//   w.text("general.architecture", "llama").u32("llama.block_count", 2);
//   w.tensor("token_embd.weight", {49, 8}, values);        // shape outermost first, like Tensor
//   std::vector<std::byte> file = w.bytes();
//
// Nothing is checked: every field of the header and of a tensor record can be set to a lie. Data is
// packed in the order of the calls, each tensor at the next multiple of the alignment; there is no
// padding after the last, so that every truncation of the file takes something away.
//
// tiny_llama() is a whole model with a tokenizer, for tests of models/, engine/ and above.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tensor/dtype.h"

namespace hearth::formats {

class GgufWriter {
 public:
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of the data; add the key general.alignment to match
  std::int64_t extra_tensors = 0, extra_metadata = 0;  // how far the header's counts lie

  GgufWriter& text(std::string_view key, std::string_view v) { return entry(key, 8, str(v)); }
  GgufWriter& u8(std::string_view key, std::uint8_t v) { return entry(key, 0, le(v)); }
  GgufWriter& u32(std::string_view key, std::uint32_t v) { return entry(key, 4, le(v)); }
  GgufWriter& i32(std::string_view key, std::int32_t v) { return entry(key, 5, le(v)); }
  GgufWriter& f32(std::string_view key, float v) { return entry(key, 6, le(v)); }
  GgufWriter& boolean(std::string_view key, bool v) {
    return entry(key, 7, le(static_cast<std::uint8_t>(v)));
  }
  GgufWriter& u64(std::string_view key, std::uint64_t v) { return entry(key, 10, le(v)); }
  GgufWriter& f64(std::string_view key, double v) { return entry(key, 12, le(v)); }
  GgufWriter& texts(std::string_view key, std::span<const std::string> values) {
    std::string body;
    for (const std::string& v : values) body += str(v);
    return array(key, 8, values.size(), body);
  }
  GgufWriter& i32s(std::string_view key, std::span<const std::int32_t> values) {
    std::string body;
    for (const std::int32_t v : values) body += le(v);
    return array(key, 5, values.size(), body);
  }
  GgufWriter& f32s(std::string_view key, std::span<const float> values) {
    std::string body;
    for (const float v : values) body += le(v);
    return array(key, 6, values.size(), body);
  }
  GgufWriter& array(std::string_view key, std::uint32_t type, std::uint64_t count,
                    std::string_view body) {
    return entry(key, 9, le(type) + le(count) + std::string(body));
  }
  // type and value bytes as they come.
  GgufWriter& entry(std::string_view key, std::uint32_t type, std::string_view value) {
    metadata_ += str(key) + le(type) + std::string(value);
    ++n_metadata_;
    return *this;
  }
  // Bytes of the metadata section that are no entry as such (a key with a lying length).
  GgufWriter& raw_entry(std::string_view raw) {
    metadata_ += raw;
    ++n_metadata_;
    return *this;
  }

  GgufWriter& tensor(std::string_view name, const std::vector<std::uint64_t>& shape, DType dtype,
                     std::span<const std::byte> data) {
    const std::vector<std::uint64_t> innermost_first(shape.rbegin(), shape.rend());
    record(name, innermost_first, dtype_info(dtype).ggml_id.value(), aligned(data_.size()));
    data_.resize(aligned(data_.size()), '\0');
    if (!data.empty()) data_.append(reinterpret_cast<const char*>(data.data()), data.size());
    return *this;
  }
  GgufWriter& tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                     std::span<const float> values) {
    return tensor(name, shape, DType::f32, std::as_bytes(values));
  }
  // A record alone, dimensions in the file's order, without data.
  GgufWriter& record(std::string_view name, const std::vector<std::uint64_t>& dims,
                     std::uint32_t ggml_type, std::uint64_t offset) {
    std::string raw = str(name) + le(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) raw += le(dim);
    return raw_record(raw + le(ggml_type) + le(offset));
  }
  GgufWriter& raw_record(std::string_view raw) {
    records_ += raw;
    ++n_tensors_;
    return *this;
  }
  GgufWriter& raw_data(std::string_view raw) {
    data_ += raw;
    return *this;
  }

  std::vector<std::byte> bytes() const {
    std::string out =
        magic + le(version) + le(n_tensors_ + static_cast<std::uint64_t>(extra_tensors)) +
        le(n_metadata_ + static_cast<std::uint64_t>(extra_metadata)) + metadata_ + records_;
    if (!data_.empty()) out.resize(aligned(out.size()), '\0');
    out += data_;
    std::vector<std::byte> file(out.size());
    std::memcpy(file.data(), out.data(), out.size());
    return file;
  }
  // Returns false when the file cannot be written.
  bool save(const std::string& path) const {
    const std::vector<std::byte> file = bytes();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.data()),
              static_cast<std::streamsize>(file.size()));
    return out.flush().good();
  }

  template <class T>
  static std::string le(T v) {
    std::string out(sizeof v, '\0');
    std::memcpy(out.data(), &v, sizeof v);
    return out;
  }
  static std::string str(std::string_view v) {
    return le(static_cast<std::uint64_t>(v.size())) + std::string(v);
  }

 private:
  std::size_t aligned(std::size_t n) const { return (n + alignment - 1) / alignment * alignment; }

  std::string metadata_, records_, data_;
  std::uint64_t n_tensors_ = 0, n_metadata_ = 0;
};

// Byte b as byte-level vocabularies spell it: itself where it is printable in Latin-1, else the
// next free character from U+0100 on.
inline std::string byte_level_spelling(int byte) {
  const auto printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  };
  int code = byte;
  if (!printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
  }
  std::string out;
  append_utf8(out, static_cast<char32_t>(code));
  return out;
}

// 261 tokens: <|endoftext|> (id 0, unknown too), <|im_start|> (1, bos), <|im_end|> (2, eos), the
// 256 bytes (3 + byte), and two made by merges: "he" (259) and "Ġt" (260). ChatML's chat template.
inline void add_tiny_tokenizer(GgufWriter& w) {
  std::vector<std::string> tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  for (int b = 0; b < 256; ++b) tokens.push_back(byte_level_spelling(b));
  tokens.insert(tokens.end(), {"he", "Ġt"});
  std::vector<std::int32_t> types(tokens.size(), 1);
  types[0] = types[1] = types[2] = 3;
  w.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "smollm");
  w.texts("tokenizer.ggml.tokens", tokens).i32s("tokenizer.ggml.token_type", types);
  w.texts("tokenizer.ggml.merges", std::vector<std::string>{"h e", "Ġ t"});
  w.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
  w.u32("tokenizer.ggml.unknown_token_id", 0).boolean("tokenizer.ggml.add_bos_token", false);
  w.text(
      "tokenizer.chat_template",
      "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] "
      "+ '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
      "'<|im_start|>assistant\n' "
      "}}{% endif %}");
}

struct TinyLlama {
  std::uint32_t n_layers = 2, n_heads = 4, n_kv_heads = 2, head_size = 8, n_ff = 64;
  std::uint32_t context = 256;
  std::uint32_t n_rows =
      261;            // of the vocabulary's matrices; another number contradicts the tokens
  bool tied = true;   // no output.weight
  unsigned seed = 1;  // of the float32 weights: the same on every machine

  std::uint32_t width() const { return n_heads * head_size; }
};

// A model of the architecture "llama" with random float32 weights and the tokenizer above; its
// answers are noise, but they are always the same noise.
inline GgufWriter tiny_llama(const TinyLlama& m = {}) {
  GgufWriter w;
  w.text("general.architecture", "llama").text("general.name", "tiny llama");
  w.u32("llama.block_count", m.n_layers).u32("llama.context_length", m.context);
  w.u32("llama.embedding_length", m.width()).u32("llama.feed_forward_length", m.n_ff);
  w.u32("llama.attention.head_count", m.n_heads).u32("llama.attention.head_count_kv", m.n_kv_heads);
  w.u32("llama.rope.dimension_count", m.head_size).f32("llama.rope.freq_base", 10000.0f);
  w.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f).u32("llama.vocab_size", 261);
  add_tiny_tokenizer(w);

  std::mt19937 random(
      m.seed);  // its sequence is fixed by the standard, std's distributions are not
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape, float centre,
                       float spread) {
    std::size_t n = 1;
    for (const std::uint64_t dim : shape) n *= dim;
    std::vector<float> values(n);
    for (float& v : values) {
      v = centre + spread * (static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f);
    }
    w.tensor(name, shape, values);
  };
  const std::uint64_t d = m.width(), kv = std::uint64_t{m.n_kv_heads} * m.head_size, ff = m.n_ff;
  add("token_embd.weight", {m.n_rows, d}, 0, 1);
  for (std::uint32_t layer = 0; layer < m.n_layers; ++layer) {
    const std::string blk = "blk." + std::to_string(layer) + ".";
    add(blk + "attn_norm.weight", {d}, 1, 0.2f);
    add(blk + "attn_q.weight", {d, d}, 0, 0.4f);
    add(blk + "attn_k.weight", {kv, d}, 0, 0.4f);
    add(blk + "attn_v.weight", {kv, d}, 0, 0.4f);
    add(blk + "attn_output.weight", {d, d}, 0, 0.4f);
    add(blk + "ffn_norm.weight", {d}, 1, 0.2f);
    add(blk + "ffn_gate.weight", {ff, d}, 0, 0.4f);
    add(blk + "ffn_up.weight", {ff, d}, 0, 0.4f);
    add(blk + "ffn_down.weight", {d, ff}, 0, 0.3f);
  }
  add("output_norm.weight", {d}, 1, 0.2f);
  if (!m.tied) add("output.weight", {m.n_rows, d}, 0, 1);
  return w;
}

}  // namespace hearth::formats
