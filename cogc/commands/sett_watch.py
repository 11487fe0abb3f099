"""The options of `cogc sett watch`, `hoard`, `forage` and `questions`, and the events that they print."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from cogc.commands.streams import stdout_is_lost
from cogc.commands.usage import UsageError
from cogc.language.texts import nanoseconds
from cogc.run.git import changes
from cogc.sett.board import Board
from cogc.sett.happenings import Filter, Happening, Watcher, as_json

_LOOK = 1.0
"""Seconds between two looks at a board that tells of no change."""


def watch_options(parser: ArgumentParser) -> None:
    """Add the options of these actions."""
    add = parser.add_argument
    add("--goal", "-g", metavar="TEXT", help="forage: the goal, in place of GOAL")
    add("--watch", "-w", action="store_true", help="forage: print what happens until nothing is left to do")
    add(
        "--force",
        action="store_true",
        help="up: also beside another instance on the same workspace; forage: also where the workspace has changes that are not committed",
    )
    add("--since", metavar="WHEN", help="watch, hoard: from this time on: 30m ago, or 2026-01-31T08:00:00Z")
    add("--until", metavar="WHEN", help="watch, hoard: up to this time")
    add("--type", metavar="GLOB", help="watch, hoard: only artefacts whose type matches, and what is about them")
    add("--agent", metavar="ROLE", help="watch, hoard: only what this role has done")
    add("--exit-on-completion", action="store_true", help="watch: end when a Terminal artefact ends the workflow")
    add("--wait", action="store_true", help="questions: wait until one is open")


async def wanted(board: Board, options: Namespace) -> Filter:
    """Return what the options select. Raise UsageError for times that are none, or in the wrong order."""
    now = await board.store.now()
    since, until = (moment(getattr(options, name), f"--{name}", now) for name in ("since", "until"))
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must lie before --until")
    return Filter(since, until, options.type or "", options.agent or "")


def moment(text: str | None, option: str, now: float) -> float | None:
    """Return a time in seconds: RFC 3339, or a duration before `now`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    try:
        return now - nanoseconds(text) / 1e9
    except ValueError:
        raise UsageError(
            f"{option} {text}: write a duration such as 1h30m, or a time such as 2026-01-31T08:00:00Z"
        ) from None


async def watch(board: Board, options: Namespace) -> int:
    """Print what happens from now on, or since a time, until interrupted, or as the options say."""
    wants = await wanted(board, options)
    watcher = Watcher(board)
    news = await watcher.news()
    if wants.since is None and wants.until is None:
        news = []
    while not stdout_is_lost():
        for happening in news:
            show(happening, wants, options.json)
            if options.exit_on_completion and happening.event == "workflow_completed":
                return 0
        if wants.until is not None and await board.store.now() > wants.until:
            return 0
        await board.wait(_LOOK)
        news = await watcher.news()
    return 0


async def follow(board: Board, watcher: Watcher, json: bool) -> None:
    """Print what happens on a board from the last look of a watcher on, until nothing is left to do on it."""
    while not stdout_is_lost():
        over = await board.quiet()
        for happening in await watcher.news():
            show(happening, Filter(), json)
        if over:
            return
        await board.wait(_LOOK)


def show(happening: Happening, wants: Filter, json: bool) -> None:
    """Print an event if it is wanted."""
    if not wants.takes(happening.at, happening.about, happening.role):
        return
    print(as_json(happening) if json else happening.said, flush=True)


def refuse_dirty(workspace: str, force: bool) -> None:
    """Raise UsageError if a workspace is a repository with changes that are not committed, unless they are wanted."""
    if force or not workspace:
        return
    changed = changes(workspace)
    if changed:
        listed = "".join(f"\n    {line}" for line in changed[:20])
        sys.stderr.write(f"cogc: the workspace `{workspace}` has changes that are not committed:{listed}\n")
        raise UsageError("commit them, so that agents begin with what is in the repository; or give --force")
