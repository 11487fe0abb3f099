"""`cogc models [SPEC]`: list models with their prices, windows and capabilities.

Without SPEC the catalogue is printed: the models whose prices are known, and
the date of the prices. With SPEC the models are printed that the spec uses.
`--check` asks the provider of each of them whether the model exists, and
loads the scripts of scripted models. No model is asked anything.

Exit codes: 0 done; 1 the spec is wrong, or with --check a model does not
exist; 2 the command line is wrong; 3 with --check a provider gave no answer.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

import trio

from cogc import ir
from cogc.commands import interrupts
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import bound
from cogc.commands.packages import allow_imports
from cogc.commands.program_options import model_option, root_option
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.suggest import did_you_mean
from cogc.diagnostics.visible import visible
from cogc.disk.files import read
from cogc.kernel.unit import Unit
from cogc.language.attributes import USUAL
from cogc.language.values import Failure
from cogc.names.catalogue import Catalogue
from cogc.run.models import exists

SECONDS = 20
"""How long a provider may take to list its models."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", nargs="?", help="path of a spec, or of a program made by `cogc build`")
    parser.add_argument("--check", action="store_true", help="ask the providers whether the models of SPEC exist")
    root_option(parser)
    model_option(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="format of the list (default: text)")
    allow_imports(parser)


def run(options: Namespace) -> int:
    catalogue = Catalogue(read)
    if options.spec is None:
        if options.check or options.root or options.model:
            raise UsageError("`--check`, `--root` and `--model` need a SPEC, whose models they are about")
        known = [_row("", "anthropic", m, catalogue.price("anthropic", m), {}) for m in catalogue.data["models"]]
        _print(known, catalogue.data["date"], options.format)
        return 0
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    unit = Unit(bound(bundle, options))
    models = list(unit.bundle.models.values())
    rows = [_row(m.name, m.provider, m.argument, m.price, unit.model(m.key)) for m in models]
    code = 0
    if options.check:
        for row, (state, why) in zip(rows, interrupts.run(_asked, unit, models), strict=True):
            row["state"], row["why"] = state, why
            code = max(code, {"exists": 0, "missing": 1, "unknown": 3}[state])
    _print(rows, catalogue.data["date"], options.format)
    return code


def _row(name: str, provider: str, model: str, price: ir.Price | None, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a model. A price is None if it is not known, a window 0."""
    priced = price if provider != "scripted" else None
    return {
        "name": name,
        "provider": provider,
        "model": model,
        "input": priced.input if priced else None,
        "output": priced.output if priced else None,
        "context": priced.context if priced else 0,
        "capabilities": list(attributes.get("capabilities", USUAL[provider])),
    }


async def _asked(unit: Unit, models: list[ir.Model]) -> list[tuple[str, str]]:
    """Return for each model whether it exists (`exists`, `missing`, `unknown`), and why not."""
    found: dict[str, tuple[str, str]] = {}

    async def one(model: ir.Model) -> None:
        try:
            with trio.fail_after(SECONDS):
                known = await exists(unit, model)
        except trio.TooSlowError:
            found[model.key] = "unknown", f"the provider did not answer within {SECONDS} s"
        except Failure as failure:
            found[model.key] = "unknown", failure.message
        else:
            help = "" if known is None else did_you_mean(model.argument, known, "")
            found[model.key] = ("exists", "") if known is None else ("missing", help)

    async with trio.open_nursery() as nursery:
        for model in models:
            nursery.start_soon(one, model)
    return [found[m.key] for m in models]


def _print(rows: list[dict[str, Any]], date: str, form: str) -> None:
    """Print models as a table, or as JSON."""
    if form == "json":
        json.dump({"date": date, "models": rows}, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    named, checked = any(r["name"] for r in rows), any("state" in r for r in rows)
    head = [
        *(["name"] if named else []),
        "provider",
        "model",
        "in",
        "out",
        "window",
        "capabilities",
        *(["state"] if checked else []),
    ]
    table = [head, *(_words(r, named, checked) for r in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    for line in table:
        sys.stdout.write("  ".join(w.ljust(n) for w, n in zip(line, widths, strict=True)).rstrip() + "\n")
    sys.stdout.write(f"Prices in dollars for a million tokens, of {date}. Windows in tokens.\n")


def _words(row: dict[str, Any], named: bool, checked: bool) -> list[str]:
    """Return a line of the table."""
    prices = ["?" if row[k] is None and row["provider"] != "scripted" else _number(row[k]) for k in ("input", "output")]
    window = f"{row['context']:,}" if row["context"] else "-" if row["provider"] == "scripted" else "?"
    words = [row["provider"], visible(row["model"]), *prices, window, " ".join(row["capabilities"]) or "-"]
    state = [": ".join(w for w in (row["state"], visible(row["why"])) if w)] if checked else []
    return [*([row["name"]] if named else []), *words, *state]


def _number(price: float | None) -> str:
    return "-" if price is None else f"{price:g}"
