// chat.h - a conversation at the terminal.
//
// The terminal edits the line; a line is a message. Answers go to standard output, everything else
// to standard error. Ctrl+C stops the running answer and keeps what was shown of it; at the prompt
// it takes two to leave. A message that no longer fits the context is refused with the numbers and
// taken back: nothing of the conversation is ever dropped silently.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/answer.h"
#include "cli/form.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "engine/request.h"

namespace hearth::cli {

class Chat {
 public:
  // settings: everything of the requests but the prompt. variables: of the chat template. shape:
  // what every answer must be. signals
  // must have been made before the session's engine. system: "" for none.
  Chat(const Session& session, engine::Request settings, const std::string& system,
       nlohmann::ordered_json variables, std::optional<text::ContentShape> shape,
       SignalQueue& signals);
  int run();  // the exit code

 private:
  enum class After { go_on, leave };
  After command(const std::string& line);
  void clear();
  void show_stats() const;
  void answer(const std::string& line);
  void finish(const engine::Generation& generation, const ShownAnswer& shown);

  const Session& session_;
  engine::Request settings_;
  std::string system_;
  nlohmann::ordered_json variables_;
  std::optional<text::ContentShape> shape_;
  SignalQueue& signals_;
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
  engine::Usage last_;          // of the last answer
  std::int64_t n_answers_ = 0;  // since the start
  std::int64_t n_generated_ = 0;
};

}  // namespace hearth::cli
