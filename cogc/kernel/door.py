"""The door of a kernel: the way of every event into it, and the end of a step that is given up.

**The model.** The methods of `Kernel` that take an event do their work inside of `with self.door:`. Inside of the door the
meter of steps (`language/meter.py`) looks up to this kernel: a step that takes long asks the shell (`poll`) whether it may
go on. Outside of the door the meter looks up to nobody, so that no later evaluation in the process meets a kernel that is over.

**A step that is given up.** `look` raises `Interrupted`, which no code of a program can take. The door takes it, whichever event
has led to the step: the loop, a timer, a start, a stop, a command of a person. The method of `Kernel` goes on behind its `with`, and the
shell, which has said that the run is to end, ends the run in order.

**The invariants.**

- A door has one step of its own, and what follows it has another: no count of work is carried over.
- The loop (`Kernel.run`) passes the door once for a portion of messages, never for a single one.
- Doors nest: what was looked up to before is looked up to afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from cogc.language.meter import METER, Interrupted
from cogc.language.values import Failure


class Door:
    """The way into one kernel.

    `poll` is the shell's answer to a step that takes long: the present instant on the run's clock in nanoseconds, or None if
    the step must be given up because the run is to end. `deadline` is a step, and the instant at which the reaction that takes
    this step fails.
    """

    __slots__ = ("_look", "deadline", "outer", "poll")

    def __init__(self) -> None:
        self.poll: Callable[[], int | None] | None = None
        self.deadline: tuple[object, int] = (self, 0)
        self.outer: list[Callable[[], None]] = []
        self._look = self.look  # bound once: a door is passed with each message from outside

    def __enter__(self) -> None:
        self.outer.append(METER.look)
        METER.look = self._look
        METER.step, METER.counted = None, self  # no step that was counted before

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Leave the door; True if the step inside was given up."""
        METER.look = self.outer.pop()
        METER.step, METER.counted = None, self
        return kind is Interrupted

    def look(self) -> None:
        """End a step that takes long, if its reaction's time is over or the run is to stop."""
        if self.poll is None:
            return
        now = self.poll()
        if now is None:
            raise Interrupted
        step, due = self.deadline
        if step is METER.step and now >= due:
            failure = Failure("timeout", "the reaction took longer than its timeout")
            failure.interrupts = True
            raise failure
