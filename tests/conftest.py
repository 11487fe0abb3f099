"""Fixtures that every test file may use. Functions that tests share are in `support/`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.analysis.checked import Checked
from cogc.analysis.checked import Options as CheckOptions
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk.files import read as read_file
from cogc.ir import Bundle
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Call, LogLine, Output
from cogc.kernel.unit import Unit

ROOT = Path(__file__).parent.parent
from support.paths import ROOT
from support.redis import RedisServer


@pytest.fixture(scope="session", autouse=True)
def _no_cache_but_ours(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected outputs anew")


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


def bubblewrap_works() -> bool:
    """Whether bubblewrap is installed and may make namespaces here."""
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    return shutil.which("bwrap") is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0


def check_text(text: str, name: str = "spec.cog", **others: str) -> tuple[Checked, list[Diagnostic]]:
    """Check a spec; `others` are files that it may import, by name with `_` for the dot."""
    files = {name: textwrap.dedent(text), **{k.replace("_", "."): textwrap.dedent(v) for k, v in others.items()}}

    def read(path: str) -> bytes:
        if path.startswith("std/"):
            return read_file(path)
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path].encode()

    problems = Problems()
    checked = analyse([name], read, problems, CheckOptions())
    return checked, problems.sorted()


def codes(text: str, name: str = "spec.cog", **others: str) -> list[str]:
    """The slugs of what a check finds, in order of place."""
    return [d.slug for d in check_text(text, name, **others)[1]]


def build(text: str, root: str | None = None, name: str = "spec.cog", **others: str) -> Bundle:
    """The program of a spec that has no errors."""
    checked, found = check_text(text, name, **others)
    assert not [d for d in found if d.severity == "error"], [d.message for d in found]
    bundle = program(checked, root)
    assert bundle is not None, [d.message for d in checked.problems.found]
    return bundle


class Sim:
    """A system on a virtual clock, its outside world played by the test."""

    def __init__(
        self, text: str, root: str | None = None, seed: int = 0, traced: bool = False, **parameters: Any
    ) -> None:
        self.kernel = Kernel(Unit(build(text, root)), seed, 0, traced)
        self.outputs: list[tuple[str, Any]] = []
        self.logs: list[tuple[str, Any]] = []
        self.calls: list[Call] = []
        self.cancelled: list[int] = []
        self.answers: dict[str, Any] = {}
        self.kernel.start(parameters)
        self.settle()

    def settle(self) -> None:
        """Let the kernel do all that it can at this instant; programs with an answer are answered."""
        while True:
            self.kernel.run()
            effects, self.kernel.effects = self.kernel.effects, []
            if not effects and not self.kernel.busy:
                return
            for effect in effects:
                if isinstance(effect, Output):
                    self.outputs.append((effect.channel, effect.value))
                elif isinstance(effect, LogLine):
                    self.logs.append((effect.level, effect.value))
                elif isinstance(effect, Call):
                    self._call(effect)
                elif effect.__class__.__name__ == "Cancel":
                    self.cancelled.append(effect.id)  # type: ignore[union-attr]

    def _call(self, call: Call) -> None:
        name = self.kernel.unit.bundle.programs[call.program].name
        if name not in self.answers:
            self.calls.append(call)
            return
        answer = self.answers[name]
        self.kernel.result(call.id, answer(**call.arguments) if callable(answer) else answer)

    def send(self, channel: str, value: Any) -> Sim:
        self.kernel.input(channel, value)
        self.settle()
        return self

    def answer(self, value: Any, call: int = 0) -> Sim:
        """Answer one of the calls that wait."""
        self.kernel.result(self.calls.pop(call).id, value)
        self.settle()
        return self

    def run(self, seconds: float) -> Sim:
        """Let virtual time pass."""
        end = self.kernel.now + round(seconds * 1e9)
        while not self.kernel.ended:
            due = self.kernel.timers.next()
            if due is None or due > end:
                break
            self.kernel.advance(due)
            self.settle()
        self.kernel.advance(end)
        return self

    def sent(self, channel: str) -> list[Any]:
        return [v for c, v in self.outputs if c == channel]

    def records(self, kind: str) -> list[dict[str, Any]]:
        assert self.kernel.trace is not None
        return [r for r in self.kernel.trace.records if r["kind"] == kind]
@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    pytest.importorskip("coredis")
    server = RedisServer(tmp_path)
    yield server
    server.kill()
