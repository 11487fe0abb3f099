"""Fixtures that every test file may use. Functions that tests share are in `support/`."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from support.paths import ROOT
from support.redis import RedisServer

settings.register_profile("busy", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # how long an example takes on a busy machine says nothing about it
# half a million objects of the modules of all tests stay: they are looked through ten times more rarely
gc.set_threshold(700, 10, 100)


@pytest.fixture(scope="session", autouse=True)
def _no_cache_but_ours(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ.pop("COGC_STATE", None)


@pytest.fixture(scope="session")
def _state_homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Names for folders that are not there yet."""
    top = tmp_path_factory.mktemp("state")
    return (f"{top}/{number}" for number in itertools.count())


@pytest.fixture(autouse=True)
def _no_state_but_its_own(_state_homes: Iterator[str]) -> None:
    """Give each test a state home of its own."""
    os.environ["XDG_STATE_HOME"] = next(_state_homes)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected outputs anew")


@pytest.fixture(autouse=True)
def _environment_as_it_was() -> Iterator[None]:
    """Take back what a test has set in the environment: the processes of later tests would get it."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Any:
    """Compare a text with a file under tests/golden, or write it with --update-golden."""

    def compare(path: str, text: str) -> None:
        file = ROOT / "tests" / "golden" / path
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    pytest.importorskip("coredis")
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """Let commands that tests start take SIGINT, even where a shell has started the tests with it ignored (`&`)."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
