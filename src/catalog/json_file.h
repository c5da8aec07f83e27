// json_file.h - small JSON files that belong to this user, replaced whole when they change.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"

namespace hearth::catalog {

// nullopt: there is certainly no such file; a link to nothing or a folder that cannot be searched
// is an error. Errors: invalid (it is no strict JSON), io.
Result<std::optional<nlohmann::ordered_json>> read_json_file(const std::string& path);

// Changes the file, or what `absent` is instead of one, while no other process does; its folder is
// made when there is none. The file is readable by its user alone when `is_private`. `lock`: the
// name of the lock, in the same folder. Errors: those of reading, of `change`, io.
struct JsonFile {
  std::string path;
  std::string lock;
  bool is_private = false;
};
Result<void> change_json_file(const JsonFile& file, const nlohmann::ordered_json& absent,
                              const std::function<Result<void>(nlohmann::ordered_json&)>& change);

}  // namespace hearth::catalog
