// render.h - a template and its variables to text.
#pragma once

#include <ctime>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace hearth::jinja {

class Renderer;

// One rendering: make it, make the variables' values with its runtime, set them, render once.
class Rendering {
 public:
  Rendering(const Template& source, const Limits& limits, std::time_t now);
  ~Rendering();
  Rendering(const Rendering&) = delete;
  Rendering& operator=(const Rendering&) = delete;

  Runtime& runtime();
  void set(std::string_view name, Value value);
  // Errors: invalid; "chat template, line 3, column 7: …", or the message of raise_exception alone.
  Result<MarkedText> render();

 private:
  std::unique_ptr<Renderer> renderer_;
};

}  // namespace hearth::jinja
