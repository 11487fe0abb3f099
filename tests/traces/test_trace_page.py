"""A trace as a page that stands alone: what is in it, what a browser lets it do."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.traces import page as page_module
from cogc.traces.index import Index
from cogc.traces.page import page
from support.browser import chromium
from support.cli import cogc_here
from support.paths import EXAMPLES
from support.traces import everything, hostile


def made(path: Path, rows: list[int] | None = None) -> str:
    with Index(str(path)) as index:
        return page(index.read(), rows, "a run", None)


def data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="recorded">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    recorded: dict[str, Any] = json.loads(found[1])
    return recorded


def test_a_page_has_all_that_it_needs_and_its_policy_lets_nothing_else_in(tmp_path: Path) -> None:
    text = made(everything().save(tmp_path / "t"))
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert script is not None and style is not None
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])  # type: ignore[index]
    for found in (script, style):
        assert base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert not re.search(r"^(import|export) ", script[1], re.MULTILINE)
    assert data(text)["records"] == everything().records


def test_a_page_tells_of_coglets_flows_and_failures(tmp_path: Path) -> None:
    found = data(made(everything().save(tmp_path / "t")))
    assert {row["id"]: row["status"] for row in found["rows"]}["Main/slow"] == "stopped"
    assert ("Main", "Main/slow", ["job"]) in [(e["from"], e["to"], e["channels"]) for e in found["picture"]["edges"]]
    assert [event["kind"] for event in found["life"]] == ["fail", "restart"]
    slow = found["details"]["Main/slow"]
    assert slow["states"] == {} and slow["failure"]["message"] == "three jobs are too many"
    assert [message["data"] for message in slow["listens"][0]["last"]] == [0, 1, 2]


def test_a_hostile_trace_cannot_leave_its_place(tmp_path: Path) -> None:
    records = hostile()
    records.add(0.5, "log", "Main", level="info", data="</script><script>alert(1)</script><!--")
    text = made(records.save(tmp_path / "t"))
    assert text.count("</script>") == 2 and "<!--" not in text.split("\n", 2)[2]


def test_a_long_trace_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "MOST", 7)
    found = data(made(everything().save(tmp_path / "t")))
    assert found["records"] == everything().records[-7:] and "the last 7 of 50 records" in found["head"]["title"]


def test_the_command_writes_a_page_of_what_matches(tmp_path: Path) -> None:
    spec, trace, target = EXAMPLES / "counter" / "counter.cog", tmp_path / "t.jsonl", tmp_path / "t.html"
    assert cogc_here("run", spec, "--sim", "--for", "2s", f"--trace={trace}").returncode == 0
    words = ["trace", "export", trace, "--format", "html", "-o", target]
    assert cogc_here(*words, "--spec", spec, "--kind", "transmit").returncode == 0
    found = data(target.read_text(encoding="utf-8"))
    assert {record["kind"] for record in found["records"]} == {"transmit"}
    assert found["details"]["Main/counter"]["source"]["line"] == 3 and "coglet Counter" in str(found["texts"])
    assert cogc_here(*words).returncode == 0  # a page of ours is overwritten
    assert "takes nothing from it" in cogc_here("trace", "export", trace, "--format", "csv", "--spec", spec).stderr
    assert cogc_here(*words, "--spec", tmp_path / "none.cog").returncode == 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def test_a_browser_shows_the_page_without_a_request(browser: Any, tmp_path: Path) -> None:
    target = tmp_path / "t.html"
    records = everything()
    records.add(11.0, "log", "Main", level="info", data="<img src=http://127.0.0.1:1/x onerror=alert(1)>")
    target.write_text(made(records.save(tmp_path / "t")), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    shown = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    shown.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    shown.on("request", lambda request: asked.append(request.url))
    try:
        shown.goto(target.as_uri())
        shown.get_by_text("recorded", exact=True).wait_for()
        shown.keyboard.press("r")
        shown.get_by_label("Kind").fill("fail")
        shown.locator("cog-trace li.is-fail").wait_for()
        shown.get_by_label("Causes of record 31").click()
        shown.get_by_text("What led to 31").wait_for()
        assert shown.locator("cog-trace .causes li").count() > 5
        shown.keyboard.press("Escape")
        shown.locator("cog-graph").get_by_text("slow", exact=True).first.click()
        shown.locator("cog-inspector").get_by_text("three jobs are too many").wait_for()
    finally:
        context.close()
    assert wrong == [] and asked == [target.as_uri()]
