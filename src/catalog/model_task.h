// model_task.h - what a model of the cache that the catalogue does not know is for.
#pragma once

#include <string>

namespace hearth::catalog {

// As KnownModel::task, by what the file says; "" when it cannot be opened. Reads the file's head
// (20 ms where the vocabulary is large), again only when the file was written since. Any thread.
std::string task_of_file(const std::string& path);

}  // namespace hearth::catalog
