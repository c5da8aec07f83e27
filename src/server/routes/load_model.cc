// load_model.cc - GET /openai/load/{name} and GET /models/load/{name}: a model of the cache,
// loaded.
//
// The first is Foundry Local's older form: ?ttl=SECONDS (or ?timeout=) unloads the model when
// unused for so long, ?ep= names what it runs on, and the answer is empty. The second answers what
// happened. What has to be downloaded first is told apart by the words, and here by the status,
// that the clients of either look for.
#include <chrono>
#include <optional>

#include "base/str.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "server/local_change.h"
#include "server/requested_model.h"

namespace hearth::server {

namespace {

using TimeToLive = std::optional<std::chrono::seconds>;

api::ApiError bad_query(const std::string& name, std::string_view value,
                        std::string_view expected) {
  return {.message = cat("?", name, "=", value, ": ", expected), .param = name, .code = {}};
}

// The SDKs send every parameter, empty where they have no wish.
std::variant<TimeToLive, api::ApiError> read_query(const Request& request) {
  TimeToLive ttl;
  for (const auto& [name, value] : request.query) {
    const std::string lower = lower_case(value);
    if (value.empty()) continue;
    if (name == "ttl" || name == "timeout") {
      const auto seconds = parse_int(value);
      if (!seconds || *seconds < 0 || *seconds > api::kMaxTimeToLive) {
        return bad_query(name, value, "expected seconds without use, 0 for no limit");
      }
      ttl = std::chrono::seconds(*seconds);
    } else if (name == "ep") {
      if (!api::is_known_provider(value)) {
        return bad_query(name, value, "this version runs models on the CPU only: ep=cpu");
      }
    } else if (name != "unload") {
      return bad_query(name, value, "no such parameter here; ttl, ep and unload are");
    } else if (lower != "true" && lower != "false") {
      return bad_query(name, value, "expected true or false");
    }
  }
  return ttl;
}

}  // namespace

Reply load_openai_model(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  const auto query = read_query(request);
  if (const auto* fault = std::get_if<api::ApiError>(&query)) return error_response(*fault);
  auto found = requested_model(service, request.path_rest);
  if (auto* reply = std::get_if<Reply>(&found)) {
    const auto missing = service.models.find_cached(request.path_rest);
    if (missing || missing.error().kind != ErrorKind::not_found) return std::move(*reply);
    // The SDKs know by these words that the model has to be downloaded.
    return error_response(
        api::model_not_found(cat("No OpenAIService provider found for modelName ",
                                 request.path_rest, ": ", missing.error().message)));
  }
  const std::string& id = std::get<ModelPtr>(found)->id();
  if (const auto ttl = std::get<TimeToLive>(query)) {
    const auto set = service.engine.set_time_to_live(id, *ttl);
    if (!set) return error_response(api::to_api_error(set.error()));
  }
  return Response{200, {}, {}};
}

// Of a model that the catalogue has; anybody else's name stays not found.
std::optional<api::ApiError> not_cached(const Service& service, const std::string& name) {
  const auto cached = service.models.find_cached(name);
  if (cached || cached.error().kind != ErrorKind::not_found) return std::nullopt;
  const auto alias = catalog::alias_of(name);
  if (!alias) return std::nullopt;
  const auto known = catalog::find_known_model(*alias);
  if (!known || !*known) return std::nullopt;
  return api::ApiError{.message = cat("Model not cached: ", name, "; \"hearth model download ",
                                      *alias, "\" or POST /openai/download brings it"),
                       .param = {},
                       .code = "model_not_cached"};
}

// A second call after loading finds the model loaded, so what is "already" there is told by whether
// this request had it loaded.
Reply load_model(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  auto found = requested_model(service, request.path_rest);
  if (auto* reply = std::get_if<Reply>(&found)) {
    const auto missing = not_cached(service, request.path_rest);
    return missing ? error_response(*missing) : std::move(*reply);
  }
  return json_response(request.n_loads > 0 ? R"({"status":"loaded"})"
                                           : R"({"status":"already_loaded"})");
}

}  // namespace hearth::server
