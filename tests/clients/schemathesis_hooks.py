"""schemathesis_hooks - loaded by Schemathesis in schemathesis_test.py. Answers are two tokens long, for nobody reads them. With
HEARTH_FUZZ_MODEL set it is the model of every request that has room for one, so that what the document allows is computed."""
import os

import schemathesis

MODEL = os.environ["HEARTH_FUZZ_MODEL"]
LENGTHS = {"/v1/chat/completions": ("max_tokens", "max_completion_tokens"), "/v1/completions": ("max_tokens",),
           "/v1/responses": ("max_output_tokens",)}


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if MODEL and path == "/v1/models/{id}":
        case.path_parameters["id"] = MODEL
    if not path.startswith("/v1/") or not isinstance(case.body, dict):
        return
    lengths = LENGTHS.get(path, ())
    if MODEL:
        case.body = {name: value for name, value in case.body.items() if name not in lengths}
        case.body["model"] = "embedder" if path == "/v1/embeddings" else MODEL
        if "n" in case.body:
            case.body["n"] = 1
        if not case.body.get("stream"):
            case.body.pop("stream_options", None)
    if lengths and not any(name in case.body for name in lengths):
        case.body[lengths[0]] = 2
