// embeddings.h - POST /v1/embeddings: bytes to a request, vectors to bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/texts.h"

namespace hearth::api {

inline constexpr std::size_t kMaxEmbeddingTexts = 2048;

struct EmbeddingsRequest {
  std::string model;              // "": the field was absent
  std::vector<TextOrIds> inputs;  // 1 … kMaxEmbeddingTexts, none empty
  bool base64 = false;            // encoding_format
  std::int32_t dimensions = 0;    // 0: all of the model's
};

std::optional<ApiError> parse_embeddings_request(std::string_view body, EmbeddingsRequest& out);

// vectors: one an input, in their order. base64: of little-endian float32.
std::string embeddings_response(std::string_view model,
                                const std::vector<std::vector<float>>& vectors, bool base64,
                                std::int64_t prompt_tokens);

}  // namespace hearth::api
