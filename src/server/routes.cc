#include "server/routes.h"

#include <array>

#include "base/str.h"

namespace hearth::server {

namespace {

constexpr std::array kRoutes = {
    Route{"GET", "/", get_root, true, true, "what this is"},
    Route{"GET", "/health", get_health, true, true, "200 while the service takes requests"},
    Route{"GET", "/openapi.json", get_openapi, true, true, "this list, as an OpenAPI document"},
    Route{"GET", "/metrics", get_metrics, true, false, "what the service does, for Prometheus"},
    Route{"GET", "/v1/models", list_models, false, false, "the models that can be asked for"},
    Route{"GET", "/v1/models/{id}", get_model, false, false, "one of them"},
    Route{"POST", "/v1/chat/completions", post_chat_completions, false, false,
          "a model's answer to messages, whole or streamed"},
    Route{"POST", "/v1/chat/completions/tokenizer/encode/count", post_count_tokens, false, false,
          "how many tokens a chat request's prompt has"},
    Route{"POST", "/v1/completions", post_completions, false, false,
          "a model's continuation of a text, whole or streamed"},
    Route{"POST", "/v1/responses", post_responses, false, false,
          "a model's answer to items, whole or streamed, which can be gone on from"},
    Route{"GET", "/v1/responses/{id}", get_response, false, false,
          "such an answer again; with /input_items what it answered"},
    Route{"DELETE", "/v1/responses/{id}", delete_response, false, false, "forgets one"},
    Route{"POST", "/v1/embeddings", post_embeddings, false, false, "texts as vectors"},
    Route{"GET", "/v1/health", get_health, true, true, "as /health"},
    Route{"GET", "/status", get_status, false, false, "where the service listens, and its process"},
    Route{"POST", "/shutdown", post_shutdown, false, false, "ends the service once answers have"},
    Route{"GET", "/models/loaded", list_loaded_ids, false, false, "ids of the loaded models"},
    Route{"GET", "/models/load/{name}", load_model, false, false, "loads a model of the cache"},
    Route{"GET", "/models/unload/{name}", unload_model, false, false, "unloads a model"},
    Route{"GET", "/openai/status", get_openai_status, false, false,
          "where the service listens and keeps models"},
    Route{"GET", "/openai/models", list_cached_ids, false, false, "ids of the models in the cache"},
    Route{"GET", "/openai/loadedmodels", list_loaded_ids, false, false, "ids of the loaded models"},
    Route{"POST", "/openai/download", post_download, false, false,
          "a model of the catalogue into the cache, with progress"},
    Route{"POST", "/openai/register", post_register, false, false,
          "refused: this service passes nothing on to others"},
    Route{"GET", "/openai/load/{name}", load_openai_model, false, false,
          "loads a model of the cache, for ?ttl seconds without use"},
    Route{"GET", "/openai/unload/{name}", unload_openai_model, false, false, "unloads a model"},
    Route{"GET", "/openai/unloadall", unload_all, false, false, "unloads every model"},
    Route{"GET", "/openai/getgpudevice", get_gpu_device, true, false,
          "the device that computes: -1, the CPU"},
    Route{"GET", "/openai/setgpudevice/{id}", set_gpu_device, true, false,
          "chooses it; only -1 is there"},
    Route{"GET", "/foundry/list", get_foundry_list, false, false,
          "the catalogue, as Foundry Local's SDKs read it"},
    Route{"GET", "/foundry/cache", get_foundry_cache, false, false, "the cache's folder"},
};

// Whether the path is the route's; rest gets what "{…}" stands for, which is never empty.
bool matches(std::string_view pattern, std::string_view path, std::string& rest) {
  const std::size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) return path == pattern;
  if (path.size() <= brace || path.substr(0, brace) != pattern.substr(0, brace)) return false;
  rest = path.substr(brace);
  return true;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

RouteMatch find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  RouteMatch match;
  for (const Route& route : kRoutes) {
    if (!matches(route.path, path, match.path_rest)) continue;
    match.allowed += match.allowed.empty() ? "" : ", ";
    match.allowed += route.method == "GET" ? "GET, HEAD" : std::string(route.method);
    if (route.method == method) match.route = &route;
  }
  if (!match.allowed.empty()) match.allowed += ", OPTIONS";
  return match;
}

}  // namespace hearth::server
