// chat_template.h - messages to the exact prompt a model was trained on, by its own Jinja template.
//
// The rendered prompt is a list of spans: what the template wrote is trusted; what came in through
// a message (content, names, tool arguments) or a tool is not, so that a user's "<|im_end|>" stays
// text. One exception: a message's `role`, when it is made of [a-z_] only, is trusted, because
// templates build control tokens from it (Phi writes '<|' + role + '|>').
#pragma once

#include <ctime>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace hearth::text {

class ChatTemplate {
 public:
  struct Options {
    bool add_generation_prompt = true;
    std::time_t now = 0;  // for strftime_now; UTC
  };

  // bos, eos: the texts the template sees as bos_token and eos_token ("" when the model has none).
  // Errors: invalid, with line and column, when the template does not parse.
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source, std::string bos,
                                                           std::string eos);
  virtual ~ChatTemplate() = default;

  // messages: an array of {role, content, …} objects. tools: an array, or null. variables: an
  // object of further variables (enable_thinking, reasoning_effort, …), or null. Errors: invalid
  // (raise_exception's own message, or a type error with its line). Rendering is bounded in depth,
  // in output bytes, and in steps, which grow with what was given.
  virtual Result<std::vector<TextSpan>> render(const nlohmann::ordered_json& messages,
                                               const nlohmann::ordered_json& tools,
                                               const nlohmann::ordered_json& variables,
                                               const Options& options) const = 0;
};

}  // namespace hearth::text
