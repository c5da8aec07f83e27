#include "text/harmony/typescript.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "base/str.h"
#include "text/jinja/runtime.h"

namespace hearth::harmony {

namespace {

using Json = nlohmann::ordered_json;

bool is_deeper_than(const Json& value, int depth) {
  if (!value.is_structured()) return false;
  return depth == 0 || std::any_of(value.begin(), value.end(), [depth](const Json& part) {
           return is_deeper_than(part, depth - 1);
         });
}

// A member of an object; nullptr where there is none, also when value is no object.
const Json* find(const Json& value, const char* name) {
  if (!value.is_object()) return nullptr;
  const auto it = value.find(name);
  return it == value.end() ? nullptr : &*it;
}

const std::string* find_text(const Json& value, const char* name) {
  const Json* member = find(value, name);
  return member == nullptr ? nullptr : member->get_ptr<const std::string*>();
}

const Json* find_array(const Json& value, const char* name) {
  const Json* member = find(value, name);
  return member != nullptr && member->is_array() ? member : nullptr;
}

bool is_enum(const Json& schema) {
  const Json* values = find_array(schema, "enum");
  return values != nullptr && !values->empty();
}

// As the reference writes it: "1e-7" where Python and most JSON libraries write "1e-07", and
// "0.00001" for their "1e-05".
std::string float_text(double d) {
  std::string text = jinja::float_repr(d);
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;
  if (std::string_view(text).substr(e) == "e-05") {
    const std::string sign = d < 0 ? "-" : "";
    std::string digits = text.substr(sign.size(), e - sign.size());
    std::erase(digits, '.');
    return cat(sign, "0.0000", digits);
  }
  std::size_t digit = e + 1;
  if (text[digit] == '+') text.erase(digit, 1);
  if (text[digit] == '-') ++digit;
  while (digit + 1 < text.size() && text[digit] == '0') text.erase(digit, 1);
  return text;
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string compact_json(const Json& value) {
  if (const auto* number = value.get_ptr<const Json::number_float_t*>()) return float_text(*number);
  if (!value.is_structured()) return dump(value);
  const bool is_object = value.is_object();
  std::string out(1, is_object ? '{' : '[');
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (it != value.begin()) out += ',';
    if (is_object) out += dump(it.key()) + ":";
    out += compact_json(*it);
  }
  return out + (is_object ? '}' : ']');
}

// "default: V", or "" when the schema has none. A string is quoted, but not that of an enum.
std::string default_text(const Json& schema) {
  const Json* value = find(schema, "default");
  if (value == nullptr) return "";
  const auto* text = value->get_ptr<const std::string*>();
  if (text == nullptr) return cat("default: ", compact_json(*value));
  return is_enum(schema) ? cat("default: ", *text) : cat("default: \"", *text, "\"");
}

std::string enum_type(const Json& schema) {
  std::string out;
  for (const Json& value : *find_array(schema, "enum")) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) continue;
    if (!out.empty()) out += " | ";
    out += cat("\"", *text, "\"");
  }
  return out.empty() ? "string" : out;
}

// ["integer", "null"]: "number | null".
std::string joined_types(const Json& types) {
  std::string out;
  for (const Json& type : types) {
    const auto* name = type.get_ptr<const std::string*>();
    if (name == nullptr) continue;
    if (!out.empty()) out += " | ";
    out += *name == "integer" ? "number" : *name;
  }
  return out.empty() ? "any" : out;
}

std::string with_null(const Json& schema, std::string type) {
  const Json* nullable = find(schema, "nullable");
  const bool may_be_null = nullable != nullptr && *nullable == true;
  return may_be_null && type.find("null") == std::string::npos ? type + " | null" : type;
}

std::set<std::string_view> required_names(const Json& object) {
  std::set<std::string_view> names;
  const Json* required = find_array(object, "required");
  if (required == nullptr) return names;
  for (const Json& name : *required) {
    if (const auto* text = name.get_ptr<const std::string*>()) names.insert(*text);
  }
  return names;
}

std::string comment_line(const std::string& indent, std::string_view text) {
  return cat(indent, "// ", text, "\n");
}

std::string type_of(const Json& schema, const std::string& indent);

