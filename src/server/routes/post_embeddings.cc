// post_embeddings.cc - POST /v1/embeddings: texts to vectors, by an encoder.
#include <cmath>

#include "api/embeddings.h"
#include "base/str.h"
#include "server/requested_model.h"

namespace hearth::server {

namespace {

// The first n numbers, again of unit length: what models trained for it (Matryoshka) promise.
void shorten(std::vector<float>& vector, std::size_t n) {
  vector.resize(n);
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (sum == 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& x : vector) x = static_cast<float>(static_cast<double>(x) * scale);
}

class Vectors final : public LateResponse {
 public:
  Vectors(ModelPtr model, const api::EmbeddingsRequest& request,
          std::unique_ptr<engine::Embedding> running)
      : model_(std::move(model)),
        base64_(request.base64),
        dimensions_(request.dimensions),
        running_(std::move(running)) {}

  void on_ready(std::function<void()> wake) override { running_->on_ready(std::move(wake)); }
  void interrupt() override { running_->cancel(); }

  std::optional<Response> poll() override {
    if (!running_->done()) return std::nullopt;
    auto taken = running_->take();
    if (!taken) return error_response(api::to_api_error(taken.error()));
    if (dimensions_ > taken->d_model) {
      return error_response({.message = cat("'dimensions' must be at most ", taken->d_model,
                                            " for ", quote(model_->id()), ", got ", dimensions_),
                             .param = "dimensions",
                             .code = {}});
    }
    if (dimensions_ > 0) {
      for (auto& vector : taken->vectors) shorten(vector, static_cast<std::size_t>(dimensions_));
    }
    return json_response(api::embeddings_response(model_->id(), taken->vectors, base64_,
                                                  running_->usage().prompt_tokens));
  }

 private:
  ModelPtr model_;
  bool base64_;
  std::int32_t dimensions_;
  std::unique_ptr<engine::Embedding> running_;
};

Result<engine::EmbeddingRequest> to_engine(const engine::LoadedModel& model,
                                           const std::vector<api::TextOrIds>& inputs) {
  engine::EmbeddingRequest out;
  for (const api::TextOrIds& input : inputs) {
    if (const auto* ids = std::get_if<std::vector<std::int32_t>>(&input)) {
      out.texts.push_back(*ids);
    } else {
      HEARTH_TRY(auto spelled, model.text_ids(*std::get_if<std::string>(&input)));
      out.texts.push_back(std::move(spelled));
    }
  }
  return out;
}

}  // namespace

Reply post_embeddings(Service& service, const Request& http) {
  api::EmbeddingsRequest request;
  if (auto fault = api::parse_embeddings_request(http.body, request)) return error_response(*fault);
  auto found = requested_model(service, request.model);
  if (Reply* reply = std::get_if<Reply>(&found)) return std::move(*reply);
  const ModelPtr& model = *std::get_if<ModelPtr>(&found);
  if (const auto kind = engine::check_embeds(*model); !kind) {
    return error_response(api::to_api_error(kind.error(), "model"));
  }
  auto texts = to_engine(*model, request.inputs);
  if (!texts) return error_response(api::to_api_error(texts.error(), "input"));
  auto running = service.engine.embed(model, *std::move(texts));
  if (!running) return error_response(api::to_api_error(running.error(), "input"));
  return std::unique_ptr<LateResponse>(
      std::make_unique<Vectors>(model, request, *std::move(running)));
}

}  // namespace hearth::server
