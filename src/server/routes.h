// routes.h - the one list of what the service answers. A route is a file in routes/ and a row in
// routes.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "server/downloads.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/model_directory.h"
#include "server/response_store.h"

namespace hearth::server {

// What a route may use; one for all requests, so everything in it is safe for several threads.
struct Service {
  engine::Engine& engine;
  ModelDirectory& models;
  ResponseStore& responses;
  Downloads& downloads;
  Metrics& metrics;
  std::string default_model;
  std::string url = {};             // "http://127.0.0.1:5273"
  bool asks_for_key = false;        // of every route that is not open
  std::function<void()> stop = {};  // as Server::stop()
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

struct Route {
  std::string_view method;  // "GET" also answers HEAD
  std::string_view path;    // a trailing "{…}" stands for the rest of the path, slashes included
  Reply (*handle)(Service&, const Request&);
  bool quick;  // never waits, never computes: may run on an I/O thread
  bool open;   // answers without the API key
  std::string_view what;
};

std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;
  std::string path_rest;
  std::string allowed;  // methods of this path, "GET, HEAD, OPTIONS"; "" for an unknown path
};
// method "HEAD" finds the GET route.
RouteMatch find_route(std::string_view method, std::string_view path);

Reply get_root(Service&, const Request&);
Reply get_openapi(Service&, const Request&);
Reply get_metrics(Service&, const Request&);
Reply get_health(Service&, const Request&);
Reply get_openai_status(Service&, const Request&);
Reply get_status(Service&, const Request&);
Reply get_foundry_cache(Service&, const Request&);
Reply get_foundry_list(Service&, const Request&);
Reply get_gpu_device(Service&, const Request&);
Reply set_gpu_device(Service&, const Request&);
Reply list_cached_ids(Service&, const Request&);
Reply list_loaded_ids(Service&, const Request&);
Reply load_openai_model(Service&, const Request&);
Reply load_model(Service&, const Request&);
Reply unload_openai_model(Service&, const Request&);
Reply unload_model(Service&, const Request&);
Reply unload_all(Service&, const Request&);
Reply post_download(Service&, const Request&);
Reply post_register(Service&, const Request&);
Reply post_shutdown(Service&, const Request&);
Reply list_models(Service&, const Request&);
Reply get_model(Service&, const Request&);
Reply post_chat_completions(Service&, const Request&);
Reply post_count_tokens(Service&, const Request&);
Reply post_responses(Service&, const Request&);
Reply get_response(Service&, const Request&);
Reply delete_response(Service&, const Request&);
Reply post_embeddings(Service&, const Request&);
Reply post_completions(Service&, const Request&);

}  // namespace hearth::server
