#include "api/models.h"

#include "api/json.h"

namespace hearth::api {

namespace {
Json to_json(const ModelEntry& model) {
  return {
      {"id", model.id}, {"object", "model"}, {"created", model.created}, {"owned_by", "hearth"}};
}
}  // namespace

std::string model_list(const std::vector<ModelEntry>& models) {
  Json list = Json::array();
  for (const ModelEntry& model : models) list.push_back(to_json(model));
  return dump({{"object", "list"}, {"data", std::move(list)}});
}

std::string model_object(const ModelEntry& model) { return dump(to_json(model)); }

}  // namespace hearth::api
