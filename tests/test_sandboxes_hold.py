"""Each sandbox of this machine goes through the conformance suite, and the table of the page says what has come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial

import pytest
import trio

from cogc.run import sandbox_conformance as suite, sandbox_probes
from support.paths import ROOT
from support.processes import podman_settings

pytestmark = pytest.mark.campaign
PAGE = (ROOT / "specs" / "security.md").read_text()
NAMES = [s.name for s in suite.subjects()]


def page() -> dict[str, dict[str, str]]:
    """Return the table of the page: the state of each probe, by the name of the sandbox."""
    head, _, *rows = re.findall(r"^\|.*\|$", PAGE[PAGE.index("| a command in a sandbox tries to") :], re.M)
    names = [cell.strip() for cell in head.strip("|").split("|")][1:]
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for row in rows:
        probe, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        if len(cells) != len(names):
            break
        for name, cell in zip(names, cells, strict=True):
            found[name][probe.replace(" ", "-")] = cell
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image with a Python, where podman works; else an empty string."""
    with podman_settings(tmp_path_factory.mktemp("conf")), suite.image("podman") as tag:
        yield tag


@pytest.mark.parametrize("name", NAMES)
def test_a_sandbox_holds_what_the_page_says(name: str, image: str) -> None:
    (subject,) = [s for s in suite.subjects(image) if s.name == name]
    if subject.missing:
        pytest.skip(f"{name}: {subject.missing}")
    rows = trio.run(partial(suite.check_sandbox, subject))
    refused = {words for state, words in rows.values() if state == "not tested"}
    if all(state == "not tested" for state, _ in rows.values()):
        pytest.skip(f"{name} does not start here: {refused.pop()}")
    assert suite.unexplained(subject.kind, rows) == []
    said = page()[name]
    for probe, (state, words) in rows.items():
        if state != "not tested" and (subject.kind, probe) not in suite.EXPLAINED:
            assert said[probe] in (state, "not tested"), f"{probe}: {words}"


def test_the_page_has_every_probe_and_explains_what_is_open() -> None:
    table = page()
    assert list(table) == NAMES
    for name, rows in table.items():
        assert list(rows) == [*sandbox_probes.PROBES, *sandbox_probes.READING]
        for probe, state in rows.items():
            assert state in ("held", "open", "not tested")
            if state == "open":
                assert suite.EXPLAINED[name.partition(",")[0], probe] in PAGE


def test_the_suite_sees_what_no_sandbox_holds() -> None:
    """A plain process: what the suite would say of a sandbox that holds nothing."""
    subject = suite.Subject("none", suite.OWN)
    rows = trio.run(partial(suite.check_sandbox, subject))
    stands = {name for name, (state, _) in rows.items() if state == "open"}
    assert stands >= {
        "read-a-file-outside", "write-a-file-outside", "follow-a-symlink-outside", "hard-link-a-file-outside",
        "change-attributes-outside", "leave-a-setuid-file", "read-an-environment", "read-memory", "use-descriptors-of-others",
        "see-other-processes", "signal-other-processes", "trace-another-process", "take-a-descriptor", "set-limits-of-others",
        "connect-by-tcp", "send-by-udp", "connect-to-an-abstract-socket", "connect-to-a-socket-outside",
        "connect-to-a-socket-in-the-workspace", "attach-shared-memory", "use-keyrings", "call-by-another-architecture",
        "fill-memory", "fill-shared-memory", "fill-the-temporary-folder", "make-a-huge-file", "use-up-descriptors",
        "open-a-message-queue", "use-semaphores-of-others", "use-messages-of-others", "read-shared-files-of-others", "copy-memory-of-others",
        "signal-by-descriptor", "raise-limits", "watch-files-outside", "see-whether-files-are-there", "run-a-program-from-memory",
        "gain-rights-by-a-program", "write-a-workspace-that-is-read", "change-attributes-in-a-workspace-that-is-read",
    } - absent(rows)  # fmt: skip
    assert rows["leave-a-process-behind"][0] == "held", "a run leaves no process behind, with or without a sandbox"


def absent(rows: suite.Rows) -> set[str]:
    """Return the probes that this machine, which is perhaps itself a sandbox, cannot show."""
    narrow = {
        "trace-another-process",
        "take-a-descriptor",
        "use-keyrings",
        "call-by-another-architecture",
        "read-memory",
    }
    return {name for name in rows if rows[name][0] == "not tested"} | narrow


def test_the_command_says_what_it_has_not_tested(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "image", lambda engine: nullcontext(""))
    monkeypatch.setattr(suite, "_missing", lambda kind, root, image: f"there is no {kind}")
    assert suite.main([]) == 0
    said = capsys.readouterr()
    assert [f"{n}: not tested: " in said.err for n in NAMES] == [True] * len(NAMES)
    assert said.out.count("| not tested ") == len(NAMES) * (len(sandbox_probes.PROBES) + len(sandbox_probes.READING))
    assert " held " not in said.out
