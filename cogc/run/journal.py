"""The journal: the events that entered the kernel, each with the step at which it did.

A run can be repeated from its journal without the outside world: `replay.py` hands the same events in at the same steps.
The kernel is deterministic, so everything else follows, the trace to the byte.

A journal is a file of JSON Lines: the head, an event a line, and the event `end` if the run ended in good order. The
last item of each line is a checksum of all of the file before it, so that a changed or missing line is found at its place
(`_sealed`, `_opened`). The last checksum of a block of lines covers all of them, so that lines are read in blocks, and one by one
only where something is wrong. A last line that is torn was being written when the run was killed, and is left out.

`line_forms.py` has the items of each kind of line. Some kinds are no events of the kernel. `snapshot` has the whole state
(`kernel/snapshot.py`): a journal whose earlier events are not kept begins with it, and a resume begins with the last one. `call` says what the
kernel asked for, so that a replay can compare.
`left` says how many effects had been carried out by then that leave the run. `saved` has what an object in Python gave
for a resume. A *note* has what a service has to know of the run when it goes on: of which folder a coglet was created, which
task an order is for. Whoever replays gives a function for each kind of notes, which is called where the note was made.
An `input` that the command line gave has a third item `true`. One that brought a key has `false` there, and then the key (`keys.py`).
"""

from __future__ import annotations

import gc
import hashlib
import os
import re
import signal
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar, assert_never

import msgspec

from cogc.diagnostics.visible import visible_bytes
from cogc.disk.files import read_whole
from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.language.codec import encode, unpacked
from cogc.language.values import shorten
from cogc.run import line_forms

VERSION = 7
"""The version that is written. Older ones are read too: the checksums of 6 covered the lines without their own checksums, 5 had no snapshots, 4 had no `left`, no `saved` and no places of calls, 3 said of no step that it was
cut short."""
_WHOLE = 7
"""The version from which on a checksum covers the checksums before it."""
UNESCAPED = 2
"""The version before 3: a record of the user's could not be told from a tag."""
READ = (UNESCAPED, 3, 4, 5, 6, VERSION)
"""The versions that are read."""
_BLOCK = 1 << 16
"""The bytes of lines that are read at once."""
_SEALED = re.compile(rb',"[0-9a-f]{8}"\]')
"""The end of a line of an event."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string of JSON, which may lack its end, or a bracket."""
_SUM = len(b',"00000000"]\n')
"""The bytes with which a line of an event ends: its checksum, bracket and newline."""
SNAPSHOT = "snapshot"
"""The kind of a line that has the whole state."""
CRASH = "COGC_CRASH_AT"
"""The variable that kills the process at a write of its journal, for tests: `7` right after the seventh, `7-` right before it."""
P = ParamSpec("P")
T = TypeVar("T")
Outward = Call | Ask | Dispatch
EVERY = 1 << 19
"""The bytes by which a journal grows between two snapshots, at least."""
Put: TypeAlias = Callable[[bytes], BinaryIO]
"""Puts a journal on disk in place of the one before, and returns its file, which stands at its end."""
Forms: TypeAlias = dict[str, line_forms.LineForm]
Event: TypeAlias = list[Any]
"""A line of a journal: the step, the time, the kind, and the data of the kind."""


def digest(call: Outward) -> str:
    """Return a digest of what a call asks for: program, arguments and request. The path tells the unit."""
    match call:
        case Ask():
            asked: list[object] = [call.model.key, call.program, call.request]
        case Dispatch():
            asked = [call.dispatcher, call.program.key, call.query]
        case Call():
            asked = [call.program.key, call.arguments, call.request]
        case _:
            assert_never(call)
    data = encode([*asked, call.path])
    return hashlib.sha256(data).hexdigest()[:16]


def name_of(call: Outward) -> str:
    """Return the name of a call's program, for people."""
    return f"{call.program}: {call.model.name}" if isinstance(call, Ask) else call.program.name


def gist(call: Outward) -> str:
    """Return the gist of a call, for people: its arguments, or the last message, shortened."""
    if isinstance(call, Dispatch):
        return shorten(call.query, 160)
    if isinstance(call, Ask):
        return shorten(call.request["messages"][-1]["content"], 160)
    words = call.request.get("words")
    return shorten(call.arguments, 160) if words is None else f"{shorten(call.arguments, 80)} as {shorten(words, 160)}"


