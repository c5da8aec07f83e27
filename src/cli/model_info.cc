// hearth model info MODEL - what a user needs to know before running it; of a model that is not on
// this machine, what the catalogue knows.
#include <optional>

#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "cli/command.h"
#include "cli/memory_need.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "formats/conventions.h"
#include "formats/describe.h"

namespace hearth::cli {

namespace {

// "q4_1 60.2 MB, q8_0 30.1 MB"
std::string types_text(const formats::Checkpoint& checkpoint) {
  std::string out;
  for (const auto& total : formats::totals_by_dtype(checkpoint)) {
    out +=
        cat(out.empty() ? "" : ", ", dtype_info(total.dtype).name, " ", human_bytes(total.n_bytes));
  }
  return out;
}

using Rows = std::vector<std::vector<std::string>>;

nlohmann::ordered_json sampling_json(const formats::RecommendedSampling& s) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (s.temperature) json["temperature"] = *s.temperature;
  if (s.top_p) json["top_p"] = *s.top_p;
  if (s.top_k) json["top_k"] = *s.top_k;
  if (s.min_p) json["min_p"] = *s.min_p;
  if (s.repetition_penalty) json["repetition_penalty"] = *s.repetition_penalty;
  return json;
}

std::string or_none(std::string text) { return text.empty() ? "none" : text; }

template <class Texts>
std::string list(const Texts& texts) {
  return or_none(one_line(joined({texts.begin(), texts.end()})));
}

// What is known of a model with a tokenizer.
struct Talk {
  formats::Conventions conventions;
  std::vector<std::string> stop_tokens;
};

Result<std::optional<Talk>> talk_of(const formats::Checkpoint& checkpoint, std::string_view alias) {
  if (!checkpoint.tokenizer) return std::optional<Talk>();
  HEARTH_TRY(const auto tokenizer, text::Tokenizer::build(*checkpoint.tokenizer));
  HEARTH_TRY(auto conventions, formats::conventions_of(checkpoint, alias, *tokenizer));
  Talk talk{std::move(conventions), {}};
  for (const text::TokenId id : tokenizer->spec().end_of_generation) {
    talk.stop_tokens.push_back(tokenizer->spec().tokens[static_cast<std::size_t>(id)]);
  }
  return std::optional(std::move(talk));
}

void add_talk(nlohmann::ordered_json& json, const Talk& talk) {
  const formats::Conventions& c = talk.conventions;
  json["family"] = nullptr;
  if (c.preset != nullptr) json["family"] = c.preset->family;
  json["stop_tokens"] = talk.stop_tokens;
  json["tool_calls"] = text::name_of(c.answer.tools);
  json["reasoning"] = text::name_of(c.answer.reasoning);
  json["sampling"] = sampling_json(c.sampling);
  json["assumed"] = c.assumptions;
}

void add_talk(Rows& rows, const Talk& talk) {
  const formats::Conventions& c = talk.conventions;
  rows.push_back({"family", c.preset == nullptr ? "unknown" : std::string(c.preset->family)});
  rows.push_back({"stop tokens", list(talk.stop_tokens)});
  rows.push_back({"tool calls", std::string(text::name_of(c.answer.tools))});
  rows.push_back({"reasoning", std::string(text::name_of(c.answer.reasoning))});
  rows.push_back({"sampling", or_none(formats::describe(c.sampling))});
  for (const std::string& assumption : c.assumptions) {
    rows.push_back({"assumed", one_line(assumption)});
  }
}

// Who made a model and under which terms, as its file or the catalogue says.
struct License {
  std::string license, publisher, link;
};

std::string text_of(const formats::Checkpoint& checkpoint, std::string_view key) {
  const auto at = checkpoint.metadata.find(key);
  if (at == checkpoint.metadata.end()) return {};
  const auto* text = std::get_if<std::string>(&at->second);
  return text == nullptr ? std::string() : *text;
}

std::string page_of(const std::string& hub) {  // "hf:owner/repository:Q4_K_M"
  if (!hub.starts_with("hf:")) return {};
  return cat("https://huggingface.co/", hub.substr(3, hub.find(':', 3) - 3));
}

License license_of(const catalog::KnownModel* known, const formats::Checkpoint* checkpoint) {
  License out;
  if (checkpoint != nullptr) {
    out = {.license = text_of(*checkpoint, "general.license"),
           .publisher = text_of(*checkpoint, "general.organization"),
           .link = text_of(*checkpoint, "general.license.link")};
  }
  if (known == nullptr) return out;
  if (out.license.empty()) out.license = known->license;
  if (out.publisher.empty()) out.publisher = known->publisher;
  if (out.link.empty()) out.link = page_of(known->hub);
  return out;
}

Result<int> show_license(const std::string& alias, const License& license, bool json) {
  if (json) {
    print(json_text({{"alias", alias},
                     {"license", license.license},
                     {"publisher", license.publisher},
                     {"link", license.link}}));
    return kSuccess;
  }
  const auto or_unknown = [](const std::string& text) {
    return text.empty() ? std::string("unknown: neither the file nor the catalogue says")
                        : one_line(text);
  };
  print(table({{"alias", alias},
               {"license", or_unknown(license.license)},
               {"publisher", or_unknown(license.publisher)},
               {"its terms", or_unknown(license.link)}}));
  return kSuccess;
}

struct Info {
  catalog::CachedModel model;
  std::optional<catalog::KnownModel> known;
  std::shared_ptr<const formats::Checkpoint> checkpoint;
  std::optional<Talk> talk;
  Result<MemoryNeed> need;
};

std::string id_of(const Info& info) {
  return info.known ? catalog::model_id(*info.known) : catalog::brought_model_id(info.model.alias);
}

License license_of(const Info& info) {
  return license_of(info.known ? &*info.known : nullptr, info.checkpoint.get());
}

std::string info_json(const Info& info) {
  const formats::Checkpoint& checkpoint = *info.checkpoint;
  nlohmann::ordered_json json = card_json(info.model);
  json["id"] = id_of(info);
  json["license"] = license_of(info).license;
  json["name"] = checkpoint.name;
  json["architecture"] = checkpoint.architecture;
  json["parameters"] = formats::n_parameters(checkpoint);
  for (const auto& total : formats::totals_by_dtype(checkpoint)) {
    json["types"][std::string(dtype_info(total.dtype).name)] = total.n_bytes;
  }
  json["chat_template"] = !checkpoint.chat_template.empty();
  if (info.talk) add_talk(json, *info.talk);
  if (!info.talk) json["tokenizer_problem"] = checkpoint.tokenizer_problem;
  json["memory"] = info.need ? memory_json(*info.need) : nlohmann::ordered_json(nullptr);
  if (!info.need) json["memory_problem"] = info.need.error().message;
  return json_text(json);
}

std::string info_text(const Info& info) {
  const formats::Checkpoint& checkpoint = *info.checkpoint;
  const catalog::CachedModel& model = info.model;
  Rows rows{{"alias", model.alias},
            {"id", id_of(info)},
            {"name", or_none(one_line(checkpoint.name))},
            {"license", or_none(one_line(license_of(info).license))},
            {"architecture", one_line(checkpoint.architecture)},
            {"parameters", cat(formats::n_parameters(checkpoint))},
            {"types", types_text(checkpoint)},
            {"chat template", checkpoint.chat_template.empty() ? "none" : "yes"}};
  if (info.talk) add_talk(rows, *info.talk);
  if (!info.talk) {
    rows.push_back({"tokenizer", or_none(one_line(checkpoint.tokenizer_problem))});
  }
  rows.push_back({"file", cat(one_line(model.path), " (", human_bytes(model.bytes), ")")});
  if (!model.sha256.empty()) {
    rows.push_back({"sha256", model.sha256});
    rows.push_back(
        {"imported", cat(utc_time(model.imported_at), " from ", one_line(model.source))});
  }
  return cat(table(rows),
             info.need
                 ? memory_text(*info.need)
                 : cat("memory: cannot be told: ", one_line(info.need.error().message), "\n"));
}

std::string known_json(const catalog::KnownModel& model) {
  nlohmann::ordered_json json{{"alias", model.alias},
                              {"id", catalog::model_id(model)},
                              {"names", model.names},
                              {"cached", false},
                              {"publisher", model.publisher},
                              {"license", model.license},
                              {"architecture", model.architecture},
                              {"task", model.task},
                              {"parameters", model.parameters},
                              {"context", model.context},
                              {"hub", model.hub},
                              {"megabytes", model.megabytes},
                              {"tools", model.tools},
                              {"stands_in_for", model.stands_in_for}};
  if (const formats::Preset* preset = formats::find_preset(model.family)) {
    json["family"] = model.family;
    json["stop_tokens"] = preset->stop_tokens;
    json["tool_calls"] = text::name_of(preset->answer.tools);
    json["reasoning"] = text::name_of(preset->answer.reasoning);
    json["sampling"] = sampling_json(preset->sampling);
  }
  return json_text(json);
}

std::string known_text(const catalog::KnownModel& model) {
  Rows rows{{"alias", model.alias},
            {"id", catalog::model_id(model)},
            {"other names", list(model.names)},
            {"publisher", one_line(model.publisher)},
            {"license", one_line(model.license)},
            {"architecture", one_line(model.architecture)},
            {"task", model.task},
            {"parameters", one_line(model.parameters)},
            {"context", cat(model.context)}};
  if (const formats::Preset* preset = formats::find_preset(model.family)) {
    rows.push_back({"family", model.family});
    rows.push_back({"stop tokens", list(preset->stop_tokens)});
    rows.push_back({"tool calls", std::string(text::name_of(preset->answer.tools))});
    rows.push_back({"reasoning", std::string(text::name_of(preset->answer.reasoning))});
    rows.push_back({"sampling", or_none(formats::describe(preset->sampling))});
  }
  if (!model.stands_in_for.empty()) rows.push_back({"stands in for", list(model.stands_in_for)});
  rows.push_back({"download",
                  model.hub.empty()
                      ? "the catalogue does not say where"
                      : cat(one_line(model.hub), ", about ",
                            human_bytes(static_cast<std::uint64_t>(model.megabytes) * 1'000'000))});
  rows.push_back(
      {"file", cat("not on this machine; bring it with: hearth model download ", model.alias)});
  return table(rows);
}

Result<int> info(const std::string& name, bool of_license, bool json) {
  const auto model = catalog::resolve(name);
  if (!model && model.error().kind != ErrorKind::not_found) return model.error();
  HEARTH_TRY(const std::string alias,
             model ? Result<std::string>(model->alias) : catalog::alias_of(name));
  // What lies somewhere under a name of the catalogue need not be the catalogue's model.
  const bool is_by_path = model && model->files.empty();
  std::optional<catalog::KnownModel> known;
  if (!is_by_path) {
    HEARTH_TRY(known, catalog::find_known_model(alias));
  }
  if (!model) {
    if (!known) return model.error();
    if (of_license) return show_license(known->alias, license_of(&*known, nullptr), json);
    print(json ? known_json(*known) : known_text(*known));
    return kSuccess;
  }
  HEARTH_TRY(auto checkpoint, formats::open_checkpoint(model->path));
  HEARTH_TRY(auto talk, talk_of(*checkpoint, model->alias));
  const Info all{*model, std::move(known), checkpoint, std::move(talk),
                 memory_need(*checkpoint, 0)};
  if (of_license) return show_license(all.model.alias, license_of(all), json);
  print(json ? info_json(all) : info_text(all));
  return kSuccess;
}

}  // namespace

void add_model_info(CLI::App& parent, Action& action) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto of_license = std::make_shared<bool>(false);
  CLI::App& command =
      *parent.add_subcommand("info", "show one model, or what the catalogue knows of it");
  add_model(command, *name);
  command.add_flag("--license", *of_license, "only under which terms it may be used");
  add_output_format(command, *json);
  command.callback([&action, name, of_license, json] {
    action = [name, of_license, json] { return info(*name, *of_license, *json); };
  });
}

}  // namespace hearth::cli
