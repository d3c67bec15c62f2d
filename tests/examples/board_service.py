# SPDX-License-Identifier: Apache-2.0
"""Start and ask the example service; used by the tests of examples/board."""

import http.client
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = Path(os.environ.get("MUV_EXAMPLES_DIR", ROOT / "build/dev/examples")) / "board"
SERVER = ROOT / "scripts/server"
START_SECONDS = 30

sys.dont_write_bytecode = True

# What is to end with us, also when we are told to end (ctest: time is up).
children = []


def end_with_children(number, _frame):
    for child in children:
        if child.poll() is None:
            child.kill()
    os._exit(128 + number)


signal.signal(signal.SIGTERM, end_with_children)


def load_server_script():
    """scripts/server as a module: it can send a command to a server."""
    loader = SourceFileLoader("muv_server_script", str(SERVER))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_uri(database, options=""):
    """The test server's URI with a database, and with further options."""
    base, _, query = os.environ["MUV_TEST_URI"].partition("?")
    query = "&".join(part for part in (query, options) if part)
    return base.rstrip("/") + "/" + database + ("?" + query if query else "")


def uri_port(uri):
    return int(re.search(r":(\d+)/", uri).group(1))


class Service:
    """A running service. Ends with the `with` block at the latest."""

    def __init__(self, uri, *arguments):
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [str(BINARY), "--uri", uri, "--port", "0", *arguments],
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        children.append(self.process)
        self.port = self.wait_for_port()

    def wait_for_port(self):
        # The line comes when requests are accepted; without one the process must not hang.
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        found = re.search(r"listening on http://127\.0\.0\.1:(\d+)/", line)
        return int(found.group(1)) if found else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def connect(self, timeout=20):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, data=None, connection=None):
        """One request. Returns status, JSON (or text), headers."""
        own = connection is None
        connection = connection or self.connect()
        body = json.dumps(data) if data is not None else None
        connection.request(method, path, body)
        reply = connection.getresponse()
        content = reply.read()
        if own:
            connection.close()
        is_json = (reply.getheader("content-type") or "").startswith("application/json")
        return (reply.status, json.loads(content) if is_json and content else content.decode(),
                reply.headers)

    def create(self, path, data):
        """POST what must succeed; returns the answer."""
        status, answer, _ = self.ask("POST", path, data)
        assert status == 201, (status, answer)
        return answer

    def stats(self):
        return self.ask("GET", "/stats")[1]

    def worker_pids(self):
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self, seconds=40):
        """SIGTERM. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read()


def wait_until(condition, seconds=10):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.02)
    return False
