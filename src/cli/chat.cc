// chat.cc - the conversation: lines in, answers out, the messages so far.
#include "cli/chat.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/str.h"
#include "base/utf8.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/prompt.h"

namespace hearth::cli {

namespace {

constexpr std::array<std::string_view, 4> kCommands = {"/help", "/exit", "/clear", "/stats"};
constexpr const char* kHelp =
    "  /clear   forget the conversation (a system message stays)\n"
    "  /stats   tokens and speed\n"
    "  /exit    leave (also Ctrl+D)\n"
    "  Ctrl+C   stop the running answer\n"
    "  A line is a message; one that begins with / needs a blank before it.\n";

// Lines of the terminal, or a Ctrl+C between them.
class LineReader {
 public:
  explicit LineReader(SignalQueue& signals) : signals_(signals) {}

  enum class Kind { line, end, interrupt };
  Kind next(std::string& line) {
    while (true) {
      if (const std::size_t at = buffer_.find('\n'); at != std::string::npos) {
        line = buffer_.substr(0, at);
        buffer_.erase(0, at + 1);
        return Kind::line;
      }
      const Readable ready = wait_readable(signals_.fd(), STDIN_FILENO);
      if (ready.first && signals_.take()) {
        buffer_.clear();  // the terminal dropped its half-written line, too
        return Kind::interrupt;
      }
      if (ready.second && !fill()) {
        line = std::exchange(buffer_, {});
        return line.empty() ? Kind::end : Kind::line;
      }
    }
  }

 private:
  bool fill() {
    std::array<char, 4096> bytes{};
    const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(n));
    return true;
  }

  SignalQueue& signals_;
  std::string buffer_;
};

}  // namespace

Chat::Chat(const Session& session, engine::Request settings, const std::string& system,
           nlohmann::ordered_json variables, std::optional<text::ContentShape> shape,
           SignalQueue& signals)
    : session_(session),
      settings_(std::move(settings)),
      system_(system),
      variables_(std::move(variables)),
      shape_(std::move(shape)),
      signals_(signals) {
  clear();
}

int Chat::run() {
  note(cat(one_line(session_.model->id()), ", context ", session_.model->context(),
           " tokens. /help shows the commands, /exit leaves.\n"));
  LineReader reader(signals_);
  bool warned = false;  // the last thing typed was a Ctrl+C
  while (true) {
    note("> ");
    std::string line;
    switch (reader.next(line)) {
      case LineReader::Kind::end:
        note("\n");
        return kSuccess;
      case LineReader::Kind::interrupt:
        if (warned) {
          note("\n");
          return kInterrupted;
        }
        note("\n(Ctrl+C again or /exit leaves)\n");
        warned = true;
        continue;
      case LineReader::Kind::line:
        break;
    }
    warned = false;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line.front() != '/') {
      answer(line);
    } else if (command(line) == After::leave) {
      return kSuccess;
    }
  }
}

Chat::After Chat::command(const std::string& line) {
  const std::string word = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  if (word == "/exit") return After::leave;
  if (word == "/help" || word == "/?") {
    note(kHelp);
  } else if (word == "/clear") {
    clear();
    note("(the conversation is forgotten)\n");
  } else if (word == "/stats") {
    show_stats();
  } else {
    const std::string_view near = nearest(word, kCommands.data(), kCommands.size());
    note(cat("unknown command ", quote(word),
             near.empty() ? std::string("; /help shows them") : cat("; did you mean ", near, "?"),
             "\n"));
  }
  return After::go_on;
}

void Chat::clear() {
  messages_ = nlohmann::ordered_json::array();
  if (!system_.empty()) messages_.push_back(message("system", system_));
  last_ = {};
}

void Chat::show_stats() const {
  note(cat("  context  ", last_.prompt_tokens + last_.completion_tokens, " of ",
           session_.model->context(), " tokens used\n  answers  ", n_answers_, ", ", n_generated_,
           " tokens\n"));
  if (last_.prompt_tokens > 0) note(cat("  last     ", speed_text(last_), "\n"));
}

void Chat::answer(const std::string& line) {
  if (!is_valid_utf8(line)) return note("hearth: that line is not UTF-8; it was not sent\n");
  messages_.push_back(message("user", line));
  auto generation = [&]() -> Result<std::unique_ptr<engine::Generation>> {
    engine::Request request = settings_;
    HEARTH_TRY_VOID(set_chat_prompt(*session_.model, messages_, variables_, request));
    if (shape_) HEARTH_TRY_VOID(demand(*shape_, *session_.model, request));
    return session_.engine->submit(session_.model, std::move(request));
  }();
  if (!generation) {
    messages_.erase(messages_.size() - 1);
    const bool full = generation.error().kind == ErrorKind::context_overflow;
    return note(cat("hearth: ", one_line(generation.error().message),
                    full ? " Your message was not sent; /clear begins a new conversation." : "",
                    "\n"));
  }
  const ShownAnswer shown = print_answer(**generation, &signals_);
  print("\n");
  std::fflush(stdout);
  finish(**generation, shown);
}

// Keeps what was shown, so that the model sees the same conversation as the person; its template
// decides whether that includes its earlier reasoning.
void Chat::finish(const engine::Generation& generation, const ShownAnswer& shown) {
  if (shown.text.empty()) {
    messages_.erase(messages_.size() - 1);
    if (!shown.reasoning.empty()) note("(it had not answered yet: your message was taken back)\n");
  } else {
    messages_.push_back(message("assistant", shown.text));
    if (!shown.reasoning.empty()) messages_.back()["reasoning_content"] = shown.reasoning;
  }
  last_ = generation.usage();
  ++n_answers_;
  n_generated_ += last_.completion_tokens;
  switch (generation.finish_reason()) {
    case engine::FinishReason::cancelled:
      note("(stopped)\n");
      break;
    case engine::FinishReason::length:
      note(settings_.max_tokens > 0
               ? cat("(stopped after ", settings_.max_tokens, " tokens, as --max-tokens asks)\n")
               : std::string("(the context is full; /clear begins a new conversation)\n"));
      break;
    case engine::FinishReason::error:
      note(cat("hearth: ", generation.error() ? one_line(generation.error()->message) : "it failed",
               "\n"));
      break;
    case engine::FinishReason::stop:
    case engine::FinishReason::none:
      break;
  }
}

}  // namespace hearth::cli