// " | T // description default: V"
std::string variant(const Json& schema, bool hide_description, const std::string& indent) {
  std::string comments;
  const std::string* description = find_text(schema, "description");
  if (description != nullptr && !hide_description) comments = cat(" ", *description);
  if (const std::string by_default = default_text(schema); !by_default.empty()) {
    comments += cat(" ", by_default);
  }
  return cat(indent, " | ", with_null(schema, type_of(schema, indent + "   ")),
             comments.empty() ? "" : " //", comments);
}

std::string one_of(const Json& variants, const std::string& indent) {
  std::string out;
  for (const Json& one : variants) out += cat("\n", variant(one, false, indent));
  return out;
}

// "name: T, // default: V"
std::string simple_property(const std::string& head, const Json& property,
                            const std::string& indent) {
  const std::string type = with_null(property, type_of(property, indent + "    "));
  const std::string by_default = default_text(property);
  return cat(head, " ", type, by_default.empty() ? "," : ", // ", by_default, "\n");
}

// The description and the default above, then a line for each variant. A description that was just
// printed is not repeated, and the first variant's never is.
std::string property_of_variants(const std::string& head, const Json& property,
                                 const std::string& indent) {
  std::string out;
  const std::string* description = find_text(property, "description");
  if (description != nullptr) out += comment_line(indent, *description);
  const std::string by_default = default_text(property);
  if (!by_default.empty()) out += comment_line(indent, by_default);
  out += head + "\n";
  bool is_first = true;
  for (const Json& one : *find_array(property, "oneOf")) {
    const std::string* own = find_text(one, "description");
    const bool is_same = own != nullptr && description != nullptr && *own == *description;
    out += variant(one, description != nullptr && (is_first || is_same), indent) + "\n";
    is_first = false;
  }
  return cat(out, indent, ",\n");
}

// Title, description and examples above a property.
std::string comments_above(const Json& property, const std::string& indent) {
  std::string out;
  if (const std::string* title = find_text(property, "title")) {
    out += comment_line(indent, *title) + indent + "//\n";
  }
  const bool has_variants = find(property, "oneOf") != nullptr;
  const std::string* description = find_text(property, "description");
  if (description != nullptr && !has_variants) out += comment_line(indent, *description);
  const Json* examples = find_array(property, "examples");
  if (examples == nullptr || examples->empty()) return out;
  out += comment_line(indent, "Examples:");
  for (const Json& example : *examples) {
    const auto* text = example.get_ptr<const std::string*>();
    if (text != nullptr) out += comment_line(indent, cat("- \"", *text, "\""));
  }
  return out;
}

std::string object_type(const Json& schema, const std::string& indent) {
  std::string out;
  if (const std::string* own = find_text(schema, "description")) out += comment_line(indent, *own);
  out += "{\n";
  const Json* properties = find(schema, "properties");
  if (properties == nullptr || !properties->is_object()) return cat(out, indent, "}");
  const std::set<std::string_view> required = required_names(schema);
  for (const auto& [name, property] : *properties->get_ptr<const Json::object_t*>()) {
    const std::string head = cat(indent, name, required.contains(name) ? ":" : "?:");
    out += comments_above(property, indent);
    out += find_array(property, "oneOf") != nullptr ? property_of_variants(head, property, indent)
                                                    : simple_property(head, property, indent);
  }
  return cat(out, indent, "}");
}

std::string array_type(const Json& schema, const std::string& indent) {
  const Json* items = find(schema, "items");
  return items == nullptr ? "Array<any>" : type_of(*items, indent) + "[]";
}

// indent: of the lines inside the type; its first line follows what stands before it.
std::string type_of(const Json& schema, const std::string& indent) {
  if (const Json* variants = find_array(schema, "oneOf")) return one_of(*variants, indent);
  if (const Json* types = find_array(schema, "type")) return joined_types(*types);
  const std::string* name = find_text(schema, "type");
  if (name == nullptr) return "any";
  if (*name == "object") return object_type(schema, indent);
  if (*name == "array") return array_type(schema, indent);
  if (*name == "string") return is_enum(schema) ? enum_type(schema) : "string";
  if (*name == "number" || *name == "integer") return "number";
  return *name == "boolean" ? "boolean" : "any";
}

}  // namespace

Result<std::string> typescript_type(const Json& schema) {
  if (is_deeper_than(schema, kMaxSchemaDepth)) {
    return Error{ErrorKind::invalid, cat("the schema of a tool's parameters is nested more than ",
                                         kMaxSchemaDepth, " deep")};
  }
  return type_of(schema, "");
}

}  // namespace hearth::harmony
