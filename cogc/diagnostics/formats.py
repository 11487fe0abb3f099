"""Diagnostics in the forms that services read: `github`, `sarif`, `junit`, `rdjson`.

    github    workflow commands, which GitHub Actions shows beside the lines of a change
    sarif     SARIF 2.1.0, for code scanning: rules with help, results with fingerprints, relative addresses, fixes
    junit     JUnit XML: a case for each file without an error, a failure for each error
    rdjson    the Diagnostic Format of reviewdog, with suggestions; its columns count bytes of UTF-8

The text of a diagnostic may come from a file that somebody else wrote: characters that could do something are escapes, as
everywhere, before a form's own escapes are made.
"""

from __future__ import annotations

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.edits import applicability
from cogc.diagnostics.rules import group
from cogc.diagnostics.selection import OFF
from cogc.diagnostics.visible import shown, shown_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cogc.diagnostics.edits import Edit
    from cogc.diagnostics.problems import Diagnostic
    from cogc.diagnostics.source import Span

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def dumps(value: object) -> str:
    """Return a value as indented JSON with a line end. Halves of surrogate pairs, which UTF-8 lacks, are escapes."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"


# ---- GitHub Actions ------------------------------------------------------------------------------------------


def github(found: list[Diagnostic], top: str = "") -> str:
    """Return a workflow command for each diagnostic. `top` is the folder of the repository, from which paths are shown."""
    return "".join(_command(d, top) + "\n" for d in found)


def _command(d: Diagnostic, top: str) -> str:
    line, column = d.span.position()
    end_line, end_column = d.span.source.position(max(d.span.end, d.span.start))
    facts = {"title": f"{d.code} {d.slug}", "file": _from(top, d.span.source.path), "line": line}
    if end_line == line:  # GitHub takes columns within one line only
        facts |= {"col": column, "endLine": line, "endColumn": max(end_column, column)}
    else:
        facts |= {"endLine": end_line}
    text = f"{shown_line(d.span.source.path)}:{line}:{column}: {d.message}" + (f"\nhelp: {d.help}" if d.help else "")
    words = ",".join(f"{k}={_property(str(v))}" for k, v in facts.items())
    return f"::{d.severity} {words}::{_data(shown(text))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(shown_line(text)).replace(":", "%3A").replace(",", "%2C")


def _from(top: str, path: str) -> str:
    """Return a path from a folder above the working directory, or as it is."""
    import os

    if not top:
        return path
    whole, start = os.path.realpath(path), os.path.realpath(top)
    return os.path.relpath(whole, start) if whole.startswith(start.rstrip(os.sep) + os.sep) else path


# ---- SARIF ---------------------------------------------------------------------------------------------------


def sarif(found: list[Diagnostic], version: str, page: Callable[[str, str], str], top: str = "") -> str:
    """Return one run of SARIF 2.1.0 with all diagnostics, and the rules that they belong to.

    `page` gives the page of a code and a name, or an empty text. `top` is the folder of the repository, from which code scanning
    reads addresses.
    """
    slugs = sorted({d.slug for d in found}, key=lambda s: CODES[s][0])
    seen: dict[str, int] = {}
    folder = "the folder of the repository" if top else "the folder in which cogc was started"
    driver = {"name": "cogc", "version": version, "semanticVersion": version, "rules": [_rule(s, page) for s in slugs]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": folder}}},
        "results": [_result(d, slugs.index(d.slug), seen, top) for d in found],
    }
    return dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]})


def _rule(slug: str, pages: Callable[[str, str], str]) -> dict[str, Any]:
    code, severity, message, remedy = CODES[slug]
    page = pages(code, slug)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in slug.split("-")),
        "shortDescription": {"text": _plain(message)},
        "fullDescription": {
            "text": page.split("\n\n")[1].replace("\n", " ") if page.count("\n\n") else _plain(message)
        },
        "help": {"text": _plain(remedy) or f"cogc explain {code}", "markdown": page or _plain(remedy) or code},
        "defaultConfiguration": {"level": severity, "enabled": slug not in OFF},
        "properties": {"tags": [group(slug)], "precision": "high"},
    }


def _plain(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _result(d: Diagnostic, index: int, seen: dict[str, int], top: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": index,
        "level": d.severity,
        "message": {"text": shown(d.message + (f"\n{d.help}" if d.help else ""))},
        "locations": [{"physicalLocation": _location(d.span, top)}],
        "partialFingerprints": {"cogc/v1": _fingerprint(d, seen, top)},
    }
    if d.related:
        made["relatedLocations"] = [
            {"id": i, "physicalLocation": _location(r.span, top), "message": {"text": shown(r.text)}}
            for i, r in enumerate(d.related)
        ]
    if d.edits:
        made["fixes"] = [_fix(d, top)]
    return made


def _fix(d: Diagnostic, top: str) -> dict[str, Any]:
    by_file: dict[str, list[Edit]] = {}
    for e in d.edits:
        by_file.setdefault(e.span.source.path, []).append(e)
    changes = [
        {
            "artifactLocation": _artifact(path, top),
            "replacements": [
                {"deletedRegion": _region(e.span), "insertedContent": {"text": e.replacement}} for e in edits
            ],
        }
        for path, edits in by_file.items()
    ]
    words = shown(d.help or "mend it")
    return {"description": {"text": f"{words} ({applicability(d.edits)})"}, "artifactChanges": changes}


def _location(span: Span, top: str) -> dict[str, Any]:
    return {"artifactLocation": _artifact(span.source.path, top), "region": _region(span)}


def _artifact(path: str, top: str) -> dict[str, Any]:
    from urllib.parse import quote

    path = _from(top, path)
    address = quote(path.encode("utf-8", "surrogateescape"))
    if path.startswith("/"):
        return {"uri": f"file://{address}"}
    return {"uri": address if ":" not in address.split("/")[0] else f"./{address}", "uriBaseId": "SRCROOT"}


def _region(span: Span) -> dict[str, int]:
    line, column = span.position()
    end_line, end_column = span.source.position(max(span.end, span.start))
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fingerprint(d: Diagnostic, seen: dict[str, int], top: str) -> str:
    """Return what tells a result from others wherever its line moves to: its rule, file, message and line of text."""
    from hashlib import sha256

    source = d.span.source
    line = source.line(d.span.position()[0]).strip() if source.text else ""
    words = "\0".join((d.code, _from(top, source.path), d.message, line))
    count = seen[words] = seen.get(words, 0) + 1
    return sha256(f"{words}\0{count}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


# ---- JUnit ---------------------------------------------------------------------------------------------------


def junit(found: list[Diagnostic], paths: list[str], strict: bool) -> str:
    """Return JUnit XML. A warning is a failure with `strict` alone, else the output of a case that passes."""
    from xml.sax.saxutils import escape, quoteattr

    by_file: dict[str, list[Diagnostic]] = {path: [] for path in paths}
    for d in found:
        by_file.setdefault(d.span.source.path, []).append(d)
    suites: list[str] = []
    total = failed = 0
    for path, reports in by_file.items():
        cases: list[str] = []
        wrong = 0
        for d in reports:
            line, column = d.span.position()
            text = escape(
                _xml(
                    f"{path}:{line}:{column}: {d.severity}: {d.message} [{d.code}]"
                    + (f"\nhelp: {d.help}" if d.help else "")
                )
            )
            head = f"    <testcase name={quoteattr(_xml(f'{d.code} {d.slug} {line}:{column}'))} classname={quoteattr(_xml(path))}>"
            if d.severity == "error" or strict:
                wrong += 1
                inner = f"<failure type={quoteattr(d.severity)} message={quoteattr(_xml(d.message))}>{text}</failure>"
            else:
                inner = f"<system-out>{text}</system-out>"
            cases.append(f"{head}\n      {inner}\n    </testcase>\n")
        if not reports:
            cases.append(f'    <testcase name="check" classname={quoteattr(_xml(path))}/>\n')
        total, failed = total + len(cases), failed + wrong
        count = f'tests="{len(cases)}" failures="{wrong}" errors="0"'
        suites.append(f"  <testsuite name={quoteattr(_xml(path))} {count}>\n{''.join(cases)}  </testsuite>\n")
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="cogc" tests="{total}" failures="{failed}" errors="0">\n'
    return f"{head}{''.join(suites)}</testsuites>\n"


def _xml(text: str) -> str:
    """Return a text without the characters that XML has no form for."""
    return (
        "".join(c if c >= " " or c in "\n\t" else " " for c in shown(text))
        .replace("\ufffe", " ")
        .replace("\uffff", " ")
    )


# ---- reviewdog -----------------------------------------------------------------------------------------------


def rdjson(found: list[Diagnostic]) -> str:
    """Return one `DiagnosticResult` of reviewdog."""
    return dumps({"source": {"name": "cogc"}, "severity": "WARNING", "diagnostics": [_reviewed(d) for d in found]})


def _reviewed(d: Diagnostic) -> dict[str, Any]:
    made: dict[str, Any] = {
        "message": shown(d.message + (f"\n{d.help}" if d.help else "")),
        "location": _reviewed_place(d.span),
        "severity": d.severity.upper(),
        "code": {"value": d.code},
    }
    edits = [e for e in d.edits if e.span.source is d.span.source]
    if edits and len(edits) == len(d.edits):
        made["suggestions"] = [{"range": _bytes(e.span), "text": e.replacement} for e in edits]
    if d.related:
        made["relatedLocations"] = [{"message": shown(r.text), "location": _reviewed_place(r.span)} for r in d.related]
    return made


def _reviewed_place(span: Span) -> dict[str, Any]:
    return {"path": span.source.path, "range": _bytes(span)}


def _bytes(span: Span) -> dict[str, Any]:
    """Return the range of a span, with columns in bytes of UTF-8."""

    def place(offset: int) -> dict[str, int]:
        line, column = span.source.position(offset)
        before = span.source.line(line)[: column - 1] if span.source.text else ""
        return {"line": line, "column": len(before.encode("utf-8", "surrogatepass")) + 1}

    return {"start": place(span.start), "end": place(max(span.end, span.start))}
