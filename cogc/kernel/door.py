"""The door of a kernel: the way of every event into it, and the end of a step that is given up.

**The model.** The methods of `Kernel` that take an event do their work inside of `with self.door:`. Inside of the door the
meter of steps (`language/meter.py`) looks up to this kernel: a step that takes long asks the shell (`poll`) whether it may
go on. Outside of the door the meter looks up to nobody, so that no later evaluation in the process meets a kernel that is over.

**A step that is given up.** `look` raises `Interrupted`, which no code of a program can take. The door takes it, whichever event
has led to the step: the loop, a timer, a start, a stop, a command of a person. The method of `Kernel` goes on behind its `with`, and the
shell, which has said that the run is to end, ends the run in order.

**Cuts.** Where a step is given up, or fails because its time is over, follows from the real clock and from signals. So the door
tells the shell of each such place (`told`), and the shell writes it into the journal: how often the door had been asked since it was
entered. A replay gives the door these places beforehand (`cuts`), and asks nobody.

**The invariants.**

- A door has one step of its own, and what follows it has another: no count of work is carried over.
- The loop (`Kernel.run`) passes the door once for a portion of messages, never for a single one.
- Doors nest: what was looked up to before is looked up to afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Literal, TypeAlias

from cogc.language.meter import METER, Interrupted
from cogc.language.values import Failure

Cut: TypeAlias = Literal["given up", "late"]
"""The reason for which a step ends in the middle: the run is to end, or the time of its reaction is over."""


class Door:
    """The way into one kernel.

    `poll` is the shell's answer to a step that takes long: the present instant on the run's clock in nanoseconds, or None if
    the step must be given up because the run is to end. `deadline` is a step, and the instant at which the reaction that takes
    this step fails. `looks` is how often steps have looked up since the door was entered, `begun` the number of messages that
    had been taken by then, if the loop has entered it. `crowded` fails a step that has made more than there is room for. `counted` says of the last step that was given up whether it is counted.
    """

    __slots__ = ("_look", "begun", "counted", "crowded", "cuts", "deadline", "looks", "outer", "poll", "told")

    def __init__(self, crowded: Callable[[], None]) -> None:
        self.crowded = crowded
        self.poll: Callable[[], int | None] | None = None
        self.told: Callable[[Cut, int, int | None], None] | None = None
        self.cuts: dict[int, Cut] | None = None
        self.deadline: tuple[object, int] = (self, 0)
        self.looks = 0
        self.begun: int | None = None
        self.counted = False
        self.outer: list[Callable[[], None]] = []
        self._look = self.look  # bound once: a door is passed with each message from outside

    def enter(self) -> None:
        """Enter the door; `leave` must follow. `Kernel.run` calls both, because a `with` costs it as much as a message."""
        meter = METER
        self.outer.append(meter.look)
        meter.look = self._look
        self.looks = 0
        meter.step = None
        meter.counted = self  # no step that was counted before

    def leave(self) -> None:
        """Leave the door."""
        meter = METER
        meter.look = self.outer.pop()
        meter.step = None
        meter.counted = self
        self.begun = None

    def __enter__(self) -> None:
        self.enter()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Leave the door; True if the step inside was given up."""
        self.leave()
        if error is None or not isinstance(error, Interrupted):
            return False
        self.counted = error.counted
        return True

    def let_go(self) -> None:
        """Forget whose door this is, when that kernel is taken apart."""
        del self._look, self.crowded, self.deadline

    def due(self, now: int, nanos: int) -> int:
        """Return the instant up to which a step may take that begins now.

        `now` is the kernel's clock, which stands still while messages are taken: the shell's goes on.
        """
        real = None if self.poll is None else self.poll()
        return (now if real is None else real) + nanos

    def look(self) -> None:
        """End a step that takes long, if its reaction's time is over or the run is to stop."""
        self.looks += 1
        self.crowded()
        cut = self._cut()
        if cut is None:
            return
        if self.told is not None:
            self.told(cut, self.looks, self.begun)
        if cut == "given up":
            raise Interrupted
        failure = Failure("timeout", "the reaction took longer than its timeout")
        failure.interrupts = True
        raise failure

    def _cut(self) -> Cut | None:
        """Return why the step ends here, or None if it goes on."""
        if self.cuts is not None:
            return self.cuts.pop(self.looks, None)
        now = 0 if self.poll is None else self.poll()
        if now is None:
            return "given up"
        step, due = self.deadline
        return "late" if self.poll is not None and step is METER.step and now >= due else None
