#include "api/embeddings.h"

#include <openssl/evp.h>

#include <bit>

#include "base/str.h"

namespace hearth::api {

namespace {

std::string base64_of(const std::vector<float>& vector) {
  static_assert(std::endian::native == std::endian::little, "the wire wants little-endian floats");
  const auto n_bytes = vector.size() * sizeof(float);
  std::string out((n_bytes + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(vector.data()), static_cast<int>(n_bytes));
  out.pop_back();
  return out;
}

bool is_empty(const TextOrIds& input) {
  return std::visit([](const auto& value) { return value.empty(); }, input);
}

void check_inputs(Fields& fields, const std::vector<TextOrIds>& inputs) {
  if (inputs.size() > kMaxEmbeddingTexts) {
    return fields.fail("input", cat("'input' holds ", inputs.size(), " texts; at most ",
                                    kMaxEmbeddingTexts, " are taken at once"));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!is_empty(inputs[i])) continue;
    return fields.fail("input", cat("'input' ", i, " is empty; a text must have something in it"));
  }
}

}  // namespace

std::optional<ApiError> parse_embeddings_request(std::string_view body, EmbeddingsRequest& out) {
  Json json;
  if (auto fault = parse_body(body, json)) return fault;
  Fields fields(json);
  std::string format, user;
  fields.text("model", out.model);
  read_texts(fields, "input", out.inputs);
  check_inputs(fields, out.inputs);
  if (fields.text("encoding_format", format) && format != "float" && format != "base64") {
    fields.fail("encoding_format",
                cat("'encoding_format' must be \"float\" or \"base64\", got ", quote(format)));
  }
  out.base64 = format == "base64";
  fields.integer("dimensions", 1, INT32_MAX, out.dimensions);
  fields.text("user", user);
  return fields.finish();
}

std::string embeddings_response(std::string_view model,
                                const std::vector<std::vector<float>>& vectors, bool base64,
                                std::int64_t prompt_tokens) {
  Json data = Json::array();
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    Json embedding = base64 ? Json(base64_of(vectors[i])) : Json(vectors[i]);
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", std::move(embedding)}});
  }
  return dump({{"object", "list"},
               {"data", std::move(data)},
               {"model", model},
               {"usage", {{"prompt_tokens", prompt_tokens}, {"total_tokens", prompt_tokens}}}});
}

}  // namespace hearth::api
