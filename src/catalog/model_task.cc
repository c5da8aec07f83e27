#include "catalog/model_task.h"

#include "formats/checkpoint.h"

namespace hearth::catalog {

std::string task_of_file(const std::string& path) {
  const auto checkpoint = formats::open_checkpoint(path);
  if (!checkpoint) return {};
  return (*checkpoint)->architecture == "bert" ? "embeddings" : "chat";
}

}  // namespace hearth::catalog
