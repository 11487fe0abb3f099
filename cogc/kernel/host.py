"""A coglet, as its compiled code sees it: `I` in generated code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from cogc.language.values import Failure


class Overlay(Protocol):
    """The additions to a system from outside (`kernel/outer.py`), as far as routes need them."""

    @property
    def active(self) -> bool: ...

    def join(self, made: Any, /) -> None: ...

    def join_listen(self, inst: Any, channel: str, /) -> None: ...


class Services(Protocol):
    """The kernel of a coglet, as far as compiled code and routes need it."""

    @property
    def outer(self) -> Overlay: ...

    def push(self, port: Any, value: Any, /) -> None: ...

    def report_fault(self, inst: Any, fault: Failure, /) -> None: ...


class Host(Protocol):
    """A coglet that runs."""

    kernel: Services
    index: int
    name: str

    @property
    def id(self) -> str: ...

    @property
    def path(self) -> str: ...
