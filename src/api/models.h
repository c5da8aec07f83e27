// models.h - GET /v1/models and GET /v1/models/{id}: what can be asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::api {

struct ModelEntry {
  std::string id;
  std::int64_t created = 0;  // seconds since 1970: when it came into the cache
};

std::string model_list(const std::vector<ModelEntry>& models);
std::string model_object(const ModelEntry& model);

}  // namespace hearth::api
