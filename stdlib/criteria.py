"""The Python programs of a definition of done: each makes the finding of one criterion.

These are the Python programs of the coglet that a `dod` stands for (`cogc/desugar/dods.py`). They run nothing themselves: what
git, pytest, ruff and coverage said is handed to them. A finding is `{criterion, status, details, output}`, for a judge
with `score` and `reason` as well; the status is PASS, FAIL or SKIP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

LONGEST = 4000
LONGEST_CHANGE = 60_000
CODE = {
    ".py", ".js", ".jsx", ".ts", ".tsx", ".go", ".rs", ".java", ".kt", ".rb", ".c", ".cc", ".cpp", ".h", ".hpp", ".cs",
    ".php", ".swift", ".scala", ".ex", ".exs",
}  # fmt: skip
NO_CODE = {"__init__.py", "conftest.py", "setup.py", "noxfile.py"}
_TEST_NAME = re.compile(r"^(?:tests?_|test$)|(?:[._-](?:tests?|spec))$|Tests?$")
_BARE = re.compile(r"^tests?_|[._-](?:tests?|spec)$|Tests?$")
_NO_TESTS = 5
_PLUGIN = "/cogc/testing/plugin.py"

Finding = dict[str, Any]


def finding(criterion: str, kind: str, found: Any, wanted: Any) -> Finding:
    """Return the finding of a criterion, from the result of its program or from `{error}`."""
    made: Finding = {"criterion": criterion, "status": "PASS", "details": "", "output": ""}
    if isinstance(found, dict) and set(found) == {"error"}:
        return {**made, "status": "FAIL", "details": found["error"]}
    return {**made, **_KINDS[kind](found, wanted)}


# ---- commands ------------------------------------------------------------------------------------------------


def _command(found: dict[str, Any], ok: list[int] | None) -> Finding:
    """Judge a command: it passes with one of the exit codes in `ok`."""
    said = tail(found["stdout"] + found["stderr"])
    if found["code"] in (ok or [0]):
        return {"details": _last_line(found["stdout"]), "output": said}
    if (found["code"] == _NO_TESTS and "no tests ran" in said) or ("deselected" in said and found["code"] == _NO_TESTS):
        return {"status": "FAIL", "details": "no test was found", "output": said}
    return {"status": "FAIL", "details": f"exit code {found['code']}", "output": said}


def tail(text: str) -> str:
    """Return the end of an output, which has the summary of most tools."""
    text = text.strip()
    return text if len(text) <= LONGEST else "..." + text[-LONGEST:]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip("= ")[:200] if lines else ""


def _coverage(found: dict[str, Any], least: float) -> Finding:
    """Judge the coverage of the tests, by the percentage in the report of coverage."""
    tests, report = found["tests"], found["report"]
    for part in (tests, report):
        if "error" in part:
            return {"status": "FAIL", "details": part["error"]}
    if tests["code"] == _NO_TESTS:
        return {"status": "FAIL", "details": "no test was found", "output": tail(tests["stdout"] + tests["stderr"])}
    try:
        made = json.loads(report["stdout"])
        percent = float(made["totals"]["percent_covered"])
        files, left_out = _without_cogc(made.get("files", {}))
        if left_out:
            percent = _percent([about["summary"] for about in files.values()])
    except (AttributeError, ValueError, KeyError, TypeError):
        said = tail(report["stdout"] + report["stderr"]) or tail(tests["stdout"] + tests["stderr"])
        return {"status": "FAIL", "details": "coverage has no report", "output": said}
    lines = [
        f"{about['summary']['percent_covered']:6.2f}%  {name}  lines not run: {_ranges(about['missing_lines'])}"
        for name, about in sorted(files.items(), key=lambda f: f[1]["summary"]["percent_covered"])
        if about["missing_lines"]
    ]
    status = "PASS" if percent >= least else "FAIL"
    details = f"{percent:.2f}% covered, {least:g}% wanted"
    if tests["code"] != 0:
        details += f"; the tests ended with code {tests['code']}"
    return {"status": status, "details": details, "output": tail("\n".join(lines[:40]))}


def _without_cogc(files: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the files of a report without those of cogc, and whether there were such.

    pytest loads the plugin of cogc in every run. Where cogc is installed from its repository, coverage takes the plugin, and
    what it imports, for code of the project. A file of the project has a relative name, so that cogc can be verified too.
    """
    places = {
        name.removesuffix("/testing/plugin.py") for name in files if name.startswith("/") and name.endswith(_PLUGIN)
    }
    kept = {name: about for name, about in files.items() if not any(name.startswith(place + "/") for place in places)}
    return kept, len(kept) < len(files)


