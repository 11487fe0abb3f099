"""Rules of scripted models: what a prompt holds, and the reply to it."""

from __future__ import annotations

import json
from typing import Any


def tool(name: str, **input: Any) -> dict[str, Any]:
    return {"name": name, "input": input}


def when(prompt: str, **answer: Any) -> dict[str, Any]:
    return {"when": {"prompt": prompt}, **answer}


def of(program: str, prompt: str, **answer: Any) -> dict[str, Any]:
    return {"when": {"program": program, "prompt": prompt}, **answer}


def rules(*given: tuple[str, Any]) -> str:
    """A script: what a prompt holds, and the reply to it; a dictionary of `tools`, `error` or `delay` as it is."""
    found = []
    for prompt, reply in given:
        whole = isinstance(reply, dict) and reply.keys() & {"tools", "error", "reply"}
        found.append({"when": {"prompt": prompt}, **(reply if whole else {"reply": reply})})
    return json.dumps(found)
