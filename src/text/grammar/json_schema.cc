#include "text/grammar/json_schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "text/grammar/number_range.h"
#include "text/grammar/regular_expression.h"

namespace hearth::text {

namespace {

using Expr = GrammarBuilder::Expr;
using Rule = GrammarBuilder::Rule;
using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxWork = 2'000'000;  // see SchemaCompiler::work
constexpr std::size_t kPairWork = 20;        // of two parts of oneOf that are told apart by type

constexpr std::array<std::string_view, 17> kAnnotations = {
    "title",     "description", "default", "examples",         "example",        "$schema",
    "$id",       "$comment",    "$defs",   "definitions",      "deprecated",     "readOnly",
    "writeOnly", "id",          "$anchor", "contentMediaType", "contentEncoding"};

// Keywords by the type of value that they speak about; they say nothing about others.
constexpr std::array<std::string_view, 4> kOfStrings = {"minLength", "maxLength", "pattern",
                                                        "format"};
constexpr std::array<std::string_view, 5> kOfNumbers = {"minimum", "maximum", "exclusiveMinimum",
                                                        "exclusiveMaximum", "multipleOf"};
constexpr std::array<std::string_view, 6> kOfArrays = {"items",    "prefixItems", "additionalItems",
                                                       "minItems", "maxItems",    "uniqueItems"};
constexpr std::array<std::string_view, 6> kOfObjects = {
    "properties",    "required",      "additionalProperties",
    "minProperties", "maxProperties", "unevaluatedProperties"};
constexpr std::array<std::string_view, 9> kOfAll = {
    "type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "nullable", "discriminator"};

template <class List>
bool is_one_of(std::string_view word, const List& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_annotation(std::string_view key) {
  return is_one_of(key, kAnnotations) || key.starts_with("x-");
}

constexpr std::array<std::string_view, 7> kTypes = {"object",  "array",   "string", "number",
                                                    "integer", "boolean", "null"};

// The formats that are held to, as patterns. A pattern may describe fewer texts than the format: 29
// February is not in it, nor the short forms of an IPv6 address.
#define YEAR "[1-9][0-9]{3}"
#define LONG_MONTH "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
#define SHORT_MONTH "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
#define FEBRUARY "02-(0[1-9]|1[0-9]|2[0-8])"
#define DATE YEAR "-(" LONG_MONTH "|" SHORT_MONTH "|" FEBRUARY ")"
#define HOUR_MINUTE "([01][0-9]|2[0-3]):[0-5][0-9]"
#define TIME HOUR_MINUTE ":[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]" HOUR_MINUTE ")"
#define LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
#define ATOM "[A-Za-z0-9_+-]{1,32}"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define PATH "(/[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?"
constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
    {"date", "^" DATE "$"},
    {"time", "^" TIME "$"},
    {"date-time", "^" DATE "T" TIME "$"},
    {"duration", "^P([0-9]{1,4}[DW]|([0-9]{1,4}D)?T[0-9]{1,4}[HMS])$"},
    {"email", "^" ATOM "(\\." ATOM "){0,3}@" LABEL "(\\." LABEL "){1,4}$"},
    {"hostname", "^" LABEL "(\\." LABEL "){0,4}$"},
    {"ipv4", "^" BYTE "(\\." BYTE "){3}$"},
    {"ipv6", "^([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$"},
    {"uuid", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
    {"uri", "^[a-z][a-z0-9+.-]{1,15}://[A-Za-z0-9.-]+(:[0-9]{1,4})?" PATH "$"},
};
#undef YEAR
#undef LONG_MONTH
#undef SHORT_MONTH
#undef FEBRUARY
#undef DATE
#undef HOUR_MINUTE
#undef TIME
#undef LABEL
#undef ATOM
#undef BYTE
#undef PATH

std::string_view type_of(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_null()) return "null";
  return value.is_number_float() ? "number" : "integer";
}

// One segment of a JSON pointer.
std::string pointer_segment(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// The value and all inside it.
std::size_t n_values(const Json& json) {
  std::size_t n = 1;
  if (json.is_structured()) {
    for (const Json& inner : json) n += n_values(inner);
  }
  return n;
}

class SchemaCompiler {
 public:
  SchemaCompiler(GrammarBuilder& b, JsonGrammar& json, const Json& root, std::string_view name)
      : b_(b), json_(json), root_(root), name_(name) {}

  Result<Expr> run() { return compile(root_, ""); }

 private:
  Error fault(ErrorKind kind, std::string_view at, std::string_view what) const {
    return {kind, cat(name_, at.empty() ? "" : " at ", at, ": ", what)};
  }
  Error wrong(std::string_view at, std::string_view what) const {
    return fault(ErrorKind::invalid, at, what);
  }
  Error refuse(std::string_view at, std::string_view keyword, std::string_view why) const {
    return fault(
        ErrorKind::unsupported, at,
        cat("the keyword ", quote(keyword), " cannot be enforced", why.empty() ? "" : " ", why));
  }

  Result<Expr> compile(const Json& schema, const std::string& at) {
    if (depth_ >= kMaxDepth)
      return wrong(at, cat("more than ", kMaxDepth, " schemas in each other"));
    ++depth_;
    auto result = compile_inside(schema, at);
    --depth_;
    return result;
  }

  // What is compared with or copied beside what adds up to more than a schema's own size: parts
  // that a reference, allOf or oneOf brings together. A unit takes some 50 ns.
  Result<void> work(std::size_t n, const std::string& at) const {
    n_work_ += n;
    if (n_work_ <= kMaxWork) return {};
    return fault(ErrorKind::unsupported, at,
                 "it takes too much work to enforce; give it fewer or smaller parts");
  }

  Result<Expr> compile_inside(const Json& schema, const std::string& at) {
    HEARTH_TRY_VOID(work(n_values(schema), at));
    if (schema.is_boolean()) {
      if (schema.get<bool>()) return json_.value();
      return wrong(at, "false allows no value at all");
    }
    if (!schema.is_object()) {
      return wrong(at, cat("expected a schema (an object or a boolean), got ", type_of(schema)));
    }
    HEARTH_TRY_VOID(check_keywords(schema, at));
    if (schema.contains("$ref")) return reference(schema, at);
    if (schema.contains("allOf")) return all_of(schema, at);
    if (schema.contains("enum") || schema.contains("const")) return enumeration(schema, at);
    if (schema.contains("anyOf")) return any_of(schema, "anyOf", at);
    if (schema.contains("oneOf")) return any_of(schema, "oneOf", at);
    return of_types(schema, at);
  }

  Result<void> check_keywords(const Json& schema, const std::string& at) const {
    for (const auto& [key, value] : schema.items()) {
      const bool is_known = is_annotation(key) || is_one_of(key, kOfAll) ||
                            is_one_of(key, kOfStrings) || is_one_of(key, kOfNumbers) ||
                            is_one_of(key, kOfArrays) || is_one_of(key, kOfObjects);
      if (!is_known) return refuse(at, key, "");
    }
    return {};
  }

  // Keywords beside `but` that narrow the values.
  static std::optional<std::string> another_keyword(const Json& schema,
                                                    std::initializer_list<std::string_view> but) {
    for (const auto& [key, value] : schema.items()) {
      const bool expected = std::find(but.begin(), but.end(), key) != but.end();
      if (!expected && !is_annotation(key)) return key;
    }
    return std::nullopt;
  }

  // ---- $ref ----

  const Json* find(std::string_view pointer) const {
    if (pointer == "#") return &root_;
    if (!pointer.starts_with("#/")) return nullptr;
    const Json* found = &root_;
    std::string_view rest = pointer.substr(1);
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const std::size_t end = std::min(rest.find('/'), rest.size());
      std::string key;
      for (std::size_t i = 0; i < end; ++i) {
        if (rest[i] == '~' && i + 1 < end) {
          key += rest[++i] == '1' ? '/' : '~';
        } else {
          key += rest[i];
        }
      }
      rest.remove_prefix(end);
      n_work_ += found->size();
      if (found->is_object() && found->contains(key)) {
        found = &(*found)[key];
      } else if (const auto index = parse_int(key);
                 found->is_array() && index && *index >= 0 &&
                 static_cast<std::size_t>(*index) < found->size()) {
        found = &(*found)[static_cast<std::size_t>(*index)];
      } else {
        return nullptr;
      }
    }
    return found;
  }

  Result<const Json*> resolve(const Json& schema, const std::string& at) const {
    const Json& ref = schema["$ref"];
    if (!ref.is_string()) return wrong(at, "$ref must be a string");
    const auto& pointer = ref.get_ref<const std::string&>();
    const Json* target = find(pointer);
    if (target != nullptr) return target;
    if (!pointer.starts_with('#'))
      return refuse(
          at, "$ref",
          cat("to ", quote(pointer), ": only references within the schema (#/…) can be followed"));
    return wrong(at, cat("$ref ", quote(pointer), " points to nothing"));
  }

  Result<Expr> reference(const Json& schema, const std::string& at) {
    if (another_keyword(schema, {"$ref"})) {
      Json rest = schema;
      rest.erase("$ref");
      const Json both = {{"allOf", Json::array({Json{{"$ref", schema["$ref"]}}, rest})}};
      return all_of(both, at);
    }
    HEARTH_TRY(const Json* target, resolve(schema, at));
    const auto pointer = schema["$ref"].get<std::string>();
    if (const auto known = rules_.find(pointer); known != rules_.end()) {
      return b_.call(known->second);
    }
    const Rule rule = b_.declare(pointer);
    rules_.emplace(pointer, rule);
    HEARTH_TRY(const Expr meaning, compile(*target, pointer));
    b_.define(rule, meaning);
    return b_.call(rule);
  }

  // ---- allOf ----

  // Adds the keywords of one schema to those of others, which must not say something else.
  Result<void> merge(const Json& part, const std::string& at, int n_references, Json& all) const {
    if (n_references > kMaxDepth) return wrong(at, "$ref and allOf lead back to themselves");
    if (part.is_boolean() && part.get<bool>()) return {};
    if (!part.is_object()) return wrong(at, "allOf holds something that is no schema");
    HEARTH_TRY_VOID(check_keywords(part, at));
    HEARTH_TRY_VOID(work(n_values(part), at));
    for (const auto& [key, value] : part.items()) {
      if (is_annotation(key)) continue;
      if (key == "$ref") {
        HEARTH_TRY(const Json* target, resolve(part, at));
        HEARTH_TRY_VOID(merge(*target, value.get<std::string>(), n_references + 1, all));
      } else if (key == "allOf") {
        if (!value.is_array()) return wrong(at, "allOf must be an array");
        for (const Json& inner : value) HEARTH_TRY_VOID(merge(inner, at, n_references + 1, all));
      } else if (!all.contains(key)) {
        all[key] = value;
      } else if (key == "properties" && value.is_object() && all[key].is_object()) {
        HEARTH_TRY_VOID(merge_properties(value, at, all[key]));
      } else if (key == "required" && value.is_array() && all[key].is_array()) {
        for (const Json& name : value) all[key].push_back(name);
      } else if (all[key] != value) {
        return refuse(at, "allOf", cat("where its parts differ in ", quote(key)));
      }
    }
    return {};
  }

  Result<void> merge_properties(const Json& part, const std::string& at, Json& all) const {
    HEARTH_TRY_VOID(work(part.size() * all.size(), at));
    for (const auto& [name, schema] : part.items()) {
      if (!all.contains(name)) {
        all[name] = schema;
      } else if (all[name] != schema) {
        return refuse(at, "allOf", cat("where its parts differ in the property ", quote(name)));
      }
    }
    return {};
  }

  Result<Expr> all_of(const Json& schema, const std::string& at) {
    Json all = Json::object();
    HEARTH_TRY_VOID(merge(schema, at, 0, all));
    // Parts that each forbid other properties than their own would together forbid them all.
    HEARTH_TRY_VOID(check_closed_parts(schema, all, at));
    return compile(all, at);
  }

  Result<void> check_closed_parts(const Json& schema, const Json& all,
                                  const std::string& at) const {
    if (!schema["allOf"].is_array() || !all.contains("properties")) return {};
    for (const Json& part : schema["allOf"]) {
      const Json* one = &part;
      if (part.is_object() && part.contains("$ref")) {
        HEARTH_TRY(one, resolve(part, at));
      }
      const bool closed = one->is_object() && one->contains("additionalProperties") &&
                          (*one)["additionalProperties"] != Json(true);
      if (!closed) continue;
      HEARTH_TRY_VOID(work(all["properties"].size() * n_values(*one), at));
      for (const auto& [name, unused] : all["properties"].items()) {
        if (one->contains("properties") && (*one)["properties"].contains(name)) continue;
        return refuse(at, "allOf",
                      cat("where a part's additionalProperties meets the property ", quote(name),
                          " of another one"));
      }
    }
    return {};
  }

  // ---- enum, const ----

  Result<Expr> enumeration(const Json& schema, const std::string& at) {
    if (const auto other = another_keyword(schema, {"enum", "const", "type", "nullable"})) {
      return refuse(at, *other, "together with enum or const");
    }
    Json values = Json::array();
    if (schema.contains("enum")) {
      if (!schema["enum"].is_array()) return wrong(at, "enum must be an array");
      values = schema["enum"];
    }
    if (schema.contains("const")) {
      const bool in_enum = !schema.contains("enum") ||
                           std::find(values.begin(), values.end(), schema["const"]) != values.end();
      values = in_enum ? Json::array({schema["const"]}) : Json::array();
    }
    HEARTH_TRY(const auto types, types_of(schema, at));
    std::vector<Expr> ways;
    for (const Json& value : values) {
      const std::string_view type = type_of(value);
      const bool fits =
          types.empty() || types.contains(type) || (type == "integer" && types.contains("number"));
      if (fits) ways.push_back(json_.literal(value));
    }
    if (ways.empty()) return wrong(at, "no value is in enum and of the type");
    return b_.choice(std::move(ways));
  }

  // ---- anyOf, oneOf ----

  Result<Expr> any_of(const Json& schema, const std::string& key, const std::string& at) {
    const Json& parts = schema[key];
    if (!parts.is_array() || parts.empty())
      return wrong(at, cat(key, " must be a non-empty array"));
    if (key == "oneOf") HEARTH_TRY_VOID(check_disjoint(parts, at));
    Json shared = schema;
    shared.erase(key);
    for (const std::string_view annotation : kAnnotations) shared.erase(annotation);
    shared.erase("discriminator");
    std::vector<Expr> ways;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string part_at = cat(at, "/", key, "/", i);
      if (shared.empty()) {
        HEARTH_TRY(const Expr way, compile(parts[i], part_at));
        ways.push_back(way);
      } else {
        const Json both = {{"allOf", Json::array({parts[i], shared})}};
        HEARTH_TRY(const Expr way, compile(both, part_at));
        ways.push_back(way);
      }
    }
    return b_.choice(std::move(ways));
  }

  // That no value is of two parts is needed for oneOf, and shown where it can be seen: different
  // types, or a required member whose allowed values differ.
  Result<void> check_disjoint(const Json& parts, const std::string& at) const {
    std::vector<Json> flats;
    for (const Json& part : parts) {
      Json all = Json::object();
      HEARTH_TRY_VOID(merge(part, at, 0, all));
      for (std::size_t j = 0; j < flats.size(); ++j) {
        HEARTH_TRY(const bool disjoint, are_disjoint(all, flats[j], at));
        if (!disjoint) {
          return refuse(at, "oneOf",
                        cat("where a value may be of several parts (", j, " and ", flats.size(),
                            "); use anyOf"));
        }
      }
      flats.push_back(std::move(all));
    }
    return {};
  }

  Result<bool> are_disjoint(const Json& a, const Json& b, const std::string& at) const {
    const auto values_a = allowed_values(a), values_b = allowed_values(b);
    if (values_a && values_b) return no_common(*values_a, *values_b, at);
    HEARTH_TRY_VOID(work(kPairWork, at));
    HEARTH_TRY(const auto types_a, types_of(a, at));
    HEARTH_TRY(const auto types_b, types_of(b, at));
    const bool share_type = std::any_of(types_a.begin(), types_a.end(), [&](std::string_view type) {
      return types_b.contains(type) || (type == "integer" && types_b.contains("number")) ||
             (type == "number" && types_b.contains("integer"));
    });
    if (!types_a.empty() && !types_b.empty() && !share_type) return true;
    return differ_in_member(a, b, at);
  }

  // Objects both, told apart by a member that both require. (Without a type, what is compiled are
  // objects: meant_types.)
  Result<bool> differ_in_member(const Json& a, const Json& b, const std::string& at) const {
    const auto is_object = [](const Json& schema) {
      return schema.contains("type") ? schema["type"] == "object"
                                     : meant_types(schema) == std::set<std::string_view>{"object"};
    };
    if (!is_object(a) || !is_object(b)) return false;
    const Json* required_a = member(a, "required");
    const Json* required_b = member(b, "required");
    const Json* properties_a = member(a, "properties");
    const Json* properties_b = member(b, "properties");
    if (!required_a || !required_b || !properties_a || !properties_b) return false;
    for (const Json& name : *required_a) {
      HEARTH_TRY_VOID(work(required_b->size() + properties_a->size() + properties_b->size(), at));
      if (!name.is_string() ||
          std::find(required_b->begin(), required_b->end(), name) == required_b->end())
        continue;
      const auto& key = name.get_ref<const std::string&>();
      const Json* property_a = member(*properties_a, key);
      const Json* property_b = member(*properties_b, key);
      if (!property_a || !property_b) continue;
      const auto values_a = allowed_values(*property_a), values_b = allowed_values(*property_b);
      if (!values_a || !values_b) continue;
      HEARTH_TRY(const bool differ, no_common(*values_a, *values_b, at));
      if (differ) return true;
    }
    return false;
  }

  static const Json* member(const Json& object, std::string_view key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }

  using Values = std::span<const Json>;

  static std::optional<Values> allowed_values(const Json& schema) {
    if (const Json* value = member(schema, "const")) return Values(value, 1);
    const Json* values = member(schema, "enum");
    if (values == nullptr || !values->is_array()) return std::nullopt;
    return Values(values->get_ref<const Json::array_t&>());
  }

  Result<bool> no_common(Values a, Values b, const std::string& at) const {
    HEARTH_TRY_VOID(work(a.size() * b.size(), at));
    return std::none_of(a.begin(), a.end(), [&](const Json& value) {
      return std::find(b.begin(), b.end(), value) != b.end();
    });
  }

  // ---- types ----

  // What `type` says; empty: it does not.
  Result<std::set<std::string_view>> types_of(const Json& schema, const std::string& at) const {
    std::set<std::string_view> out;
    if (!schema.contains("type")) return out;
    const Json& type = schema["type"];
    const Json list = type.is_array() ? type : Json::array({type});
    for (const Json& one : list) {
      const auto known = std::find(kTypes.begin(), kTypes.end(),
                                   one.is_string() ? one.get_ref<const std::string&>() : "");
      if (known == kTypes.end()) {
        return wrong(
            at, cat("unknown type ", quote(one.dump(-1, ' ', true, Json::error_handler_t::replace)),
                    "; expected ", joined({kTypes.begin(), kTypes.end()})));
      }
      out.insert(*known);
    }
    if (out.empty()) return wrong(at, "type allows nothing");
    if (schema.contains("nullable") && schema["nullable"] == Json(true)) out.insert("null");
    return out;
  }

  template <class List>
  static bool has_any(const Json& schema, const List& keywords) {
    return std::any_of(keywords.begin(), keywords.end(),
                       [&](std::string_view key) { return schema.contains(key); });
  }

  // A schema without a type that speaks about objects means objects, as everybody who writes one
  // does.
  static std::set<std::string_view> meant_types(const Json& schema) {
    std::set<std::string_view> out;
    if (has_any(schema, kOfObjects)) out.insert("object");
    if (has_any(schema, kOfArrays)) out.insert("array");
    if (has_any(schema, kOfStrings)) out.insert("string");
    if (has_any(schema, kOfNumbers)) out.insert("number");
    return out;
  }

  Result<Expr> of_types(const Json& schema, const std::string& at) {
    HEARTH_TRY(auto types, types_of(schema, at));
    if (types.empty()) types = meant_types(schema);
    if (types.empty()) return json_.value();
    if (types.contains("number")) types.erase("integer");
    std::vector<Expr> ways;
    for (const std::string_view type : types) {
      HEARTH_TRY(const Expr way, of_type(type, schema, at));
      ways.push_back(way);
    }
    return b_.choice(std::move(ways));
  }

  Result<Expr> of_type(std::string_view type, const Json& schema, const std::string& at) {
    if (type == "object") return object(schema, at);
    if (type == "array") return array(schema, at);
    if (type == "string") return string(schema, at);
    if (type == "boolean") return json_.boolean();
    if (type == "null") return json_.null();
    return number(schema, type == "integer", at);
  }

  Result<std::optional<std::uint32_t>> count(const Json& schema, std::string_view key,
                                             const std::string& at) const {
    if (!schema.contains(key)) return std::optional<std::uint32_t>();
    const Json& value = schema[key];
    const bool whole =
        value.is_number_integer() ||
        (value.is_number_float() && value.get<double>() >= 0 && value.get<double>() <= 1e9 &&
         value.get<double>() ==
             static_cast<double>(static_cast<std::int64_t>(value.get<double>())));
    if (!whole || value < 0) {
      return wrong(at, cat(key, " must be a whole number from 0, got ",
                           quote(value.dump(-1, ' ', true, Json::error_handler_t::replace))));
    }
    return std::optional(static_cast<std::uint32_t>(std::min(value.get<double>(), 4e9)));
  }

  struct Counts {
    std::uint32_t least, most;
  };
  Result<Counts> counts(const Json& schema, std::string_view min_key, std::string_view max_key,
                        const std::string& at) const {
    HEARTH_TRY(const auto least, count(schema, min_key, at));
    HEARTH_TRY(const auto most, count(schema, max_key, at));
    const Counts out{least.value_or(0), most.value_or(JsonGrammar::kUnbounded)};
    if (out.least > out.most) return wrong(at, cat(min_key, " is larger than ", max_key));
    return out;
  }

  Result<Expr> string(const Json& schema, const std::string& at) {
    const bool has_length = schema.contains("minLength") || schema.contains("maxLength");
    HEARTH_TRY(const Counts length, counts(schema, "minLength", "maxLength", at));
    std::string_view pattern;
    if (schema.contains("pattern")) {
      if (!schema["pattern"].is_string()) return wrong(at, "pattern must be a string");
      pattern = schema["pattern"].get_ref<const std::string&>();
      if (schema.contains("format")) return refuse(at, "format", "together with pattern");
    } else if (schema.contains("format")) {
      HEARTH_TRY(pattern, format(schema["format"], at));
    } else {
      return json_.string(length.least, length.most);
    }
    if (has_length) {
      return refuse(at, schema.contains("minLength") ? "minLength" : "maxLength",
                    "together with pattern or format");
    }
    auto content = matching_pattern(b_, json_, pattern);
    if (!content) return fault(content.error().kind, at, content.error().message);
    return json_.quoted(*content);
  }

  Result<std::string_view> format(const Json& format, const std::string& at) const {
    if (!format.is_string()) return wrong(at, "format must be a string");
    const auto& name = format.get_ref<const std::string&>();
    for (const auto& [known, pattern] : kFormats) {
      if (name == known) return pattern;
    }
    std::vector<std::string_view> names;
    for (const auto& [known, pattern] : kFormats) names.push_back(known);
    return refuse(at, "format", cat(quote(name), "; those that can: ", joined(names)));
  }

  Result<std::optional<Bound>> bound(const Json& schema, std::string_view key,
                                     std::string_view excluding_key, bool larger_wins,
                                     const std::string& at) const {
    std::optional<Bound> out;
    std::optional<double> shown;
    for (const std::string_view name : {key, excluding_key}) {
      if (!schema.contains(name)) continue;
      const Json& value = schema[name];
      if (!value.is_number()) {
        return refuse(at, name, cat("as ", type_of(value), "; it must be a number"));
      }
      const auto decimal = parse_decimal(value.dump());
      if (!decimal) return refuse(at, name, "with so many digits");
      const double number = value.get<double>();
      const bool excluded = name == excluding_key;
      const bool wins = !shown || (larger_wins ? number > *shown : number < *shown) ||
                        (excluded && number == *shown);
      if (wins) out = Bound{*decimal, excluded};
      if (wins) shown = number;
    }
    return out;
  }

  Result<Expr> number(const Json& schema, bool whole, const std::string& at) {
    if (schema.contains("multipleOf") && !(whole && schema["multipleOf"] == 1)) {
      return refuse(at, "multipleOf", "");
    }
    HEARTH_TRY(const auto low, bound(schema, "minimum", "exclusiveMinimum", true, at));
    HEARTH_TRY(const auto high, bound(schema, "maximum", "exclusiveMaximum", false, at));
    if (!low && !high) return whole ? json_.integer() : json_.number();
    const auto expr = whole ? integers_between(b_, low, high) : numbers_between(b_, low, high);
    if (!expr) return wrong(at, "no number of up to 18 digits is between minimum and maximum");
    return *expr;
  }

  Result<Expr> array(const Json& schema, const std::string& at) {
    HEARTH_TRY(const Counts n, counts(schema, "minItems", "maxItems", at));
    if (schema.contains("uniqueItems") && schema["uniqueItems"] != Json(false) && n.most > 1) {
      return refuse(at, "uniqueItems", "");
    }
    // "items" as an array is the older name of prefixItems, "additionalItems" that of items.
    const bool is_old = schema.contains("items") && schema["items"].is_array();
    const char* first_key = is_old ? "items" : "prefixItems";
    const char* rest_key = is_old ? "additionalItems" : "items";
    std::vector<Expr> first;
    if (schema.contains(first_key)) {
      if (!schema[first_key].is_array()) return wrong(at, cat(first_key, " must be an array"));
      for (std::size_t i = 0; i < schema[first_key].size() && i < n.most; ++i) {
        HEARTH_TRY(const Expr item, compile(schema[first_key][i], cat(at, "/", first_key, "/", i)));
        first.push_back(item);
      }
    }
    const bool is_closed = schema.contains(rest_key) && schema[rest_key] == Json(false);
    std::optional<Expr> rest;
    if (!is_closed && n.most > first.size()) {
      rest = json_.value();
      if (schema.contains(rest_key)) {
        HEARTH_TRY(rest, compile(schema[rest_key], cat(at, "/", rest_key)));
      }
    }
    if (!rest && n.least > first.size()) {
      return wrong(
          at, cat("minItems is ", n.least, ", but there are at most ", first.size(), " items"));
    }
    return json_array(first, rest, n, at);
  }

  // [first…, rest…] with so many items in all. What may follow an item is a rule of its own, so
  // that many of them do not stand in each other.
  Expr json_array(const std::vector<Expr>& first, const std::optional<Expr>& rest, Counts n,
                  const std::string& at) {
    const Expr comma = b_.sequence({b_.text(","), json_.space()});
    const auto n_first = static_cast<std::uint32_t>(first.size());
    // Behind the first items, from the last to the first: what may follow i items.
    Expr tail = b_.empty();
    if (rest) {
      const std::uint32_t least = n.least > n_first ? n.least - n_first : 0;
      const std::uint32_t most = n.most == JsonGrammar::kUnbounded ? n.most : n.most - n_first;
      if (n_first > 0) {
        tail = b_.repeat(b_.sequence({comma, *rest}), least, most);
      } else if (most > 0) {
        const bool unbounded = most == JsonGrammar::kUnbounded;
        const Expr more = b_.repeat(b_.sequence({comma, *rest}), least > 0 ? least - 1 : 0,
                                    unbounded ? most : most - 1);
        tail = b_.sequence({*rest, more});
        if (least == 0) tail = b_.optional(tail);
      }
    }
    for (std::uint32_t i = n_first; i-- > 0;) {
      const Expr with =
          i > 0 ? b_.sequence({comma, first[i], tail}) : b_.sequence({first[i], tail});
      tail = n.least > i ? with : b_.optional(with);
      if (i > 0) tail = rule_of(at + "/…", tail);
    }
    return b_.sequence({b_.text("["), json_.space(), tail, json_.space(), b_.text("]")});
  }

  struct Member {
    Expr expr;
    bool required;
  };

  Result<Expr> object(const Json& schema, const std::string& at) {
    const Json properties = schema.value("properties", Json::object());
    if (!properties.is_object()) return wrong(at, "properties must be an object");
    HEARTH_TRY(auto required, required_names(schema, at));
    HEARTH_TRY(const auto others, other_members(schema, at));

    std::vector<Member> members;
    std::vector<std::string> names;
    for (const auto& [name, property] : properties.items()) {
      const std::string property_at = cat(at, "/properties", pointer_segment(name));
      const bool is_required = required.erase(name) > 0;
      if (property.is_boolean() && !property.get<bool>()) {
        if (is_required) return wrong(property_at, "required, but false allows no value");
        names.push_back(name);
        continue;
      }
      HEARTH_TRY(const Expr value, compile(property, property_at));
      members.push_back(
          {rule_of(property_at, json_.member(json_.literal(name), value)), is_required});
      names.push_back(name);
    }
    for (const std::string& name : required) {
      if (schema.contains("properties") && !others) {
        return wrong(at, cat("required has ", quote(name), ", which properties has not"));
      }
      members.push_back({json_.member(json_.literal(name), others.value_or(json_.value())), true});
      names.push_back(name);
    }
    HEARTH_TRY_VOID(check_member_counts(schema, members, others.has_value(), at));
    std::optional<Expr> other;
    if (others) other = json_.member(json_.name_but(names), *others);
    return json_object(members, other, at);
  }

  Result<std::set<std::string>> required_names(const Json& schema, const std::string& at) const {
    std::set<std::string> out;
    for (const Json& name : schema.value("required", Json::array())) {
      if (!name.is_string()) return wrong(at, "required must be an array of strings");
      out.insert(name.get<std::string>());
    }
    return out;
  }

  // The values of members that `properties` does not name; nullopt: there are none.
  Result<std::optional<Expr>> other_members(const Json& schema, const std::string& at) {
    if (schema.contains("unevaluatedProperties") &&
        schema["unevaluatedProperties"] != Json(false)) {
      return refuse(at, "unevaluatedProperties", "except as false");
    }
    if (!schema.contains("additionalProperties")) {
      const bool closed = schema.contains("properties") || schema.contains("unevaluatedProperties");
      return closed ? std::optional<Expr>() : json_.value();
    }
    const Json& others = schema["additionalProperties"];
    if (others == Json(false)) return std::optional<Expr>();
    HEARTH_TRY(const Expr value, compile(others, at + "/additionalProperties"));
    return std::optional(rule_of(at + "/additionalProperties", value));
  }

  Result<void> check_member_counts(const Json& schema, const std::vector<Member>& members,
                                   bool has_others, const std::string& at) const {
    HEARTH_TRY(const Counts n, counts(schema, "minProperties", "maxProperties", at));
    const auto n_required =
        std::count_if(members.begin(), members.end(), [](const Member& m) { return m.required; });
    if (n.least > static_cast<std::uint64_t>(n_required))
      return refuse(at, "minProperties", "above the number of required ones");
    if (n.most < members.size() || (has_others && n.most != JsonGrammar::kUnbounded)) {
      return refuse(at, "maxProperties", "");
    }
    return {};
  }

  Expr rule_of(const std::string& name, Expr meaning) {
    const Rule rule = b_.declare(name);
    b_.define(rule, meaning);
    return b_.call(rule);
  }

  // {members in their order, others…}. What may follow when a member was written already is a rule
  // of its own for each member, so that the size stays linear.
  Expr json_object(const std::vector<Member>& members, const std::optional<Expr>& other,
                   const std::string& at) {
    const Expr comma = b_.sequence({b_.text(","), json_.space()});
    Expr behind = b_.empty();  // what may follow a member
    std::vector<Expr> first = {
        b_.empty()};  // what may stand behind the bracket, the last one first
    if (other) {
      behind =
          rule_of(at + "/…", b_.repeat(b_.sequence({comma, *other}), 0, JsonGrammar::kUnbounded));
      first.push_back(b_.sequence({*other, behind}));
    }
    for (auto member = members.rbegin(); member != members.rend(); ++member) {
      if (member->required) first.clear();
      first.push_back(b_.sequence({member->expr, behind}));
      const Expr follows = b_.sequence({comma, member->expr, behind});
      behind = rule_of(at + "/…", member->required ? follows : b_.choice({follows, behind}));
    }
    std::reverse(first.begin(), first.end());
    return b_.sequence(
        {b_.text("{"), json_.space(), b_.choice(std::move(first)), json_.space(), b_.text("}")});
  }

  GrammarBuilder& b_;
  JsonGrammar& json_;
  const Json& root_;
  std::string name_;
  std::map<std::string, Rule> rules_;  // of what $ref points to
  int depth_ = 0;
  mutable std::size_t n_work_ = 0;
};

}  // namespace

Result<Expr> matching_schema(GrammarBuilder& builder, JsonGrammar& json, const Json& schema,
                             std::string_view name) {
  return SchemaCompiler(builder, json, schema, name).run();
}

Result<std::shared_ptr<const Grammar>> compile_json_schema(const Json& schema,
                                                           std::string_view name) {
  GrammarBuilder builder;
  JsonGrammar json(builder);
  HEARTH_TRY(const Expr meaning, matching_schema(builder, json, schema, name));
  const Rule root = builder.declare(std::string(name));
  builder.define(root, meaning);
  return builder.build(root);
}

}  // namespace hearth::text
