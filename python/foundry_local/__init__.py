"""foundry_local for Hearth: the class that Foundry Local's Python SDK (0.5) has, with what its users asked for.

    manager = FoundryLocalManager("phi-4-mini")                               # begins the service if it does not run
    manager = FoundryLocalManager("phi-4-mini", endpoint="http://host:5273")  # or one that runs elsewhere
    client = openai.OpenAI(base_url=manager.endpoint, api_key=manager.api_key)

`endpoint` may end in /v1 or not; "auto", or none, asks the program `hearth` (or `foundry`) of this machine. Without the
argument the environment variable FOUNDRY_LOCAL_ENDPOINT counts. A service of another machine lets nobody load its models,
and loads one when it is first asked for an answer. Only Python's own library is needed.
"""
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

__all__ = ["FoundryLocalManager", "FoundryModelInfo", "Refused"]

_URL = re.compile(r"https?://[^\s/]+")


@dataclass(frozen=True)
class FoundryModelInfo:
    alias: str
    id: str
    version: str
    execution_provider: str
    device_type: str
    uri: str
    file_size_mb: int
    supports_tool_calling: bool
    prompt_template: object
    provider: str
    publisher: str
    license: str
    task: str

    @classmethod
    def from_list_response(cls, entry):
        runtime = entry["runtime"]
        return cls(alias=entry["alias"], id=entry["name"], version=entry["version"],
                   execution_provider=runtime["executionProvider"], device_type=runtime["deviceType"], uri=entry["uri"],
                   file_size_mb=entry["fileSizeMb"], supports_tool_calling=entry["supportsToolCalling"],
                   prompt_template=entry["promptTemplate"], provider=entry["providerType"], publisher=entry["publisher"],
                   license=entry["license"], task=entry["task"])


