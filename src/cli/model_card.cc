// model_card.cc - see model_card.h.
#include "cli/model_card.h"

#include <array>
#include <ctime>

#include "base/str.h"
#include "cli/output.h"

namespace hearth::cli {

nlohmann::ordered_json card_json(const catalog::CachedModel& model) {
  nlohmann::ordered_json json{{"alias", model.alias}, {"path", model.path}, {"bytes", model.bytes}};
  if (!model.sha256.empty()) {
    json["sha256"] = model.sha256;
    json["source"] = model.source;
    json["imported_at"] = model.imported_at;
  }
  return json;
}

std::string card_line(const catalog::CachedModel& model) {
  return cat(model.alias, "  ", human_bytes(model.bytes), "  ", one_line(model.path), "\n");
}

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string utc_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts) == 0) {
    return "unknown";
  }
  return text.data();
}

}  // namespace hearth::cli
