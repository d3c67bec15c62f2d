# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven through its DevTools protocol with the standard library alone."""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from board_service import children

START_SECONDS = 30
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=900,1000",
         "--remote-debugging-port=0"]


def find_chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class WebSocket:
    """Text messages over one connection, from the client's side."""

    def __init__(self, url):
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=20)
        self.stream = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline().strip():
            pass

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        size = len(data)
        if size < 126:
            head = struct.pack(">BB", 0x81, 0x80 | size)
        else:
            head = struct.pack(">BBQ", 0x81, 0xFF, size)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        data = b""
        while True:
            first, size = struct.unpack(">BB", self.stream.read(2))
            if size == 126:
                size = struct.unpack(">H", self.stream.read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.stream.read(8))[0]
            part = self.stream.read(size)
            if first & 0x0F < 3:
                data += part
                if first & 0x80:
                    return data.decode()

    def close(self):
        self.stream.close()
        self.socket.close()


class Browser:
    """One page. Ends with the `with` block."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="muv-chromium-")
        self.process = subprocess.Popen(
            [find_chromium(), *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        children.append(self.process)
        self.count = 0
        self.failures = []
        self.page = WebSocket(self.find_page())
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.command(domain + ".enable")

    def find_page(self):
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            try:
                port = Path(self.profile, "DevToolsActivePort").read_text().split()[0]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as reply:
                    for target in json.load(reply):
                        if target["type"] == "page":
                            return target["webSocketDebuggerUrl"]
            except (OSError, IndexError, ValueError):
                pass
            assert self.process.poll() is None, "Chromium has ended"
            time.sleep(0.05)
        raise AssertionError("Chromium does not start")

    def command(self, method, **parameters):
        self.count += 1
        self.page.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.page.receive())
            if message.get("id") == self.count:
                assert "error" not in message, message
                return message["result"]
            self.note(message)

    def note(self, event):
        """Remember exceptions of scripts, and what the page's own policy has stopped."""
        if event.get("method") == "Runtime.exceptionThrown":
            self.failures.append(event["params"]["exceptionDetails"])
        elif event.get("method") == "Log.entryAdded":
            entry = event["params"]["entry"]
            if entry["level"] == "error" and entry["source"] != "network":
                self.failures.append(entry)

    def evaluate(self, script):
        result = self.command("Runtime.evaluate", expression=script, returnByValue=True,
                              awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, script, seconds=10):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.evaluate(script):
                return
            time.sleep(0.03)
        raise AssertionError(f"never true: {script}\n" + self.evaluate("document.body.innerText"))

    def open(self, url):
        self.command("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def screenshot(self, path):
        picture = self.command("Page.captureScreenshot", format="png")
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.page.close()
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
