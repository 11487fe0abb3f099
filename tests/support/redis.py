"""A Redis server of the test's own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from support.waiting import listens, wait_for

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no Redis server here")


class RedisServer:
    """A server of the test's own, that is killed and started again on the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        words += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def clients(self) -> int:
        """Count the clients besides the one that asks."""
        with socket.create_connection(("127.0.0.1", self.port)) as own:
            own.sendall(b"CLIENT LIST\r\n")
            return own.recv(1 << 16).count(b"\nid=") - 1