def place_of(call: Outward) -> str:
    """Return the place of a call's program in the spec, or nothing."""
    return call.unit.place(call.at if isinstance(call, Ask) else call.program.at)


class Timed(Protocol):
    """A machine whose events are recorded: how many steps it has made, and its time in nanoseconds."""

    @property
    def steps(self) -> int: ...

    @property
    def now(self) -> int: ...


class Journal:
    """Writes events as they are admitted. The session calls `flush` before it releases the effects that follow from
    them. `writes` counts how often it has written, `events` the events, `size` the bytes, `grown` those since the last snapshot. `copy`
    is a second file that gets the same."""

    def __init__(self, file: BinaryIO, head: dict[str, object]) -> None:
        self.file = file
        self.lines: list[object] = [{"journal": VERSION, **head}]
        self.checksum = 0
        self.version = VERSION
        self.writes = 0
        self.events = -1  # the head is none
        self.size = self.grown = 0
        self.copy: BinaryIO | None = None
        self._crash = os.environ.get(CRASH, "")

    @classmethod
    def after(cls, file: BinaryIO, recording: Recording) -> Journal:
        """Return a journal that goes on behind the last line of a recording. Its file stands there."""
        made = cls(file, {})
        made.lines, made.checksum, made.version = [], recording.checksum, recording.head["journal"]
        made.events = recording.length
        made.size = made.grown = recording.size
        return made

    def event(self, kernel: Timed, kind: str, *data: object) -> None:
        """Note an event with the step and the instant of the kernel."""
        self.lines.append([kernel.steps, kernel.now, kind, *data])

    def call(self, kernel: Timed, call: Outward) -> None:
        """Note a call that the kernel asks for, so that a replay can compare."""
        self.event(kernel, "call", call.id, digest(call), name_of(call), call.path, gist(call), place_of(call))

    def flush(self) -> None:
        """Write the noted events."""
        if self.lines:
            data = b"".join(map(self._sealed, self.lines))
            self.writes += 1
            self._crash_at(f"{self.writes}-")
            _write(self.file, data)
            if self.copy is not None:
                _write(self.copy, data)
            self.events += len(self.lines)
            self.size += len(data)
            self.grown += len(data)
            self.lines = []
            self._crash_at(f"{self.writes}")

    def anew(self, head: dict[str, object], event: Event) -> bytes:
        """Return a journal that begins with an event in place of all that was written."""
        first, checksum = _sealed(visible_bytes(encode({"journal": VERSION, **head})), 0)
        line, _ = _sealed(visible_bytes(encode(event)), checksum)
        self._crash_at(f"{self.writes + 1}-")
        return first + line

    def goes_on_in(self, file: BinaryIO, text: bytes) -> None:
        """Go on in a file that has the text of a journal which begins anew, and stands at its end."""
        self.file, self.size = file, len(text)
        self.checksum, self.version = zlib.crc32(text), VERSION
        self.writes += 1
        self._crash_at(f"{self.writes}")

    def _crash_at(self, place: str) -> None:
        """Kill this process if a test wants it to crash at this place."""
        if self._crash == place:
            os.kill(os.getpid(), signal.SIGKILL)

    def _sealed(self, line: object) -> bytes:
        sealed, self.checksum = _sealed(visible_bytes(encode(line)), self.checksum, self.version)
        return sealed