class Refused(RuntimeError):
    """An answer of 400 or more; code is that of the service's error, such as "model_not_found", or None."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class FoundryLocalManager:
    """What is wrong raises: ValueError for an argument, Refused for what the service answers, RuntimeError for what does not."""

    def __init__(self, alias_or_model_id=None, device=None, bootstrap=True, timeout=None, endpoint=None):
        self._timeout = timeout
        self._catalog = None
        given = endpoint or os.environ.get("FOUNDRY_LOCAL_ENDPOINT") or "auto"
        self._is_remote = given != "auto"
        self._service_uri = _without_v1(given) if self._is_remote else _running_service()
        if bootstrap:
            self.start_service()
            if alias_or_model_id is not None:
                self.init(alias_or_model_id, device)

    # ---- the service ----

    @property
    def service_uri(self):
        if self._service_uri is None:
            raise RuntimeError("the service does not run; start_service() begins it")
        return self._service_uri

    @property
    def endpoint(self):
        return f"{self.service_uri}/v1"

    @property
    def api_key(self):
        return os.environ.get("OPENAI_API_KEY") or os.environ.get("HEARTH_API_KEY") or "OPENAI_API_KEY"

    def is_service_running(self):
        if not self._is_remote:
            self._service_uri = _running_service()
        if self._service_uri is None:
            return False
        try:
            self._ask("/health")
            return True
        except RuntimeError:
            return False

    def start_service(self):
        if self._is_remote or self._service_uri is not None:
            return
        said = subprocess.run([_program(), "service", "start"], capture_output=True, text=True, check=False)
        self._service_uri = _running_service()
        if self._service_uri is None:
            raise RuntimeError(f"the service could not be started: {(said.stderr or said.stdout).strip()}")

    def init(self, alias_or_model_id, device=None):
        """Downloads the model if it is not there, has it loaded, and returns what it is.

        A service that only programs of its own machine may have load a model does so when it is asked for an answer."""
        info = self.download_model(alias_or_model_id, device)
        self.load_model(alias_or_model_id, device)
        return info

    # ---- the catalogue and the cache ----

    def list_catalog_models(self):
        if self._catalog is None:
            self._catalog = [FoundryModelInfo.from_list_response(entry) for entry in self._ask_json("/foundry/list")]
        return list(self._catalog)

    list_models = list_catalog_models

    def refresh_catalog(self):
        self._catalog = None

    def get_model_info(self, alias_or_model_id, device=None, raise_on_not_found=False):
        """By id, id without its version, or alias, in any case; None, or ValueError, when nothing is called so."""
        wanted = alias_or_model_id.lower()
        for names in (lambda m: {m.id.lower(), m.id.lower().split(":")[0]}, lambda m: {m.alias.lower()}):
            for model in self.list_catalog_models():
                if wanted in names(model) and (device is None or str(device).upper().endswith(model.device_type)):
                    return model
        if raise_on_not_found:
            raise ValueError(f"no model {alias_or_model_id!r} in the catalogue of {self.service_uri}")
        return None

    def get_cache_location(self):
        return self._ask_json("/openai/status")["modelDirPath"]

    def list_cached_models(self):
        return self._infos("/openai/models")

    def download_model(self, alias_or_model_id, device=None, token=None, force=False):
        info = self.get_model_info(alias_or_model_id, device, raise_on_not_found=True)
        if not force and info.id in [model.id for model in self.list_cached_models()]:
            return info
        body = {"model": {"Name": info.id, "Uri": info.uri, "Publisher": info.publisher, "ProviderType": f"{info.provider}Local",
                          "PromptTemplate": info.prompt_template}, "token": token or "", "IgnorePipeReport": True}
        told = self._ask("/openai/download", body)
        outcome = json.loads(told[told.index("{"):])
        if not outcome["success"]:
            raise RuntimeError(f"{alias_or_model_id} could not be downloaded: {outcome['errorMessage']}")
        self.refresh_catalog()
        return info

    # ---- loaded models ----

    def load_model(self, alias_or_model_id, device=None, ttl=600):
        info = self.get_model_info(alias_or_model_id, device, raise_on_not_found=True)
        try:
            self._ask(f"/openai/load/{urllib.parse.quote(info.id, safe='')}?ttl={ttl}")
        except Refused as refused:
            if not self._is_remote or refused.code != "local_only":
                raise
        return info

    def unload_model(self, alias_or_model_id, device=None, force=False):
        info = self.get_model_info(alias_or_model_id, device, raise_on_not_found=True)
        self._ask(f"/openai/unload/{urllib.parse.quote(info.id, safe='')}?force={str(force).lower()}")

    def list_loaded_models(self):
        return self._infos("/openai/loadedmodels")

    # ---- HTTP ----

    def _infos(self, path):
        found = (self.get_model_info(name) for name in self._ask_json(path))
        return [info for info in found if info is not None]

    def _ask_json(self, path):
        return json.loads(self._ask(path))

    def _ask(self, path, body=None):
        headers = {"Content-Type": "application/json"}
        if os.environ.get("OPENAI_API_KEY") or os.environ.get("HEARTH_API_KEY"):
            headers["Authorization"] = f"Bearer {self.api_key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.service_uri + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as reply:
                return reply.read().decode()
        except urllib.error.HTTPError as error:
            message, code = _message_and_code(error.read().decode(errors="replace"))
            raise Refused(f"{self.service_uri}{path} answered {error.code}: {message}", code) from error
        except OSError as error:
            raise RuntimeError(f"{self.service_uri} does not answer: {error}") from error


def _message_and_code(body):
    try:
        error = json.loads(body)["error"]
        return error["message"], error["code"]
    except (ValueError, KeyError, TypeError):
        return body, None


def _program():
    found = shutil.which("hearth") or shutil.which("foundry")
    if found is None:
        raise RuntimeError("neither hearth nor foundry is on the PATH; give endpoint= or set FOUNDRY_LOCAL_ENDPOINT")
    return found


def _running_service():
    said = subprocess.run([_program(), "service", "status"], capture_output=True, text=True, check=False).stdout
    found = _URL.search(said)
    return found.group(0) if found else None


def _without_v1(endpoint):
    if not endpoint.startswith(("http://", "https://")):
        raise ValueError(f"endpoint must begin with http:// or https://, or be \"auto\"; got {endpoint!r}")
    return re.sub(r"(/v1)?/*$", "", endpoint.rstrip("/"))
