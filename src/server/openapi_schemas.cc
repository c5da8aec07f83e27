#include "server/openapi_schemas.h"

#include <array>

namespace hearth::server {

namespace {

using api::Json;

// tests/clients/schemathesis_test.py holds the service to them. A request's members are all there
// are, with their bounds; deeper down only what every model and format shares. Every option may be
// null, which means absent.
constexpr std::string_view kSchemas = R"json({
"Error": {"type": "object", "required": ["error"], "properties": {"error": {
  "type": "object", "required": ["message", "type", "param", "code"], "properties": {
    "message": {"type": "string"}, "type": {"type": "string"},
    "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}}}},

"GenerationOptions": {
  "model": {"type": ["string", "null"]},
  "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
  "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
  "min_p": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 1},
  "typical_p": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
  "repetition_penalty": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 2},
  "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
  "frequency_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
  "top_k": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
  "logit_bias": {"type": ["object", "null"], "maxProperties": 4096,
    "propertyNames": {"pattern": "^(0|[1-9][0-9]{0,5})$"},
    "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}},
  "seed": {"$ref": "#/components/schemas/Seed"},
  "random_seed": {"$ref": "#/components/schemas/Seed"},
  "stop": {"anyOf": [{"$ref": "#/components/schemas/Stop"}, {"type": "null"},
    {"type": "array", "maxItems": 4, "items": {"$ref": "#/components/schemas/Stop"}}]},
  "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
  "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
  "ignore_eos": {"type": ["boolean", "null"]},
  "ttl": {"type": ["integer", "null"], "minimum": 0, "maximum": 1073741824},
  "ep": {"enum": ["cpu", "CPU", "CPUExecutionProvider", "", null]},
  "stream": {"type": ["boolean", "null"]},
  "stream_options": {"type": ["object", "null"], "additionalProperties": false, "properties": {
    "include_usage": {"type": ["boolean", "null"]}, "include_obfuscation": {"enum": [false, null]}}},
  "user": {"type": ["string", "null"]}, "safety_identifier": {"type": ["string", "null"]},
  "prompt_cache_key": {"type": ["string", "null"]}, "metadata": {"type": ["object", "null"]},
  "store": {"enum": [false, null]}, "service_tier": {"enum": ["auto", "default", null]}},
"Seed": {"type": ["integer", "null"],
  "minimum": -9223372036854775808, "maximum": 9223372036854775807},
"Stop": {"type": "string", "minLength": 1, "maxLength": 1024},
"Texts": {"anyOf": [{"$ref": "#/components/schemas/Text"},
  {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Text"}},
  {"$ref": "#/components/schemas/Tokens"},
  {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Tokens"}}]},
"Text": {"type": "string", "minLength": 1},
"Tokens": {"type": "array", "minItems": 1, "items": {
  "type": "integer", "minimum": 0, "maximum": 2147483647}},
"ReasoningEffort": {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", null]},

"ChatRequest": {"type": "object", "additionalProperties": false,
  "required": ["messages"], "properties": {
  "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Message"}},
  "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
  "logprobs": {"type": ["boolean", "null"]},
  "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
  "response_format": {"type": ["object", "null"], "required": ["type"], "properties": {
    "type": {"enum": ["text", "json_object", "json_schema", "grammar"]}}},
  "tools": {"type": ["array", "null"], "maxItems": 128, "items": {"type": "object"}},
  "tool_choice": {"anyOf": [{"enum": ["auto", "none", "required", null]}, {"type": "object"}]},
  "parallel_tool_calls": {"type": ["boolean", "null"]},
  "functions": {"type": ["array", "null"], "maxItems": 128, "items": {"type": "object"}},
  "function_call": {"anyOf": [{"enum": ["auto", "none", null]}, {"type": "object"}]},
  "chat_template_kwargs": {"type": ["object", "null"]},
  "reasoning_effort": {"$ref": "#/components/schemas/ReasoningEffort"},
  "modalities": {"type": ["array", "null"], "items": {"const": "text"}}}},
"Message": {"anyOf": [
  {"type": "object", "additionalProperties": false, "required": ["role", "content"], "properties": {
    "role": {"enum": ["system", "developer", "user"]},
    "content": {"$ref": "#/components/schemas/Content"}, "name": {"type": ["string", "null"]}}},
  {"type": "object", "additionalProperties": false, "required": ["role", "content"], "properties": {
    "role": {"enum": ["tool", "function"]}, "content": {"$ref": "#/components/schemas/Content"},
    "name": {"type": ["string", "null"]}, "tool_call_id": {"type": ["string", "null"]}}},
  {"type": "object", "required": ["role", "content"], "properties": {
    "role": {"const": "assistant"}, "content": {"$ref": "#/components/schemas/Content"}}},
  {"type": "object", "required": ["role", "tool_calls"], "properties": {
    "role": {"const": "assistant"},
    "content": {"$ref": "#/components/schemas/Content"},
    "tool_calls": {"type": "array", "minItems": 1, "items": {"type": "object"}}}}]},
"Content": {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "minItems": 1, "items": {
  "type": "object", "additionalProperties": false, "required": ["type", "text"],
  "properties": {"type": {"const": "text"}, "text": {"type": "string"}}}}]},
"CompletionRequest": {"type": "object", "additionalProperties": false,
  "required": ["prompt"], "properties": {
  "prompt": {"$ref": "#/components/schemas/Texts"},
  "echo": {"type": ["boolean", "null"]},
  "logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 5},
  "suffix": {"enum": ["", null]}, "best_of": {"enum": [1, null]}}},
"EmbeddingsRequest": {"type": "object", "additionalProperties": false, "required": ["input"],
  "properties": {
  "model": {"type": ["string", "null"]}, "input": {"$ref": "#/components/schemas/Texts"},
  "encoding_format": {"enum": ["float", "base64", null]},
  "dimensions": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
  "user": {"type": ["string", "null"]}}},
"ResponseRequest": {"type": "object", "additionalProperties": false, "required": ["input"],
  "properties": {
  "model": {"type": ["string", "null"]},
  "input": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
  "instructions": {"type": ["string", "null"]}, "previous_response_id": {"type": ["string", "null"]},
  "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
  "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
  "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
  "frequency_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
  "top_k": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
  "seed": {"$ref": "#/components/schemas/Seed"},
  "max_output_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
  "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
  "stream": {"type": ["boolean", "null"]},
  "stream_options": {"type": ["object", "null"], "additionalProperties": false, "properties": {
    "include_obfuscation": {"enum": [false, null]}}},
  "tools": {"type": ["array", "null"], "maxItems": 128, "items": {"type": "object"}},
  "tool_choice": {"anyOf": [{"enum": ["auto", "none", "required", null]}, {"type": "object"}]},
  "parallel_tool_calls": {"type": ["boolean", "null"]},
  "text": {"type": ["object", "null"]},
  "reasoning": {"type": ["object", "null"], "additionalProperties": false, "properties": {
    "effort": {"$ref": "#/components/schemas/ReasoningEffort"},
    "summary": {"enum": ["auto", null]}, "generate_summary": {"enum": ["auto", null]}}},
  "include": {"type": ["array", "null"], "items": {
    "enum": ["message.output_text.logprobs", "reasoning.encrypted_content"]}},
  "store": {"type": ["boolean", "null"]}, "background": {"enum": [false, null]},
  "truncation": {"enum": ["disabled", null]}, "service_tier": {"enum": ["auto", "default", null]},
  "metadata": {"type": ["object", "null"]}, "user": {"type": ["string", "null"]},
  "safety_identifier": {"type": ["string", "null"]}, "prompt_cache_key": {"type": ["string", "null"]}}},
"DownloadRequest": {"type": "object", "required": ["model"], "properties": {
  "model": {"anyOf": [{"type": "string"},
    {"type": "object", "required": ["Name"], "properties": {"Name": {"type": "string"}}}]}}},
"RegisterRequest": {"type": "object", "additionalProperties": false, "properties": {
  "TypeName": {"type": ["string", "null"]}, "ModelName": {"type": ["string", "null"]},
  "BaseUri": {"type": ["string", "null"]}}},

"Usage": {"type": "object",
  "required": ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details"],
  "properties": {
    "prompt_tokens": {"$ref": "#/components/schemas/Count"},
    "completion_tokens": {"$ref": "#/components/schemas/Count"},
    "total_tokens": {"$ref": "#/components/schemas/Count"}}},
"Count": {"type": "integer", "minimum": 0},
"ChatCompletion": {"type": "object",
  "required": ["id", "object", "created", "model", "system_fingerprint", "choices", "usage"],
  "properties": {
    "id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"},
    "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"},
    "choices": {"type": "array", "minItems": 1, "items": {"type": "object",
      "required": ["index", "message", "logprobs", "finish_reason"], "properties": {
        "index": {"$ref": "#/components/schemas/Count"},
        "finish_reason": {"enum": ["stop", "length", "tool_calls", "function_call"]},
        "logprobs": {"type": ["object", "null"]},
        "message": {"type": "object", "required": ["role", "content", "refusal"], "properties": {
          "role": {"const": "assistant"}, "content": {"type": ["string", "null"]},
          "refusal": {"type": "null"}, "tool_calls": {"type": "array", "minItems": 1}}}}}}}},
"Completion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"],
  "properties": {
    "id": {"type": "string"}, "object": {"const": "text_completion"},
    "usage": {"$ref": "#/components/schemas/Usage"},
    "choices": {"type": "array", "minItems": 1, "items": {"type": "object",
      "required": ["index", "text", "logprobs", "finish_reason"], "properties": {
        "text": {"type": "string"}, "finish_reason": {"enum": ["stop", "length"]}}}}}},
"Response": {"type": "object",
  "required": ["id", "object", "created_at", "status", "error", "model", "output", "usage"],
  "properties": {
    "object": {"const": "response"}, "status": {"enum": ["completed", "incomplete"]},
    "output": {"type": "array", "items": {"type": "object", "required": ["type", "id"], "properties": {
      "type": {"enum": ["message", "reasoning", "function_call"]}}}}}},
"DeletedResponse": {"type": "object", "required": ["id", "object", "deleted"]},
"TokenCount": {"type": "object", "required": ["tokenCount"], "properties": {
  "tokenCount": {"$ref": "#/components/schemas/Count"}}},
"Embeddings": {"type": "object", "required": ["object", "data", "model", "usage"], "properties": {
  "data": {"type": "array", "minItems": 1, "items": {"type": "object",
    "required": ["object", "index", "embedding"], "properties": {"embedding": {"anyOf": [
      {"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "number"}}]}}}}}},
"Model": {"type": "object", "required": ["id", "object", "created", "owned_by"], "properties": {
  "id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}}},
"Models": {"type": "object", "required": ["object", "data"], "properties": {
  "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}},
"Names": {"type": "array", "items": {"type": "string"}},
"Health": {"type": "object", "required": ["status", "version", "uptime", "memory_usage"]},
"Status": {"type": "object", "required": ["modelCachePath", "endpoints", "pid"]},
"FoundryStatus": {"type": "object", "required": ["endpoints", "modelDirPath"]},
"FoundryCache": {"type": "object", "required": ["location"]},
"FoundryModels": {"type": "array", "items": {"type": "object",
  "required": ["name", "displayName", "uri", "version", "task", "runtime"]}}
})json";

struct Row {
  std::string_view method, path;
  RouteSchemas schemas;
};

constexpr std::array kRows = {
    Row{"POST", "/v1/chat/completions", {"ChatRequest", "ChatCompletion", true}},
    Row{"POST", "/v1/chat/completions/tokenizer/encode/count", {"ChatRequest", "TokenCount"}},
    Row{"POST", "/v1/completions", {"CompletionRequest", "Completion", true}},
    Row{"POST", "/v1/responses", {"ResponseRequest", "Response", true}},
    Row{"DELETE", "/v1/responses/{id}", {"", "DeletedResponse"}},
    Row{"POST", "/v1/embeddings", {"EmbeddingsRequest", "Embeddings"}},
    Row{"POST", "/openai/download", {"DownloadRequest", ""}},
    Row{"POST", "/openai/register", {"RegisterRequest", ""}},
    Row{"GET", "/v1/models", {"", "Models"}},
    Row{"GET", "/v1/models/{id}", {"", "Model"}},
    Row{"GET", "/health", {"", "Health"}},
    Row{"GET", "/v1/health", {"", "Health"}},
    Row{"GET", "/status", {"", "Status"}},
    Row{"GET", "/openai/status", {"", "FoundryStatus"}},
    Row{"GET", "/models/loaded", {"", "Names"}},
    Row{"GET", "/openai/models", {"", "Names"}},
    Row{"GET", "/openai/loadedmodels", {"", "Names"}},
    Row{"GET", "/foundry/list", {"", "FoundryModels"}},
    Row{"GET", "/foundry/cache", {"", "FoundryCache"}},
};

}  // namespace

const Json& openapi_schemas() {
  static const Json schemas = [] {
    Json out = Json::parse(kSchemas);
    const Json options = out["GenerationOptions"];
    out.erase("GenerationOptions");
    for (const char* request : {"ChatRequest", "CompletionRequest"}) {
      out[request]["properties"].update(options);
    }
    return out;
  }();
  return schemas;
}

RouteSchemas schemas_of(std::string_view method, std::string_view path) {
  for (const Row& row : kRows) {
    if (row.method == method && row.path == path) return row.schemas;
  }
  return {};
}

}  // namespace hearth::server
