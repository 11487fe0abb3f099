"""The report of evaluations as one page of HTML: no scripts, no fonts, no pictures, nothing from elsewhere.

A test is a heading with its rate as a bar, and the interval of the rate as a band in it. A row is a `details` element, which
opens without a script: what the row was, what the system said, why it failed.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from cogc.diagnostics.visible import shown as visible
from cogc.language.values import plain
from cogc.testing.eval_report import Outcomes, cost_words, rate_words
from cogc.testing.outcome import Case, Outcome

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --page: #fff; --good: #1a7f37; --bad: #cf222e; --band: #0969da33; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --page: #0d1117; --good: #3fb950; --bad: #f85149; --band: #4493f855; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .3rem; } .file { color: var(--soft); font-weight: normal; }
.bar { position: relative; height: 1.1rem; border: 1px solid var(--line); border-radius: 4px; overflow: hidden; margin: .4rem 0; }
.bar i { position: absolute; top: 0; bottom: 0; left: 0; background: var(--good); } .bar.bad i { background: var(--bad); }
.bar b { position: absolute; top: 0; bottom: 0; background: var(--band); border: 1px solid var(--ink); border-width: 0 1px; }
.bar u { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--ink); }
details { border-top: 1px solid var(--line); padding: .35rem 0; } summary { cursor: pointer; display: flex; gap: .8rem; align-items: baseline; }
summary span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .what { flex: 1; } .score { color: var(--soft); font-variant-numeric: tabular-nums; }
.word { width: 3.2rem; flex: none; font-weight: 600; } .ok { color: var(--good); } .no { color: var(--bad); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: color-mix(in srgb, var(--line) 25%, transparent); padding: .5rem .7rem; border-radius: 4px; margin: .4rem 0; font: 13px/1.45 ui-monospace, monospace; }
h3 { font-size: .85rem; margin: .6rem 0 .1rem; color: var(--soft); font-weight: 600; } p { margin: .2rem 0; } .soft { color: var(--soft); }
"""


_POLICY = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
"""Whatever text a page shows, a browser runs no script of it and asks nobody for anything."""


def page(outcomes: Outcomes) -> bytes:
    """Return the evaluations among outcomes as one page."""
    made = [(s, o) for s, o in outcomes if o.rate is not None]
    failed = sum(not o.passed for _, o in made)
    sum_line = f"{len(made)} {'evaluation' if len(made) == 1 else 'evaluations'}, {f'{failed} failed' if failed else 'all passed'}"
    parts = [
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">', _POLICY, "<title>Evaluations</title>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">', f"<style>{_STYLE}</style></head><body>",
        "<h1>Evaluations</h1>", f"<p>{sum_line}</p>", *(_test(s.path, o) for s, o in made), "</body></html>",
    ]  # fmt: skip
    return ("\n".join(parts) + "\n").encode()


def _text(value: str) -> str:
    return escape(visible(value))


def _test(path: str, outcome: Outcome) -> str:
    """Return the section of one test: its rate, then the rows that failed, then the others."""
    rate = outcome.rate
    assert rate is not None
    low, high = rate.interval
    needed = f'<u style="left:calc({rate.needed * 100:.2f}% - 1px)" title="needed"></u>' if rate.needed < 1 else ""
    bar = (
        f'<div class="bar{"" if outcome.passed else " bad"}" role="img" aria-label="{_text(rate_words(outcome))}">'
        f'<i style="width:{rate.share * 100:.2f}%"></i><b style="left:{low * 100:.2f}%;width:{(high - low) * 100:.2f}%"></b>{needed}</div>'
    )
    ordered = sorted(outcome.cases, key=lambda c: c.passed)
    return "\n".join([
        f'<section><h2>{_text(outcome.test.name)} <span class="file">{_text(path)}</span></h2>',
        f"<p>{_text(rate_words(outcome))}</p>", bar, *map(_case, ordered), "</section>",
    ])  # fmt: skip


def _case(case: Case) -> str:
    """Return one case, closed unless somebody opens it."""
    what = f"run {case.number}" if case.row is None else _json(case.row.value, None)
    scores = " ".join(f"{v.score:.2f}" for v in case.scores.values())
    word = '<span class="word ok">passed</span>' if case.passed else '<span class="word no">failed</span>'
    head = f'{word}<span class="what">{_text(what)}</span><span class="score">{scores}</span>'
    return f"<details><summary>{head}</summary>{''.join(_parts(case))}</details>"


def _parts(case: Case) -> list[str]:
    """Return what is inside of a case."""
    parts = []
    if case.refusal is not None:
        facts = "".join(f"\n{name} = {value}" for name, value in case.refusal.facts)
        notes = "".join(f"\n{note}" for note in case.refusal.notes)
        parts.append(_block("Why it failed", f"line {case.refusal.where[0]}: {case.refusal.line}{facts}{notes}"))
    if case.row is not None:
        parts.append(_block(f"Row, line {case.row.line}", _json(case.row.value)))
    for channel, messages in case.outputs.items():
        if messages:
            parts.append(
                _block(f"Sent on {channel}", "\n".join(m if isinstance(m, str) else _json(m) for m in messages))
            )
    for question, verdict in case.scores.items():
        parts.append(_block(question, f"{verdict.score:g}: {verdict.reason}"))
    used = [f"run {case.number}", f"{case.seconds:.2f} s"]
    if case.asked:
        used += [f"{case.asked} requests", f"{case.used.tokens:,} tokens", cost_words(case)]
    return [*parts, f'<p class="soft">{_text(", ".join(used))}</p>']


def _block(title: str, text: str) -> str:
    return f"<h3>{_text(title)}</h3><pre>{_text(text)}</pre>"


def _json(value: Any, indent: int | None = 2) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=indent)
