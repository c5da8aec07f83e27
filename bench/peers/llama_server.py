#!/usr/bin/env python3
"""llama_server.py - llama.cpp's own HTTP service, which the Python package xllamacpp (MIT) holds, as a program.

  bench/peers/llama_server.py MODEL [--threads 2] [--streams 16] [--context 16384]

Prints "listening on http://127.0.0.1:PORT" like hearth serve, and serves until its standard input ends. The package lives
in an environment of its own, build/peers/xllamacpp, made at the first use with pip.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import venv

PACKAGE = "xllamacpp==2026.10.11549"
HOME = pathlib.Path(__file__).resolve().parents[2] / "build/peers/xllamacpp"
PYTHON = HOME / "bin/python"
STAMP = HOME / "package"  # written last, so a broken installation is done again


def fetch():
    if STAMP.exists() and STAMP.read_text() == PACKAGE:
        return
    venv.create(HOME, with_pip=True, clear=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE], check=True,
                   stdout=sys.stderr)
    STAMP.write_text(PACKAGE)


def serve(options):
    import xllamacpp
    parameters = xllamacpp.CommonParams()
    parameters.model.path = options.model
    parameters.n_parallel = options.streams
    parameters.n_ctx = options.context
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = options.threads
    parameters.port = 0
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    print(f"listening on {server.listening_address}", flush=True)
    sys.stdin.read()
    os._exit(0)  # its threads have no end of their own


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--context", type=int, default=16384)
    options = parser.parse_args()
    fetch()
    if pathlib.Path(sys.prefix).resolve() != HOME.resolve():
        os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])
    serve(options)


if __name__ == "__main__":
    main()