def _percent(summaries: list[dict[str, Any]]) -> float:
    """Return the percentage of lines, and of branches if they were counted, that ran: as coverage computes its own."""
    ran = sum(s["covered_lines"] + s.get("covered_branches", 0) for s in summaries)
    there = sum(s["num_statements"] + s.get("num_branches", 0) for s in summaries)
    return 100.0 * ran / there if there else 100.0


def _ranges(numbers: list[int]) -> str:
    """Return the text of line numbers: `1-3, 7` for 1, 2, 3, 7."""
    found: list[list[int]] = []
    for n in sorted(numbers):
        if found and found[-1][1] == n - 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


# ---- values, judges ------------------------------------------------------------------------------------------


def _value(found: dict[str, Any], _wanted: Any) -> Finding:
    """Judge the result of an expression, a function or a person: a truth value, one of the three words, or a finding."""
    value = found["value"]
    if isinstance(value, bool):
        return {"status": "PASS" if value else "FAIL", "details": "yes" if value else "no"}
    if isinstance(value, str) and value in ("PASS", "FAIL", "SKIP"):
        return {"status": value}
    if isinstance(value, dict) and value.get("status") in ("PASS", "FAIL", "SKIP"):
        told = {k: str(value[k]) for k in ("details", "output") if k in value}
        return {"status": value["status"], **told}
    return {
        "status": "FAIL",
        "details": f"this is neither true or false nor PASS, FAIL or SKIP: {json.dumps(value, default=str)[:200]}",
    }


def _judge(found: dict[str, Any], least: float) -> Finding:
    score = float(found["score"])
    if not 0 <= score <= 1:
        return {
            "status": "FAIL",
            "details": f"the judge's score is {score:g}, not from 0 to 1",
            "reason": found["reason"],
        }
    status = "PASS" if score >= least else "FAIL"
    about = {"score": score, "reason": found["reason"]}
    return {"status": status, "details": f"{score:g} of at least {least:g}: {found['reason']}", **about}


def _changes(found: dict[str, Any], _wanted: Any) -> Finding:
    """Return the text that a judge is shown: the diff and the names of new files, or nothing without a repository."""
    difference, new = found["diff"], found["new"]
    text = difference["stdout"] if difference is not None and difference["code"] == 0 else ""
    if new is not None and new["code"] == 0 and new["stdout"].strip():
        text += "\nNew files:\n" + new["stdout"]
    return {"output": text if len(text) <= LONGEST_CHANGE else text[:LONGEST_CHANGE] + "\n... (cut off here)"}


# ---- tests no later than code --------------------------------------------------------------------------------


def _tdd(found: dict[str, Any], _wanted: Any) -> Finding:
    """Judge the history: the tests of each change of code must come no later than the change."""
    for part in ("commits", "uncommitted", "files"):
        told = found[part]
        if "error" in told:
            return {"status": "FAIL", "details": told["error"]}
        if told["code"] != 0:
            return {"status": "FAIL", "details": "git has no history to look at", "output": tail(told["stderr"])}
    history = commits(found["commits"]["stdout"], found["uncommitted"]["stdout"])
    files = set(found["files"]["stdout"].splitlines())
    imports = "" if "error" in found["imports"] else found["imports"]["stdout"]
    looked, late = look(history, files, imports)
    if not looked:
        return {"status": "SKIP", "details": "no code was changed"}
    if late:
        return {
            "status": "FAIL",
            "details": late[0] + (f" (and {len(late) - 1} more)" if late[1:] else ""),
            "output": "\n".join(late),
        }
    return {"details": f"{looked} changes of code, each with its tests"}


