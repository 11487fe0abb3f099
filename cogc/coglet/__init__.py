"""The classes of the first system, under its own names. `specs/python.md` defines how they run.

In a run, and for a script that `cogc run` starts, `from coglet import ...` means this package. The classes work on
any loop of asyncio. Inside of a run the loop is that of the run (`run/loop.py`), and what happens to the coglets is
reported to the run (`world.py`).
"""

from __future__ import annotations

from cogc.coglet.base import CogBase, Coglet, CogletHandle, Command, enact, listen
from cogc.coglet.bus import HISTORY_SIZE, STAT_WINDOWS, Channel, ChannelBus, ChannelStats, ChannelSubscription
from cogc.coglet.mixins import GitLet, LifeLet, LogLet, MulLet, SuppressLet, TickLet, every
from cogc.coglet.programs import CodeExecutor, Executor, LLMExecutor, ProgLet, Program
from cogc.coglet.runtime import CogletRuntime
from cogc.coglet.trace import CogletTrace
from cogc.coglet.web import CogWebNode, CogWebRegistry, CogWebSnapshot, WebLet

__all__ = [
    "HISTORY_SIZE", "STAT_WINDOWS", "Channel", "ChannelBus", "ChannelStats", "ChannelSubscription", "CodeExecutor", "CogBase",
    "CogWebNode", "CogWebRegistry", "CogWebSnapshot", "Coglet", "CogletHandle", "CogletRuntime", "CogletTrace", "Command",
    "Executor", "GitLet", "LLMExecutor", "LifeLet", "LogLet", "MulLet", "ProgLet", "Program", "SuppressLet", "TickLet", "WebLet",
    "enact", "every", "listen",
]  # fmt: skip
