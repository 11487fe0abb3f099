"""Recordings of live runs: what the models answered in one run of a test, as a file of JSON Lines.

The first line says which test it was: `{v, kind: "live", file, test, seed, row}`. Each other line is one request and its
result. With the same answers a test takes the same course, since everything else in it is scripted. So a recording is
repeated by answering request after request from it; a request that is another one than that of the recording is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import trio

from cogc.diagnostics.visible import visible_bytes
from cogc.disk.files import read_whole
from cogc.kernel.effects import Ask
from cogc.language.codec import packed, unpacked
from cogc.language.values import Failure, plain
from cogc.run import line_forms
from cogc.run.models import Emit, Models
from cogc.run.outside import without_secrets
from cogc.testing.calls import prompt_of

VERSION = 1
KIND = "live"
_PAUSE = 0.5
"""Seconds before a model is asked again that has failed and may be; they double each time. A clock of a test lets none pass."""
_LONGEST = 60.0


class BadRecording(Exception):
    """A recording that cannot be read; its text is the reason, for people."""


class Departed(Exception):
    """A request that is not that of the recording; its text is the reason, for people."""


@dataclass(frozen=True, slots=True)
class Said:
    """One request: the conversation of which session, its number, what it was, its result, and the pieces of its text."""

    scene: int
    number: int
    request: str
    result: Any
    pieces: list[str]
    program: str = ""
    prompt: str = ""


@dataclass(slots=True)
class Recording:
    """The requests of one run, and what it was a run of. `scene` 0 is the system, the others are judges in their order."""

    about: dict[str, Any]
    said: dict[tuple[int, int], Said] = field(default_factory=dict)

    def answer(self, scene: int, ask: Ask) -> Said:
        """Return what was said to a request. Raise Departed for another request than the recorded one."""
        found = self.said.get((scene, ask.id))
        if found is None:
            raise Departed(
                f"the recording has no answer for `{ask.program}` of {ask.path}: the test takes another course now"
            )
        if found.request != digest(ask):
            raise Departed(
                f"the request of `{ask.program}` of {ask.path} is not the recorded one; that was: {found.prompt}"
            )
        return found

    def failures(self) -> list[str]:
        """Return why requests got no reply, each reason once."""
        found: dict[str, None] = {}
        for said in self.said.values():
            error = said.result.get("error") if isinstance(said.result, dict) else None
            if isinstance(said.result, Failure):
                found[said.result.message] = None
            elif isinstance(error, dict):
                found[str(error.get("message"))] = None
        return list(found)

    def lines(self) -> bytes:
        """Return the recording as a file."""
        encode = msgspec.json.encode
        head = encode({"v": VERSION, "kind": KIND, **self.about})
        rows = [encode({k: packed(getattr(s, k)) for k in Said.__slots__}) for s in self.said.values()]
        return visible_bytes(b"\n".join([head, *rows]) + b"\n")


def digest(ask: Ask) -> str:
    """Return a hash of a request, and of who is asked."""
    of = [ask.path, ask.program, ask.model.name, plain(ask.request)]
    return hashlib.sha256(msgspec.json.encode(of, order="deterministic")).hexdigest()[:16]


def load(path: str) -> Recording:
    """Read a recording. Raise BadRecording."""
    try:
        written = read_whole(path).splitlines()
    except OSError as error:
        raise BadRecording((error.strerror or str(error)).lower()) from None
    lines = [(number, line) for number, line in enumerate(written, 1) if line.strip()]
    head = _decoded(lines[0][1]) if lines else None
    if not isinstance(head, dict) or head.get("kind") != KIND or head.get("v") != VERSION:
        raise BadRecording("it is no recording of `cogc test --live`")
    recording = Recording({k: v for k, v in head.items() if k not in ("v", "kind")})
    _checked(lines[0][0], head, line_forms.LIVE_HEAD)
    for number, line in lines[1:]:
        row = _checked(number, _decoded(line), line_forms.LIVE_LINE)
        said = Said(**row)
        recording.said[said.scene, said.number] = said
    return recording


def _checked(number: int, line: Any, form: line_forms.LineForm) -> dict[str, Any]:
    """Return a line that has its form. Raise BadRecording for another one."""
    try:
        line_forms.check_record(line, form)
        return {k: unpacked(v) for k, v in line.items()}
    except ValueError as error:
        raise BadRecording(f"line {number}: {error}") from None


def _decoded(line: bytes) -> Any:
    """Return a line as data; None for one that is no JSON."""
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None


class RecordedModels(Models):
    """Models that are asked for real, and whose answers are taken down."""

    def __init__(self, recording: Recording, scene: int) -> None:
        super().__init__()
        self.recording = recording
        self.scene = scene
        self.failed = 0

    async def ask(self, ask: Ask, emit: Emit) -> Any:
        """Return a provider's reply, or a Failure, and take it down. The pause before another attempt passes here, on a real clock."""
        pieces: list[str] = []

        def hear(piece: str) -> None:
            pieces.append(piece)
            emit(piece)

        result = await super().ask(ask, hear)
        error = result.get("error") if isinstance(result, dict) else None
        if isinstance(error, dict) and error.get("retry"):
            after = error.get("after")
            await trio.sleep(min(_LONGEST, _PAUSE * 2**self.failed if after is None else float(after)))
            self.failed += 1
        else:
            self.failed = 0
        kept = without_secrets(Failure(result.kind, result.message) if isinstance(result, Failure) else result)
        said = Said(
            self.scene,
            ask.id,
            digest(ask),
            kept,
            [str(without_secrets(p)) for p in pieces],
            ask.program,
            prompt_of(ask)[:200],
        )
        self.recording.said[self.scene, ask.id] = said
        return result


__all__ = ["BadRecording", "Departed", "RecordedModels", "Recording", "Said", "digest", "load"]
