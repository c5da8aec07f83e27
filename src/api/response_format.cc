#include "api/response_format.h"

#include "base/str.h"

namespace hearth::api {

namespace {

constexpr std::string_view kTypes = "\"text\", \"json_object\", \"json_schema\" or \"grammar\"";

// {"name", "description", "schema", "strict"}; a "type" beside them was read already.
void read_schema(Fields& members, const std::string& path, ResponseFormat& out) {
  out.kind = ResponseFormat::Kind::json_schema;
  std::string description;
  bool strict = false;
  if (!members.text("name", out.name)) {
    members.fail("name", cat("'", path, ".name' is required"));
  }
  members.text("description", description);
  members.boolean("strict", strict);
  if (const Json* schema = members.object("schema")) {
    out.schema = *schema;
  } else {
    members.fail("schema", cat("'", path, ".schema' is required: a JSON schema"));
  }
}

void read_grammar(Fields& members, const std::string& path, ResponseFormat& out) {
  out.kind = ResponseFormat::Kind::grammar;
  if (!members.text("grammar", out.grammar)) {
    members.fail("grammar", cat("'", path, ".grammar' is required: a grammar in GBNF"));
  }
}

std::string read_type(Fields& members, const std::string& path) {
  std::string type;
  if (!members.text("type", type)) {
    members.fail("type", cat("'", path, ".type' is required: ", kTypes));
  } else if (type != "text" && type != "json_object" && type != "json_schema" &&
             type != "grammar") {
    members.fail("type", cat("'", path, ".type' must be ", kTypes, ", got ", quote(type)));
  }
  return type;
}

}  // namespace

void read_response_format(Fields& fields, ResponseFormat& out) {
  const Json* format = fields.object("response_format");
  if (format == nullptr) return;
  const std::string path = "response_format";
  Fields members(*format, path + ".");
  const std::string type = read_type(members, path);
  if (type == "json_object") out.kind = ResponseFormat::Kind::json_object;
  if (type == "grammar") read_grammar(members, path, out);
  if (type == "json_schema") {
    if (const Json* schema = members.object("json_schema")) {
      Fields inner(*schema, path + ".json_schema.");
      read_schema(inner, path + ".json_schema", out);
      if (auto fault = inner.finish()) members.fail(*std::move(fault));
    } else {
      members.fail("json_schema", cat("'", path, ".json_schema' is required"));
    }
  }
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

void read_text_format(const Json& format, const std::string& path, Fields& fields,
                      ResponseFormat& out) {
  Fields members(format, path + ".");
  out.field = path;
  const std::string type = read_type(members, path);
  if (type == "json_object") out.kind = ResponseFormat::Kind::json_object;
  if (type == "json_schema") read_schema(members, path, out);
  if (type == "grammar") read_grammar(members, path, out);
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

}  // namespace hearth::api