def _write(file: BinaryIO, data: bytes) -> None:
    """Write all of some data. A file without a buffer may take less at once."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
    file.flush()


def _sealed(line: bytes, before: int, version: int = VERSION) -> tuple[bytes, int]:
    """Return a line with a checksum as its last item and a newline, and the checksum of all up to there."""
    checksum = zlib.crc32(line[:-1] if version >= _WHOLE else line, before)
    key = b'"sum":' if line.endswith(b"}") else b""
    end = b',%s"%08x"%s\n' % (key, checksum, line[-1:])
    return line[:-1] + end, zlib.crc32(end, checksum) if version >= _WHOLE else checksum


def _opened(line: bytes, before: int, version: int) -> tuple[Any, int]:
    """Return the content of a sealed line without its newline, and the checksum of all up to behind it. Raise ValueError if the line
    does not follow those before it."""
    is_event = line.endswith(b"]")
    cut = -12 if is_event else -18
    checksum = zlib.crc32(line[:cut], before)
    if version < _WHOLE:
        checksum = zlib.crc32(line[-1:], checksum)
    end = (b',"%08x"]' if is_event else b',"sum":"%08x"}') % checksum
    if line[cut:] != end:
        raise ValueError("it was changed, or a line before it is missing")
    value = msgspec.json.decode(line)
    value.pop(*(() if is_event else ("sum",)))
    after = checksum if version < _WHOLE else zlib.crc32(b"\n", zlib.crc32(end, checksum))
    return (unpacked(value, version != UNESCAPED) if b'"$' in line else value), after


def _block(text: bytes, before: int, forms: Forms) -> tuple[list[Event], int] | None:
    """Return the events of whole lines, and the checksum of all up to behind them. None if one of the lines is wrong: they have to be
    read one by one.
    """
    checksum = zlib.crc32(memoryview(text)[:-_SUM], before)
    end = text[-_SUM:]
    if end != b',"%08x"]\n' % checksum:
        return None
    try:
        events = _EVENTS.decode(b"[%s]" % text[:-1].replace(b"\n", b","))
        for event in events:
            event.pop()
        if b'"$' in text:
            for number, line in enumerate(text.splitlines()):
                if b'"$' in line:
                    events[number] = unpacked(events[number])
        line_forms.check_lines(events, forms)
    except (ValueError, IndexError):
        return None
    return (events, zlib.crc32(end, checksum)) if len(events) == text.count(b"\n") else None


_EVENTS = msgspec.json.Decoder(list[list[Any]])


class Recording(NamedTuple):
    """A journal that was read: its head, its events, the number of bytes of its whole lines, the checksum of the last of them, and
    whether a torn line behind them was left out."""

    head: dict[str, Any]
    events: list[Event]
    size: int
    checksum: int
    torn: bool = False

    @property
    def over(self) -> bool:
        """True if it reaches the end of its run."""
        return is_whole(self.events)

    @property
    def length(self) -> int:
        """The number of the events of the run, those before the snapshot with which a journal begins too."""
        if not self.events or self.events[0][2] != SNAPSHOT:
            return len(self.events)
        return int(self.events[0][3]["shell"]["events"]) + len(self.events) - 1


class Compaction(NamedTuple):
    """The needs of a run that writes snapshots: the head of a journal that begins anew and what puts it on disk, or None where
    earlier events are kept; the bytes between two snapshots, and those for each byte of the last one."""

    head: dict[str, object]
    put: Put | None
    every: int = EVERY
    share: int = 1


class Place(NamedTuple):
    """A place between two lines of a journal: behind so many bytes and events, and the checksum of all of them."""

    offset: int
    events: int
    checksum: int


def checksum_of(line: bytes, head: dict[str, Any]) -> int:
    """Return the checksum of all up to behind a line of the journal of a head, of which the last 11 bytes are enough. Raise ValueError if
    it has none."""
    checksum, end = int(line[-11:-3], 16), line[-11:]
    if head["journal"] < _WHOLE:
        return checksum
    return zlib.crc32((b',"sum":"' if end.endswith(b"}\n") else b',"') + end, checksum)


def read_head(line: bytes) -> dict[str, Any]:
    """Return what the first line of a journal says. Raise ValueError if it is none of a version that is read, or was changed."""
    line = line.removesuffix(b"\n")
    version = _version(line)
    if version not in READ:
        raise ValueError("it is not a journal, or one of another version of cogc")
    try:
        found, _ = _opened(line, 0, version)
        line_forms.check_record(found, line_forms.HEAD)
    except ValueError as error:
        raise ValueError(f"line 1: {error}") from None
    head: dict[str, Any] = found
    return head


def load(data: bytes) -> Recording:
    """Read a journal. Raise ValueError if it is none, or a line before the last one was changed."""
    return without_collecting(_load, data)


def load_part(lines: Sequence[bytes], head: dict[str, Any], place: Place, is_last: bool = False) -> list[Event]:
    """Return the events of lines, without their newlines, that stand behind a place of the journal of a head. If they are the last ones,
    one that is torn is left out.

    Raise ValueError if a line was changed.
    """
    return without_collecting(_load_part, lines, head, place, is_last)


def without_collecting(read: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Do what makes many objects that all stay: collecting would walk them again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return read(*given, **named)
    finally:
        if collects:
            gc.enable()


def _load_part(lines: Sequence[bytes], head: dict[str, Any], place: Place, is_last: bool) -> list[Event]:
    found: list[Event] = []
    checksum = place.checksum
    for number, line in enumerate(lines, 1):
        try:
            event, checksum = _line(line, place.events + number + 1, checksum, head["journal"], line_forms.RUN)
        except _Broken:
            if is_last and number == len(lines) and _is_torn(line):
                return found
            raise
        found.append(event)
    return found


def _load(data: bytes) -> Recording:
    end = data.find(b"\n") + 1
    version = _version(data[:end]) if end else None
    if version not in READ:
        raise ValueError("it is not a journal, or one of another version of cogc")
    whole = data.rfind(b"\n") + 1
    head, checksum = _line(data[: end - 1], 1, 0, version, None)
    forms = line_forms.SETT if "sett" in head else line_forms.RUN
    events: list[Event] = []
    at = end
    while at < whole:
        end = data.find(b"\n", min(at + _BLOCK, whole) - 1) + 1
        block = _block(data[at:end], checksum, forms) if version >= _WHOLE else None
        if block is not None:
            events += block[0]
            at, checksum = end, block[1]
        for line in data[at:end].splitlines():  # of a block that is wrong, or of an older version
            try:
                event, checksum = _line(line, len(events) + 2, checksum, version, forms)
            except _Broken:
                if at + len(line) + 1 == len(data) and _is_torn(line):
                    return Recording(head, events, at, checksum, True)
                raise
            events.append(event)
            at += len(line) + 1
    return Recording(head, events, whole, checksum, whole < len(data))


class _Broken(ValueError):
    """A line was changed, or does not follow those before it."""


def _line(line: bytes, number: int, before: int, version: int, forms: Forms | None) -> tuple[Any, int]:
    """Return the content of a line, and the checksum of all up to behind it. Without `forms` it is the head.

    Raise ValueError, with the number of the line, if it was changed or has another form.
    """
    try:
        value, after = _opened(line, before, version)
    except ValueError as error:
        raise _Broken(f"line {number} is broken: {error}") from None
    try:
        if forms is None:
            line_forms.check_record(value, line_forms.HEAD)
        else:
            line_forms.check_line(value, forms)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    return value, after


def _is_torn(line: bytes) -> bool:
    """Return whether a last line may be one that was not written to its end, although a newline ends it.

    A line that is JSON has a checksum of its own: it was changed. So was one that begins with a whole line: the newline between the two.
    """
    ends = [len(line)]
    first = _first_end(line)
    if _SEALED.search(line, max(0, first - _SUM + 1), first):
        ends.append(first)
    for end in ends:
        with suppress(msgspec.DecodeError):
            msgspec.json.decode(line[:end])
            return False
    return True


def _first_end(line: bytes) -> int:
    """Return where the array or the object ends with which a line begins: its brackets balance there. 0 if they do nowhere."""
    depth = 0
    for match in _TOKEN.finditer(line):
        token = match[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
            if depth <= 0:
                return match.end()
    return 0


def read(path: Path) -> tuple[dict[str, Any], list[Event]]:
    """Return the head and the events of a journal. Raise ValueError if it is none, or a line was changed."""
    found = load(read_whole(str(path)))
    return found.head, found.events


def _version(head: bytes) -> object:
    """Return the version in the head of a journal, or None."""
    try:
        value = msgspec.json.decode(head)
    except msgspec.DecodeError:
        return None
    return value.get("journal") if isinstance(value, dict) else None


def is_whole(events: list[Event]) -> bool:
    """Return whether a journal reaches the end of its run."""
    return bool(events) and events[-1][2] == "end"


def last_snapshot(events: list[Event]) -> int:
    """Return the index of the last snapshot of a journal, or -1."""
    return next((i for i in range(len(events) - 1, -1, -1) if events[i][2] == SNAPSHOT), -1)
