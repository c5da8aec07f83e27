"""llama_cpp.py - llama.cpp as a peer: the prebuilt library of the npm package @node-llama-cpp/linux-x64 (MIT).

It picks its own instruction set, or with --isa avx2 the build for processors that have no more than that. The archive (11 MB)
is fetched once into build/peers with npm; nothing of it is run but the library's C functions.

  bench/peers/llama_cpp.py                                  fetches, and prints the folder
  bench/peers/llama_cpp.py MODEL --threads N --context N    answers lines "prefill N" and "decode DEPTH N" with their
                                                            seconds, as hearth bench model --turns does
"""
import argparse
import ctypes
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "@node-llama-cpp/linux-x64@3.22.1"
LIBRARIES = ROOT / "build/peers/llama.cpp/package/bins/linux-x64"
BUILDS = {"avx2": "libggml-cpu-haswell.so"}  # by instruction set, as HEARTH_ISA names it


# The library keeps the pointer for good, so that it must not die with an object.
SILENCE = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)


class PeerError(Exception):
    """What llama.cpp could not do."""


def fetch():
    """The folder of the libraries, which appears whole or not at all."""
    if LIBRARIES.is_dir():
        return LIBRARIES
    path = os.pathsep.join([str(ROOT / ".venv/bin"), os.environ.get("PATH", "")])
    if shutil.which("npm", path=path) is None:
        raise PeerError("npm is missing; tools/venv clients brings one")
    home = ROOT / "build/peers"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="part.") as part:
        subprocess.run([shutil.which("npm", path=path), "pack", "--silent", PACKAGE], cwd=part, check=True,
                       env=dict(os.environ, PATH=path), stdout=subprocess.DEVNULL)
        whole = pathlib.Path(part) / "whole"
        whole.mkdir()
        subprocess.run(["tar", "-xzf", *pathlib.Path(part).glob("*.tgz"), "-C", whole], check=True)
        whole.rename(home / "llama.cpp")
    return LIBRARIES


class LlamaCpp:
    """llama.cpp through its C interface. Parameter structs are opaque here: returned by hidden pointer and passed on
    the stack, so only the offsets of the fields that are set matter, and a buffer that is longer than the struct does
    no harm (System V ABI)."""

    class Opaque(ctypes.Structure):
        _fields_ = [("bytes", ctypes.c_uint8 * 1024)]

    class Batch(ctypes.Structure):
        _fields_ = [("n_tokens", ctypes.c_int32)] + [(n, ctypes.c_void_p) for n in
                                                    ("token", "embd", "pos", "n_seq_id", "seq_id", "logits")]

    def __init__(self, model, n_threads, context, isa=None):
        libraries = fetch()
        for name in ("libggml-base.so", "libggml.v0.5.0.so"):
            self.ggml = ctypes.CDLL(str(libraries / name), mode=ctypes.RTLD_GLOBAL)
        if isa is None:
            self.ggml.ggml_backend_load_all_from_path(str(libraries).encode())
        else:
            self.ggml.ggml_backend_load(str(libraries / BUILDS[isa]).encode())
        lib = self.lib = ctypes.CDLL(str(libraries / "libllama.v0.5.0.so"))
        lib.llama_log_set(SILENCE, None)
        for name, result, arguments in (
                ("llama_model_default_params", self.Opaque, []),
                ("llama_context_default_params", self.Opaque, []),
                ("llama_model_load_from_file", ctypes.c_void_p, [ctypes.c_char_p, self.Opaque]),
                ("llama_init_from_model", ctypes.c_void_p, [ctypes.c_void_p, self.Opaque]),
                ("llama_set_n_threads", None, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32]),
                ("llama_batch_get_one", self.Batch, [ctypes.POINTER(ctypes.c_int32), ctypes.c_int32]),
                ("llama_decode", ctypes.c_int32, [ctypes.c_void_p, self.Batch]),
                ("llama_get_memory", ctypes.c_void_p, [ctypes.c_void_p]),
                ("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), [ctypes.c_void_p, ctypes.c_int32]),
                ("llama_free", None, [ctypes.c_void_p]),
                ("llama_model_free", None, [ctypes.c_void_p]),
                ("llama_memory_clear", None, [ctypes.c_void_p, ctypes.c_bool]),
                ("llama_memory_seq_rm", ctypes.c_bool, [ctypes.c_void_p] + [ctypes.c_int32] * 3),
                ("llama_model_get_vocab", ctypes.c_void_p, [ctypes.c_void_p]),
                ("llama_vocab_n_tokens", ctypes.c_int32, [ctypes.c_void_p])):
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        self.model = lib.llama_model_load_from_file(str(model).encode(), lib.llama_model_default_params())
        if not self.model:
            raise PeerError(f"llama.cpp cannot load {model}")
        parameters = lib.llama_context_default_params()
        sizes = ctypes.cast(ctypes.byref(parameters), ctypes.POINTER(ctypes.c_uint32))
        sizes[0], sizes[1], sizes[2] = context, 512, 512  # n_ctx, n_batch, n_ubatch
        self.context = lib.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise PeerError("llama.cpp cannot make a context")
        lib.llama_set_n_threads(self.context, n_threads, n_threads)
        self.n_vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.llama_free(self.context)
        self.lib.llama_model_free(self.model)

    def clear(self):
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def forget_after(self, n_tokens):
        if not self.lib.llama_memory_seq_rm(self.lib.llama_get_memory(self.context), 0, n_tokens, -1):
            raise PeerError("llama_memory_seq_rm failed")

    def feed(self, ids):
        """Computes up to 512 tokens after those before."""
        tokens = (ctypes.c_int32 * len(ids))(*ids)  # the batch only points to them
        if self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(tokens, len(ids))) != 0:
            raise PeerError("llama_decode failed")

    def last_logits(self, ids):
        """Those after the last of up to 512 tokens, [n_vocab]."""
        self.clear()
        self.feed(ids)
        return self.lib.llama_get_logits_ith(self.context, -1)[:self.n_vocab]


class Turns:
    """What hearth bench model measures, of llama.cpp."""

    def __init__(self, llama):
        self.llama = llama
        self.random = random.Random(1)
        self.depth = None  # of the prompt whose keys and values are there

    def feed_any(self, n_tokens):
        for at in range(0, n_tokens, 512):
            self.llama.feed(self.random.choices(range(self.llama.n_vocab), k=min(512, n_tokens - at)))

    def prefill(self, n_tokens):
        self.depth = None
        self.llama.clear()
        start = time.perf_counter()
        self.feed_any(n_tokens)
        return time.perf_counter() - start

    def decode(self, depth, n_tokens):
        depth = max(depth, 1)
        if self.depth == depth:
            self.llama.forget_after(depth)
        else:
            self.prefill(depth)
            self.depth = depth
        start = time.perf_counter()
        for _ in range(n_tokens):
            self.feed_any(1)
        return time.perf_counter() - start

    def answer(self, line):
        what, *numbers = line.split()
        return {"prefill": self.prefill, "decode": self.decode}[what](*map(int, numbers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--isa", choices=BUILDS)
    options = parser.parse_args()
    if options.model is None:
        print(fetch())
        return
    with LlamaCpp(options.model, options.threads, options.context, options.isa) as llama:
        turns = Turns(llama)
        for line in sys.stdin:
            print(turns.answer(line), flush=True)


if __name__ == "__main__":
    main()
