"""The last messages of failed tests as sequence diagrams in one SVG document, which needs nothing from elsewhere."""

from __future__ import annotations

from html import escape

from cogc.diagnostics.visible import shown as safe
from cogc.language.texts import duration_text
from cogc.lowering.tests import Suite
from cogc.testing.diagram import columns_of, messages
from cogc.testing.outcome import Outcome
from cogc.testing.words import place, title
from cogc.traces.messages import Message

MARK = "cogc-test"
"""The class of the document, by which a file is known as one of these."""
_CHARACTER = 7.3
"""About how wide a character is, in units of the drawing."""
_LEFT, _ROW, _HEAD = 90, 26, 64
_MOST = 50
"""How many failures are drawn."""
_STYLE = """
  text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
  .name { font-weight: bold } .life { stroke: #8c959f; stroke-dasharray: 3 3 } .arrow { stroke: #0969da; stroke-width: 1.4 }
  .lost { fill: #cf222e }
"""


def svg(outcomes: list[tuple[Suite, Outcome]]) -> bytes:
    """Return the diagrams of the tests that failed, below each other."""
    failed = [(suite, outcome) for suite, outcome in outcomes if outcome.refusal is not None]
    parts: list[str] = []
    width, y = 420.0, 10
    for suite, outcome in failed[:_MOST]:
        found, wide, high = _diagram(suite, outcome, y)
        parts += found
        width, y = max(width, wide), y + high
    said = "no test failed" if not failed else ""
    if len(failed) > _MOST:
        said = f"and {len(failed) - _MOST} more failed"
    if said:
        parts.append(_text(10, y + 16, said))
        y += 30
    document = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{MARK}" viewBox="0 0 {width:.0f} {y}" width="{width:.0f}" height="{y}">\n'
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#0969da"/></marker></defs>\n' + "\n".join(parts) + "\n</svg>\n"
    )
    return document.encode()


def is_ours(text: str) -> bool:
    """Return whether a text is a document that this module has made."""
    return text.startswith("<svg ") and f'class="{MARK}"' in text[:200]


def _diagram(suite: Suite, outcome: Outcome, top: int) -> tuple[list[str], float, int]:
    """Return the parts of one diagram that begins at `top`, how wide they are, and how high."""
    refusal = outcome.refusal
    assert refusal is not None
    heads = [title(suite, outcome), f"{place(suite, outcome)}: {refusal.line}"]
    rows = messages(outcome.records)
    columns = columns_of(rows)
    apart = max(
        [120.0, *(len(name) * _CHARACTER + 20 for name in columns), *(len(r.label) * _CHARACTER + 30 for r in rows)]
    )
    at = {name: _LEFT + apart * (i + 0.5) for i, name in enumerate(columns)}
    parts = [_text(10, top + 16, heads[0], "name"), _text(10, top + 34, heads[1])]
    bottom = top + _HEAD + _ROW * len(rows)
    for name, x in at.items():
        parts.append(_text(x - len(name) * _CHARACTER / 2, top + 56, name, "name"))
        parts.append(f'<path class="life" d="M{x:.0f},{top + 62} V{bottom}"/>')
    for number, row in enumerate(rows):
        parts += _arrow(row, at, top + _HEAD + _ROW * (number + 1) - 6)
    width = max(_LEFT + apart * len(columns) + 20, *(20 + len(h) * _CHARACTER for h in heads))
    return parts, width, bottom - top + 24


def _arrow(row: Message, at: dict[str, float], y: int) -> list[str]:
    """Return one message: an arrow with its words above it, or words at the coglet if only one side is drawn."""
    parts = [_text(10, y, duration_text(round(row.t * 1e3) * 1_000_000))]
    a, b = at.get(row.sender), at.get(row.receiver)
    if a is not None and b is not None and a != b:
        middle = (a + b) / 2 - len(row.label) * _CHARACTER / 2
        line = f'<path class="arrow" marker-end="url(#to)" d="M{a:.0f},{y} L{b + (-4 if b > a else 4):.0f},{y}"/>'
        return [*parts, line, _text(middle, y - 5, row.label)]
    one = a if a is not None else b
    return parts if one is None else [*parts, _text(one + 6, y, row.label, "lost" if not row.receiver else "")]


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    of = f' class="{kind}"' if kind else ""
    return f'<text{of} x="{x:.0f}" y="{y:.0f}">{escape(safe(words))}</text>'
