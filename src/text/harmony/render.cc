#include "text/harmony/render.h"

#include <algorithm>
#include <string_view>

#include "base/str.h"
#include "text/harmony/tokens.h"

namespace hearth::harmony {

namespace {

using std::string_view_literals::operator""sv;

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

// Lines end in \n or \r\n; one at the end of the text begins no further line.
void add_comment_lines(std::string_view text, std::vector<std::string>& lines) {
  while (!text.empty()) {
    const std::size_t at = text.find('\n');
    std::string_view line = text.substr(0, at);
    text.remove_prefix(at == text.npos ? text.size() : at + 1);
    if (at != text.npos && line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(cat("// ", line));
  }
}

std::string namespace_section(const ToolNamespace& names) {
  std::vector<std::string> lines = {cat("## ", names.name, "\n")};
  if (names.tools.empty()) {
    if (!names.description.empty()) lines.push_back(names.description);
    return join(lines, "\n");
  }
  add_comment_lines(names.description, lines);
  lines.push_back(cat("namespace ", names.name, " {\n"));
  for (const Tool& tool : names.tools) {
    add_comment_lines(tool.description, lines);
    lines.push_back(tool.parameters
                        ? cat("type ", tool.name, " = (_: ", *tool.parameters, ") => any;\n")
                        : cat("type ", tool.name, " = () => any;\n"));
  }
  lines.push_back(cat("} // namespace ", names.name));
  return join(lines, "\n");
}

std::string tools_section(const ToolNamespaces& tools) {
  std::vector<std::string> sections = {"# Tools"};
  for (const auto& [key, names] : tools) sections.push_back(namespace_section(names));
  return join(sections, "\n\n");
}

std::string channels_section(const SystemContent& content, bool has_functions) {
  return cat("# Valid channels: ", join(content.valid_channels, ", "), ".",
             content.channel_required ? " Channel must be included for every message." : "",
             has_functions
                 ? "\nCalls to these tools must go to the commentary channel: 'functions'."
                 : "");
}

std::string system_text(const SystemContent& content, bool has_functions) {
  std::vector<std::string> top;
  if (content.model_identity) top.push_back(*content.model_identity);
  if (content.knowledge_cutoff) top.push_back("Knowledge cutoff: " + *content.knowledge_cutoff);
  if (content.conversation_start_date) {
    top.push_back("Current date: " + *content.conversation_start_date);
  }
  std::vector<std::string> sections;
  if (!top.empty()) sections.push_back(join(top, "\n"));
  if (content.reasoning_effort) sections.push_back("Reasoning: " + *content.reasoning_effort);
  if (!content.tools.empty()) sections.push_back(tools_section(content.tools));
  if (!content.valid_channels.empty()) sections.push_back(channels_section(content, has_functions));
  return join(sections, "\n\n");
}

std::string developer_text(const DeveloperContent& content) {
  std::vector<std::string> sections;
  if (content.instructions) {
    sections.emplace_back("# Instructions");
    sections.push_back(*content.instructions);
  }
  if (!content.tools.empty()) sections.push_back(tools_section(content.tools));
  return join(sections, "\n\n");
}

bool offers_functions(const Content& content) {
  const auto* developer = std::get_if<DeveloperContent>(&content);
  if (developer == nullptr) return false;
  const auto functions = developer->tools.find("functions"sv);
  return functions != developer->tools.end() && !functions->second.tools.empty();
}

class Renderer {
 public:
  explicit Renderer(std::span<const Message> conversation) : conversation_(conversation) {
    for (const Message& message : conversation) {
      const auto& parts = message.content;
      has_functions_ = has_functions_ || std::any_of(parts.begin(), parts.end(), offers_functions);
    }
  }

  std::vector<Piece> run(const RenderOptions& options) {
    const std::size_t n_dropping = options.auto_drop_analysis ? n_without_analysis() : 0;
    for (std::size_t i = 0; i < conversation_.size(); ++i) {
      if (i >= n_dropping || conversation_[i].header.channel != "analysis") {
        message(conversation_[i]);
      }
    }
    if (options.mode == RenderMode::completion) {
      control(kStart);
      text(role_name(options.next_role));
    }
    if (options.mode == RenderMode::training && ends_in_final_answer()) {
      pieces_.back().text = kReturn;
    }
    return std::move(pieces_);
  }

 private:
  void control(std::string_view name) { pieces_.push_back({std::string(name), true}); }
  void text(std::string_view text) { pieces_.push_back({std::string(text), false}); }

  // The leading messages whose analysis is no longer wanted.
  std::size_t n_without_analysis() const {
    const auto is_assistant = [](const Message& m) { return m.header.role == Role::assistant; };
    const auto last = std::find_if(conversation_.rbegin(), conversation_.rend(), is_assistant);
    if (last == conversation_.rend() || last->header.channel != "final") return 0;
    const auto first_final =
        std::find_if(conversation_.begin(), conversation_.end(),
                     [](const Message& m) { return m.header.channel == "final"; });
    return static_cast<std::size_t>(first_final - conversation_.begin());
  }

  bool ends_in_final_answer() const {
    return !conversation_.empty() && conversation_.back().header.role == Role::assistant &&
           conversation_.back().header.channel == "final";
  }

  void message(const Message& message) {
    header(message.header);
    for (const Content& part : message.content) {
      if (const auto* plain = std::get_if<std::string>(&part)) text(*plain);
      if (const auto* system = std::get_if<SystemContent>(&part)) {
        text(system_text(*system, has_functions_));
      }
      if (const auto* developer = std::get_if<DeveloperContent>(&part)) {
        text(developer_text(*developer));
      }
    }
    const bool is_call = message.header.role == Role::assistant && message.header.recipient;
    control(is_call ? kCall : kEnd);
  }

  void header(const Header& header) {
    control(kStart);
    if (header.role == Role::tool) {
      text(header.name);
    } else {
      text(role_name(header.role));
      if (!header.name.empty()) text(":" + header.name);
    }
    if (header.recipient && *header.recipient != "all") text(" to=" + *header.recipient);
    if (header.channel) {
      control(kChannel);
      text(*header.channel);
    }
    if (header.content_type) content_type(*header.content_type);
    control(kMessage);
  }

  void content_type(std::string_view type) {
    if (!type.starts_with(kConstrain)) return text(cat(" ", type));
    text(" ");
    control(kConstrain);
    text(type.substr(kConstrain.size()));
  }

  std::span<const Message> conversation_;
  bool has_functions_ = false;
  std::vector<Piece> pieces_;
};

}  // namespace

std::vector<Piece> render(std::span<const Message> conversation, const RenderOptions& options) {
  return Renderer(conversation).run(options);
}

Result<std::vector<text::TokenId>> encode(const text::Tokenizer& tokenizer,
                                          std::span<const Piece> pieces) {
  std::vector<text::TokenId> ids;
  for (const Piece& piece : pieces) {
    if (piece.is_control) {
      HEARTH_TRY(const text::TokenId id, find_token(tokenizer, piece.text));
      ids.push_back(id);
      continue;
    }
    HEARTH_TRY(const text::Encoding encoding, tokenizer.encode(piece.text, false, {.exact = true}));
    ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
  }
  return ids;
}

std::string text_of(std::span<const Piece> pieces) {
  std::string out;
  for (const Piece& piece : pieces) out += piece.text;
  return out;
}

}  // namespace hearth::harmony
