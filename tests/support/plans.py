"""Run plans with scripted agents, and read what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cogc.run.people import People
from cogc.run.plans import Keeping
from cogc.run.session import Session
from cogc.run.settings import Settings
from support.sessions import session
from support.specs import build


def run(
    folder: Path,
    text: str,
    script: str,
    root: str,
    goal: str = "",
    answers: dict[str, list[str]] | None = None,
    **more: Any,
) -> Session:
    (folder / "m.yml").write_text(script)
    bundle = build(text.replace('"m.yml"', f'"{folder}/m.yml"'), root)
    keeping = more.pop("keeping", None) or Keeping("memory", "me")
    channel = more.pop("channel", "goal")
    settings = Settings(str(folder), people=People(answers or {}), keeping=keeping)
    return session(bundle, settings, inputs=[(channel, goal)], **{"sim": True, **more})


def last(made: Session) -> dict[str, Any]:
    """The plan at its end."""
    return made.outputs["plan"][-1]  # type: ignore[no-any-return]


def statuses(made: Session) -> dict[str, str]:
    return {s["id"]: s["status"] for s in last(made)["steps"]}
