"""Mutations of specs: by characters, by tokens, by lines, by nesting, each from a seed.

`corpus()` gives the specs that the project has: examples, blocks of the pages, seeded mistakes, in both notations.
`mutant(seed, texts)` gives one mutant, always the same for one seed. `broken(name, text)` checks one, and returns why
the checker failed at it, or None. `python -m support.mutations COUNT [SEED]` runs a campaign and prints the seeds that fail.
"""

from __future__ import annotations

import random
import re
import signal
import sys
import traceback
from types import FrameType

from support.paths import ROOT
from support.specs import check_text

SECONDS = 10  # of processor time; a mutant takes a few milliseconds
_BLOCK = re.compile(r"^```(cog|yaml)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TOKEN = re.compile(r'"""|"(?:[^"\\\n]|\\.)*"|\w+|\s+|.', re.DOTALL)
_NESTS = (
    ("[", "]"),
    ("{ a: ", " }"),
    ("(", ")"),
    ("not ", ""),
    ("- ", ""),
    ("f(", ")"),
    ("if x { ", " }"),
    ("{{ ", " }}"),
)
_ODD = (
    "\0",
    "\ufeff",
    "\u202e",
    "\ud7ff",
    "\t",
    "\r",
    "\\",
    '"',
    '"""',
    "'",
    "#",
    "{{",
    "{%",
    "}}",
    "$x",
    "$...x",
    "1e999",
    "9" * 40,
    "::",
    "&a",
    "*a",
    "=",
    "\u00e9",
)


def corpus() -> list[tuple[str, str]]:
    """Return a name (its suffix tells the notation) and a text for each spec of the project."""
    found: list[tuple[str, str]] = []
    for folder in ("examples", "stdlib", "tests/golden/check"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cog", ".yml") and path.is_file():
                found.append((f"spec{path.suffix}", path.read_text(encoding="utf-8")))
    for page in sorted((ROOT / "specs").rglob("*.md")):
        for kind, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            found.append(("spec.cog" if kind == "cog" else "spec.yml", text))
    return found


def mutant(seed: int, texts: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the mutant of a seed: one text of the corpus with one to four changes."""
    chance = random.Random(seed)
    name, text = chance.choice(texts)
    for _ in range(chance.randint(1, 4)):
        text = chance.choice((_characters, _tokens, _lines, _nesting, _joined))(chance, text, texts)
    return name, text


def _characters(chance: random.Random, text: str, texts: list[tuple[str, str]]) -> str:
    at = chance.randint(0, len(text))
    gone = chance.choice((0, 1, 1, 5, 50))
    return text[:at] + chance.choice(("", *_ODD)) + text[at + gone :]


def _tokens(chance: random.Random, text: str, texts: list[tuple[str, str]]) -> str:
    words = _TOKEN.findall(text) or [""]
    i, j = (chance.randrange(len(words)) for _ in range(2))
    match chance.randrange(4):
        case 0:
            words[i], words[j] = words[j], words[i]
        case 1:
            del words[i : i + chance.randint(1, 5)]
        case 2:
            words[i:i] = words[j : j + chance.randint(1, 8)]
        case _:
            words[i] = chance.choice(_TOKEN.findall(chance.choice(texts)[1]) or [""])
    return "".join(words)


def _lines(chance: random.Random, text: str, texts: list[tuple[str, str]]) -> str:
    lines = text.split("\n")
    i, j = (chance.randrange(len(lines)) for _ in range(2))
    match chance.randrange(4):
        case 0:
            lines[i], lines[j] = lines[j], lines[i]
        case 1:
            del lines[i : i + chance.randint(1, 3)]
        case 2:
            lines[i:i] = lines[j : j + chance.randint(1, 4)] * chance.choice((1, 2, 20))
        case _:
            lines[i] = " " * chance.randint(0, 6) + lines[i].lstrip()
    return "\n".join(lines)


def _nesting(chance: random.Random, text: str, texts: list[tuple[str, str]]) -> str:
    words = _TOKEN.findall(text) or [""]
    i = chance.randrange(len(words))
    before, behind = chance.choice(_NESTS)
    count = chance.choice((1, 2, 10, 60, 70, 300))
    words[i] = before * count + words[i] + behind * count
    return "".join(words)


def _joined(chance: random.Random, text: str, texts: list[tuple[str, str]]) -> str:
    other = chance.choice(texts)[1]
    return text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]


class _Slow(Exception):
    """A check took too long."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Slow


def broken(name: str, text: str) -> str | None:
    """Check a text; return the last lines of a traceback, or None if the checker returned in time."""
    before = signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        check_text(text, name)
    except Exception:
        return "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return None


def main(words: list[str]) -> int:
    """Check so many mutants from a seed on, and print each that fails; the exit code."""
    count, first = int(words[0]), int(words[1]) if len(words) > 1 else 0
    texts, failed = corpus(), 0
    for seed in range(first, first + count):
        why = broken(*mutant(seed, texts))
        if why is not None:
            failed += 1
            print(f"seed {seed}: {why}", flush=True)
    print(f"{count} mutants from seed {first}: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
