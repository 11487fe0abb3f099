"""The options of `cogc test` for real models and for evaluations, and what they mean together."""

from __future__ import annotations

import math
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cogc.commands.budgets import budget, budget_option
from cogc.commands.usage import UsageError
from cogc.disk.state_folder import StateFolder
from cogc.testing import eval_report
from cogc.testing.evaluation import LiveChoice
from cogc.testing.recording import BadRecording, load

OF_LIVE = ("budget", "record")
"""The options that have no meaning without `--live`."""


MOST_RUNS = 100_000


def live_options(parser: ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--live", type=int, metavar="N", help="run each test N times with real models in place of their scripts")
    add(
        "--pass-rate",
        type=float,
        metavar="R",
        help="rate of runs, or of rows, that must pass, from 0 to 1; live runs end when that is decided (default: all)",
    )
    budget_option(parser)
    add(
        "--record",
        metavar="DIR",
        help="folder for the answers of the models in live runs (default: in the state folder)",
    )
    add("--replay", metavar="FILE", help="run the one test of a recording again, with the recorded answers")
    add("--eval", metavar="FILE", help="write the cases of evaluations and of live runs to FILE as JSON Lines too")
    add("--eval-html", metavar="FILE", help="write them to FILE as a page of HTML too")


def live_choice(options: Namespace, state: StateFolder) -> LiveChoice:
    """Return how tests run live. Raise UsageError for options that have no meaning together."""
    if options.live is not None and not 1 <= options.live <= MOST_RUNS:
        raise UsageError(f"--live {options.live}: from 1 to {MOST_RUNS}")
    rate = options.pass_rate
    if rate is not None and not (0 <= rate <= 1 and math.isfinite(rate)):
        raise UsageError(f"--pass-rate {rate:g}: from 0 to 1")
    if options.live is None:
        for name in OF_LIVE:
            if getattr(options, name):
                raise UsageError(f"--{name} has a meaning beside --live alone")
    elif options.replay is not None:
        raise UsageError("--replay asks no model: it has no meaning beside --live")
    repeat = None
    if options.replay is not None:
        try:
            repeat = load(options.replay)
        except BadRecording as error:
            raise UsageError(f"--replay {options.replay}: {error}") from None
    folder = _folder(options, state) if options.live is not None else ""
    return LiveChoice(options.live or 0, rate, dict(budget(options)), folder, repeat)


def _folder(options: Namespace, state: StateFolder) -> str:
    """Return the folder of the recordings. That of the state folder has those of the last live run alone."""
    try:
        if options.record:
            Path(options.record).mkdir(parents=True, exist_ok=True)
            return str(options.record)
        folder = state.make("tests", "live")
        for name in os.listdir(folder):
            if name.endswith(".jsonl"):
                os.unlink(os.path.join(folder, name))
        return folder
    except OSError as error:
        raise UsageError(f"cannot write recordings to `{error.filename}`: {(error.strerror or '').lower()}") from None


REPORTS = (
    ("eval", "report of evaluations", eval_report.is_report),
    ("eval_html", "page of evaluations", eval_report.is_page),
)
"""The options of reports, with the kind of the file that each writes, and how that is told."""