class Commit:
    """One commit, or the changes that are not committed: the letter of git for the change of each file."""

    def __init__(self, name: str, changed: dict[str, str]) -> None:
        self.name = name
        self.changed = changed


def commits(log: str, status: str) -> list[Commit]:
    """Return the commits of `git log --reverse --name-status`, and the changes of `git status` as the last one."""
    found = []
    for part in log.split("\x01")[1:]:
        title, *lines = part.strip().splitlines()
        changed = {}
        for line in filter(None, lines):
            letter, *paths = line.split("\t")
            if letter != "R100" and paths:
                changed[paths[-1]] = letter[0]
        found.append(Commit(title, changed))
    changed = {}
    for line in filter(None, status.splitlines()):
        letters, path = line[:2], line[3:].rpartition(" -> ")[2].strip('"')
        changed[path] = "A" if "?" in letters or "A" in letters else "D" if "D" in letters else "M"
    if changed:
        found.append(Commit("what is not committed", changed))
    return found


def look(history: list[Commit], files: set[str], imports: str) -> tuple[int, list[str]]:
    """Return the number of changes of code, and a sentence for each whose tests came later or not at all."""
    tests = {f for f in files if is_test(f)}
    made = {f: i for i, c in reversed(list(enumerate(history))) for f, letter in c.changed.items() if letter == "A"}
    importing = _importing(imports, tests)
    looked, late = 0, []
    for i, commit in enumerate(history):
        for file, letter in commit.changed.items():
            if letter == "D" or file not in files or not is_code(file):
                continue
            looked += 1
            own = {t for t in tests if _belongs(t, file) or t in importing.get(_module(file), ())}
            why = _why_late(history, i, file, letter, own, made)
            if why:
                late.append(f"{commit.name}: {file} {why}")
    return looked, late


def _why_late(history: list[Commit], i: int, file: str, letter: str, own: set[str], made: dict[str, int]) -> str:
    """Return the fault of a change of a file, or nothing if its tests came no later."""
    if not own:
        return "has no test"
    there = {t for t in own if made.get(t, -1) <= i}
    if not there:
        return f"came before its test: {history[min(made[t] for t in own)].name}"
    if letter == "A" or any(not own.isdisjoint(c.changed) for c in history[: i + 1]):
        return ""
    later = next((c for c in history[i + 1 :] if not own.isdisjoint(c.changed) or file in c.changed), None)
    if later is not None and file not in later.changed:
        return f"was changed before its test: {later.name}"
    return ""


def is_code(file: str) -> bool:
    path = PurePosixPath(file)
    return path.suffix in CODE and not is_test(file) and path.name not in NO_CODE


def is_test(file: str) -> bool:
    """Return whether a file is a test by the conventions of pytest, Jest, Go or JUnit; helpers of tests are none."""
    path = PurePosixPath(file)
    return path.suffix in CODE and bool(_TEST_NAME.search(path.stem))


def _belongs(test: str, file: str) -> bool:
    """Return whether a test belongs to a file by its name: `test_billing.py`, `billing.spec.ts`, `test_billing_refunds.py`."""
    bare, stem = _BARE.sub("", PurePosixPath(test).stem), PurePosixPath(file).stem
    return bare == stem or bare.startswith(f"{stem}_")


def _module(file: str) -> str:
    path = PurePosixPath(file)
    return path.stem if path.suffix == ".py" else ""


def _importing(lines: str, tests: set[str]) -> dict[str, set[str]]:
    """Return the tests that import each Python module, by the last name of the module. A line is `path:import ...`."""
    found: dict[str, set[str]] = {}
    for line in lines.splitlines():
        path, _, statement = line.partition(":")
        if path in tests:
            for word in re.findall(r"\w+", statement):
                found.setdefault(word, set()).add(path)
    return found


_KINDS: dict[str, Callable[[Any, Any], Finding]] = {
    "command": _command,
    "coverage": _coverage,
    "value": _value,
    "judge": _judge,
    "changes": _changes,
    "tdd": _tdd,
    "off": lambda found, wanted: {"status": "SKIP", "details": "switched off"},
    "later": lambda found, wanted: {"status": "SKIP", "details": "not looked at: a criterion before it failed"},
}
