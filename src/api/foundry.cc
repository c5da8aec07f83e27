#include "api/foundry.h"

#include "api/json.h"
#include "base/str.h"

namespace hearth::api {

namespace {

Json to_json(const FoundryModel& model) {
  const std::string license = model.license.empty() ? "unknown" : model.license;
  return {{"name", cat(model.name, ":", model.version)},
          {"displayName", model.name},
          {"modelType", "GGUF"},
          // SDKs append "Local" to this one only, and send it back with a download.
          {"providerType", "AzureFoundry"},
          {"uri", cat("hearth://models/", model.alias)},
          {"version", model.version},
          // The file's own template is used; the SDKs pass this on and never read it.
          {"promptTemplate", nullptr},
          {"publisher", model.publisher},
          {"task", model.embeds ? "embeddings" : "chat-completion"},
          {"runtime", {{"deviceType", "CPU"}, {"executionProvider", "CPUExecutionProvider"}}},
          {"fileSizeMb", (model.bytes + (1U << 20U) - 1) >> 20U},
          {"modelSettings", {{"parameters", Json::array()}}},
          {"alias", model.alias},
          {"supportsToolCalling", !model.embeds && model.tools},
          {"license", license},
          {"licenseDescription", cat("License: ", license)},
          {"parentModelUri", cat("hearth://models/", model.alias)},
          {"maxOutputTokens", model.max_output_tokens},
          {"minFLVersion", "0.3"}};
}

}  // namespace

std::string foundry_list(const std::vector<FoundryModel>& models) {
  Json list = Json::array();
  for (const FoundryModel& model : models) list.push_back(to_json(model));
  return dump(list);
}

}  // namespace hearth::api
