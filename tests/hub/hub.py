"""hub.py - a Hugging Face hub of one's own, on loopback, for tests: repositories of files in memory, and faults on demand.

    with Hub({"owner/model": {"model-Q8_0.gguf": data}}) as hub:
        hub.faults["cut"] = 3                     # three times, replies end after a few bytes
        environment["HF_ENDPOINT"] = hub.url

Every request is kept in hub.requests as (method, path, headers). As a program, for tests that are not written in Python, it
prints its URL and serves until its standard input ends:

    hub.py [--bytes-per-second N] OWNER/MODEL/FILE=PATH…
"""
import argparse
import hashlib
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    def __init__(self, repositories):
        self.repositories = repositories
        self.requests = []
        self.faults = {}  # name -> how often still
        self.lock = threading.Lock()
        self.token = None  # when set, requests to the hub need it
        self.redirect = None  # files are at this base URL, by way of a redirect
        self.bytes_per_second = None
        self.ranges = True
        self.bomb = b""  # a gzip stream, for the fault of this name
        self.n_endless = 0  # bytes that went into replies without end
        self.announced = {}  # path -> changes of what the API says: {"size": …, "lfs": {"sha256": …}}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.answer(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):  # a client that was killed
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def fault(self, name):
        with self.lock:
            if self.faults.get(name, 0) <= 0:
                return False
            self.faults[name] -= 1
            return True

    def answer(self, request):
        with self.lock:
            self.requests.append((request.command, request.path, dict(request.headers)))
        if self.fault("busy"):
            return self.say(request, 429, b"later", {"Retry-After": "0"})
        if self.fault("broken"):
            return self.say(request, 503, b"broken")
        for status in (200, 302, 404):
            if self.fault(f"endless {status}"):
                return self.never_end(request, status)
        if self.fault("endless headers"):
            return self.never_end_headers(request)
        if self.fault("bomb"):
            return self.say(request, 200, self.bomb, {"Content-Encoding": "gzip"})
        stored = re.fullmatch(r"/stored/([^/]+/[^/]+)/([^?]+)(\?.*)?", request.path)
        if stored:
            return self.send_file(request, *stored.groups()[:2])
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.say(request, 401, b"who are you?")
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/([^/?]+)\?blobs=true", request.path)
        if api:
            return self.send_listing(request, api.group(1))
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", request.path)
        if file and file.group(2) == COMMIT:
            if self.redirect:
                where = f"{self.redirect}/stored/{file.group(1)}/{file.group(3)}"
                return self.say(request, 302, b"", {"Location": where})
            return self.send_file(request, file.group(1), file.group(3))
        self.say(request, 404, b"nothing here")

    def send_listing(self, request, name):
        if name not in self.repositories:
            return self.say(request, 404, b"no such repository")
        files = []
        for path, data in self.repositories[name].items():
            entry = {"rfilename": path, "size": len(data), "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
            entry.update(self.announced.get(path, {}))
            files.append(entry)
        self.say(request, 200, json.dumps({"sha": COMMIT, "siblings": files}).encode(), {"Content-Type": "application/json"})

    def send_file(self, request, name, path):
        data = self.repositories.get(name, {}).get(path)
        if data is None:
            return self.say(request, 404, b"no such file")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
        if not wanted or not self.ranges:
            return self.say(request, 200, data, headers)
        first, last = int(wanted.group(1)), min(int(wanted.group(2)), len(data) - 1)
        total = len(data) + (1 if self.fault("lying range") else 0)
        headers["Content-Range"] = f"bytes {first}-{last}/{total}"
        self.say(request, 206, data[first:last + 1], headers)

    def never_end(self, request, status):
        request.send_response(status)
        if status == 302:
            request.send_header("Location", f"{self.url}/elsewhere")
        request.send_header("Connection", "close")
        request.end_headers()
        self.send_until_refused(request, b"x" * 65536)

    def never_end_headers(self, request):
        request.send_response(200)
        request.flush_headers()
        self.send_until_refused(request, b"X-Header: " + b"x" * 1000 + b"\r\n")

    def send_until_refused(self, request, part):
        request.close_connection = True
        try:
            while True:
                request.wfile.write(part)
                self.n_endless += len(part)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def say(self, request, status, body, headers=None):
        cut = len(body) > 1000 and self.fault("cut")
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        try:
            if cut:
                request.wfile.write(body[:700])
                request.close_connection = True
                return
            step = 16384
            for at in range(0, len(body), step):
                request.wfile.write(body[at:at + step])
                if self.bytes_per_second and len(body) > step:
                    time.sleep(step / self.bytes_per_second)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes-per-second", type=int)
    parser.add_argument("files", nargs="+", metavar="OWNER/MODEL/FILE=PATH")
    options = parser.parse_args()
    repositories = {}
    for name, path in (file.split("=", 1) for file in options.files):
        owner, model, file = name.split("/", 2)
        with open(path, "rb") as data:
            repositories.setdefault(f"{owner}/{model}", {})[file] = data.read()
    with Hub(repositories) as hub:
        hub.bytes_per_second = options.bytes_per_second
        print(hub.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
