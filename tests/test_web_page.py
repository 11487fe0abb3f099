"""The page of a run in a browser: what is seen, what the reader can do, and what texts of others cannot do."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from support import pages
from support.browser import PATIENCE, chromium, needs_chromium, post, runtime, serve, server
from support.hostile import HOSTILE, RAW
from support.paths import ROOT
from support.runtimes import doubler, family, folder, printer
from support.waiting import DEADLINE

pytestmark = [needs_chromium, pytest.mark.campaign]
SIZE = {"width": 1440, "height": 900}
BOXES = "document.querySelectorAll('.box').length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@contextmanager
def opened(browser: Any, port: int, path: str = "/ui", **options: Any) -> Iterator[Any]:
    """Open the page. Whatever it asks another place for, every error and every dialog fails the test."""
    context = browser.new_context(viewport=SIZE, **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and not expected(said.text) else None
    )
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: wrong.append(asked.url) if not ours(asked.url, port) else None)
    page.on("websocket", lambda asked: wrong.append(asked.url) if not ours(asked.url, port) else None)
    page.goto(f"http://127.0.0.1:{port}{path}")
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


def expected(error: str) -> bool:
    """Say whether a browser tells of a server that is away, or that asks for a token."""
    return any(words in error for words in ("ERR_CONN", "401", "WebSocket handshake"))


def ours(url: str, port: int) -> bool:
    return url.startswith((f"http://127.0.0.1:{port}/", f"ws://127.0.0.1:{port}/"))


def box(id: str) -> str:
    return f'.box[data-id="{id}"]'


def rectangle(page: Any, id: str) -> dict[str, float]:
    found: dict[str, float] = page.locator(f"{box(id)} .frame").bounding_box()
    return found


def settled(page: Any) -> None:
    """Wait until what was done is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


# ---- what is seen ----------------------------------------------------------------------------------------------


def test_what_is_created_and_stopped_is_seen_without_a_reload(browser: Any, tmp_path: Path) -> None:
    with runtime(tmp_path) as (_, port), opened(browser, port) as page:
        page.get_by_text("There are no coglets yet").wait_for()
        d = json.loads(post(port, f"/create?cog_dir={doubler(tmp_path)}"))["id"]
        page.locator(box(d)).wait_for()
        p = json.loads(post(port, f"/create?cog_dir={printer(tmp_path)}"))["id"]
        page.locator(box(p)).wait_for()
        post(port, f"/link?src_id={d}&src_channel=output&dest_id={p}&dest_channel=input")
        page.wait_for_selector(".flow.data", state="attached")
        assert page.get_by_text("2 coglets").is_visible()
        page.get_by_text(f"{p} was created").wait_for(state="attached")
        post(port, f"/transmit/{d}/input?data=1")
        page.wait_for_selector(".flow.live", state="attached")
        post(port, f"/stop/{d}")
        page.locator(box(d)).wait_for(state="detached")
        assert page.locator(".flow").count() == 0


@pytest.mark.parametrize(
    ("spec", "boxes", "total"),
    [(pages.TEN, 9, 9), (pages.HUNDRED, 100, 100), (pages.THOUSAND, 92, 992)],
    ids=["10", "100", "1000"],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_boxes_and_labels_have_room_at_each_size(
    browser: Any, tmp_path: Path, spec: str, boxes: int, total: int, scheme: str
) -> None:
    with serve(tmp_path, spec) as (_, port), opened(browser, port, color_scheme=scheme) as page:
        page.wait_for_function(f"() => {BOXES} === {boxes}")
        page.get_by_text(f"{total} coglets").wait_for()
        overlapping = page.evaluate(
            """() => {
              const areas = (s) => [...document.querySelectorAll(s)].map((e) => e.getBoundingClientRect());
              const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
              const frames = areas(".box .frame"), labels = areas(".label");
              let n = 0;
              frames.forEach((a, i) => frames.slice(i + 1).forEach((b) => n += meet(a, b)));
              labels.forEach((a, i) => [...labels.slice(i + 1), ...frames].forEach((b) => n += meet(a, b)));
              return n;
            }"""
        )
        assert overlapping == 0
        outside = page.evaluate(
            """() => {
              const stage = document.querySelector("cog-graph").getBoundingClientRect();
              return [...document.querySelectorAll(".box")].filter((group) => {
                const frame = group.querySelector(".frame").getBoundingClientRect();
                const texts = [...group.querySelectorAll(".title, .under")].map((t) => t.getBoundingClientRect());
                return frame.left < stage.left || frame.right > stage.right || frame.top < stage.top
                  || frame.bottom > stage.bottom || texts.some((t) => t.right > frame.right || t.left < frame.left);
              }).length;
            }"""
        )
        assert outside == 0


def test_text_has_contrast_in_both_schemes(browser: Any, tmp_path: Path) -> None:
    grounds = []
    with serve(tmp_path, pages.TEN) as (_, port):
        for scheme in ("light", "dark"):
            with opened(browser, port, color_scheme=scheme) as page:
                page.wait_for_selector(".box")
                low = page.evaluate(
                    """() => {
                      const style = getComputedStyle(document.documentElement);
                      const light = (name) => {
                        const probe = document.createElement("i");
                        probe.style.color = style.getPropertyValue(name);
                        document.body.append(probe);
                        const [r, g, b] = getComputedStyle(probe).color.match(/[0-9.]+/g).map((c) => {
                          const v = c / 255;
                          return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
                        });
                        probe.remove();
                        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                      };
                      const pairs = [];
                      for (const text of ["--text", "--dim", "--accent", "--wait", "--bad"])
                        for (const ground of ["--ground", "--panel", "--raised", "--accent-soft"]) {
                          const [a, b] = [light(text), light(ground)].sort((x, y) => y - x);
                          if ((a + 0.05) / (b + 0.05) < 4.5) pairs.push([text, ground, (a + 0.05) / (b + 0.05)]);
                        }
                      return pairs;
                    }"""
                )
                assert low == [], scheme
                grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(grounds)) == 2


def test_a_registry_has_the_same_page(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "boot.py").write_text(
        "import asyncio\n"
        "from coglet import CogBase, Coglet, CogletRuntime, LifeLet, listen\n"
        "from coglet.weblet import CogWebRegistry, WebLet\n"
        "from cogweb.ui import CogWebUI\n"
        "class Worker(Coglet, WebLet, LifeLet):\n"
        "    @listen('job')\n"
        "    async def job(self, n): pass\n"
        "class Lead(Coglet, WebLet, LifeLet):\n"
        "    async def on_start(self):\n"
        "        await super().on_start()\n"
        "        await self.create(CogBase(Worker, {'cogweb': self._cogweb}))\n"
        "async def main():\n"
        "    registry, rt = CogWebRegistry(), CogletRuntime()\n"
        "    ui = CogWebUI(registry, port=0)\n"
        "    await ui.start()\n"
        "    await rt.spawn(CogBase(Lead, {'cogweb': registry}))\n"
        "    print(f'serving on http://127.0.0.1:{ui.port}', flush=True)\n"
        "    await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with server(tmp_path, "run", "boot.py") as (_, port), opened(browser, port, "/") as page:
        page.wait_for_function(f"() => {BOXES} === 2")
        page.locator(".box", has_text="Worker").click()
        page.get_by_role("heading", name="Worker").wait_for()
        assert page.locator("cog-inspector").get_by_text("job").is_visible()
        assert page.locator("cog-inspector").get_by_text("WebLet, LifeLet").is_visible()
        assert not page.get_by_role("button", name="Failures").is_visible()


# ---- what the reader does --------------------------------------------------------------------------------------


def test_pan_zoom_drag_and_fit(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.TEN) as (_, port), opened(browser, port) as page:
        page.locator(box("Main/check")).wait_for()
        page.keyboard.press("0")
        settled(page)
        before = rectangle(page, "Main/check")
        page.mouse.move(700, 200)
        page.mouse.wheel(0, -400)
        page.wait_for_function("() => document.querySelector('cog-graph').camera.scale > 1.2")
        page.get_by_role("button", name="Show all").click()
        settled(page)
        assert abs(rectangle(page, "Main/check")["width"] - before["width"]) < 1
        page.mouse.move(700, 800)
        page.mouse.down()
        page.mouse.move(760, 760, steps=4)
        page.mouse.up()
        settled(page)
        moved = rectangle(page, "Main/check")
        assert (round(moved["x"] - before["x"]), round(moved["y"] - before["y"])) == (60, -40)
        line = page.locator("cog-graph .flow").first.get_attribute("d")
        x, y = moved["x"] + moved["width"] / 2, moved["y"] + moved["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 10, y + 90, steps=5)
        page.mouse.up()
        settled(page)
        dragged = rectangle(page, "Main/check")
        assert (round(dragged["x"] - moved["x"]), round(dragged["y"] - moved["y"])) == (10, 90)
        assert page.locator("cog-graph .flow").first.get_attribute("d") != line
        assert page.locator("cog-inspector").is_hidden(), "a drag is no click"
        page.keyboard.press("y")
        page.wait_for_function("() => document.querySelector('cog-graph').moved.size === 0")


def test_what_is_dragged_moves_as_one_and_only_lines_to_other_boxes_are_drawn_anew(
    browser: Any, tmp_path: Path
) -> None:
    """However often it is moved until the next frame. Its own lines are drawn when it is put down, and the focus stays."""
    with serve(tmp_path, pages.THOUSAND) as (_, port), opened(browser, port) as page:
        page.wait_for_function(f"() => {BOXES} === 92")
        page.locator(f"{box('Main/team[7]')} .more").click()
        page.locator(box("Main/team[7]/lead")).wait_for()
        page.locator(box("Main/team[7]")).focus()
        moved = page.evaluate(
            """async () => {
              const view = document.querySelector("cog-graph"), id = "Main/team[7]", seen = [];
              const order = () => [...view.querySelectorAll(".box")].map((one) => one.dataset.id).join();
              const place = (id) => view.shapes.get(id).group.getBoundingClientRect();
              const lines = () => [...view.querySelectorAll(".flow, .tree path")].filter((one) => one.getAttribute("d")).length;
              const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
              const all = view.below.get(id).map((one) => one.id), before = new Map(view.picture.boxes.map(({ id }) => [id, place(id)]));
              const found = { order: order(), lines: lines(), below: all.length, scale: view.camera.scale };
              view.drag(id, 0, 0, true);
              await frame();
              const observer = new MutationObserver((list) => seen.push(...list));
              observer.observe(view, { attributeFilter: ["transform", "d", "style"], subtree: true });
              for (let i = 0; i < 3; i++) view.drag(id, 5, 2, true);
              const early = observer.takeRecords().length;
              await frame();
              seen.push(...observer.takeRecords());
              observer.disconnect();
              const by = (id) => [place(id).x - before.get(id).x, place(id).y - before.get(id).y].map((n) => Math.round(n * 10) / 10);
              const carried = { by: by(all[0]), held: by(id), other: by("Main"), lines: lines() };
              view.drop();
              return {
                ...found, early, carried, writes: seen.length, drawn: new Set(seen.map((one) => one.target)).size,
                dropped: by(all[0]), isSameOrder: order() === found.order, linesAfter: lines(),
                focus: document.activeElement.dataset.id, left: view.querySelectorAll(".carried .box, .crossing path").length,
              };
            }"""
        )
        by = [round(15 * moved["scale"], 1), round(6 * moved["scale"], 1)]
        assert moved["below"] >= 4 and moved["early"] == 0
        assert moved["writes"] == moved["drawn"] <= 8, "one layer, and the lines to the parent"
        assert moved["carried"]["by"] == moved["carried"]["held"] == moved["dropped"] == by != [0, 0]
        assert moved["carried"]["other"] == [0, 0]
        assert moved["lines"] == moved["carried"]["lines"] == moved["linesAfter"]
        assert moved["isSameOrder"] and moved["focus"] == "Main/team[7]" and moved["left"] == 0


def test_a_drag_with_shift_takes_what_is_below_along(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.TEN) as (_, port), opened(browser, port) as page:
        page.locator(box("Main/check")).wait_for()
        page.keyboard.press("0")
        settled(page)
        before = {id: rectangle(page, id) for id in ("Main", "Main/check")}
        x, y = (before["Main"][k] + before["Main"][size] / 2 for k, size in (("x", "width"), ("y", "height")))
        page.keyboard.down("Shift")
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y + 20, steps=5)
        page.mouse.up()
        page.keyboard.up("Shift")
        settled(page)
        for id, place in before.items():
            now = rectangle(page, id)
            assert (round(now["x"] - place["x"]), round(now["y"] - place["y"])) == (30, 20)
        page.locator(box("Main/check")).focus()
        page.keyboard.press("Alt+ArrowDown")
        settled(page)
        assert rectangle(page, "Main/check")["y"] > before["Main/check"]["y"] + 25 and page.evaluate(
            "() => document.activeElement.dataset.id === 'Main/check'"
        )


def test_the_inspector_and_the_source(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.TEN) as (_, port), opened(browser, port) as page:
        page.locator(box("Main/charge")).click()
        inspector = page.locator("cog-inspector")
        inspector.get_by_role("heading", name="charge").wait_for()
        for words in (
            "Fails at each seventh order.",
            "orders: Order",
            "paid: int",
            "2 subscribers",
            "1000 restarts",
            "0.05 s",
            "Main/charge",
        ):
            inspector.get_by_text(words).first.wait_for()
        inspector.locator(".messages code", has_text='"sum"').first.wait_for()
        assert "coglet Charge {" in page.locator(".mark.declared code").inner_text()
        seen = page.evaluate(
            "(() => { const a = document.querySelector('.mark.declared').getBoundingClientRect(),"
            " b = document.querySelector('.lines').getBoundingClientRect(); return a.top >= b.top && a.bottom <= b.bottom })()"
        )
        assert seen
        page.locator(box("Main")).click()
        inspector.get_by_role("button", name="ledger").click()
        inspector.get_by_role("heading", name="ledger").wait_for()
        inspector.locator(".pair", has_text="sum").first.wait_for()
        inspector.get_by_role("button", name="Close the inspector").click()
        assert inspector.is_hidden()


def test_what_is_below_a_box_is_opened_and_shut(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.THOUSAND) as (_, port), opened(browser, port) as page:
        page.wait_for_function(f"() => {BOXES} === 92")
        page.locator(f"{box('Main/team[7]')} .more").click()
        page.locator(box("Main/team[7]/lead")).wait_for()
        page.locator(box("Main/team[7]/w[8]")).focus()
        page.keyboard.press("g")
        page.locator(box("Main/team[7]/w[8]")).wait_for(state="detached")
        page.locator(".box", has_text="9 × Worker").click()
        page.locator(box("Main/team[7]/w[8]")).wait_for()
        page.locator(box("Main/team[7]")).focus()
        page.keyboard.press("Space")
        page.locator(box("Main/team[7]/lead")).wait_for(state="detached")
        assert page.evaluate(BOXES) == 92
        for n in range(0, 90, 4):  # more than fits is never drawn
            page.evaluate(f"document.querySelector('cog-app').fold('Main/team[{n}]', true)")
        page.wait_for_function(f"() => {BOXES} > 130")
        assert page.evaluate(BOXES) <= 150


def test_the_search_finds_what_has_no_box(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.THOUSAND) as (_, port), opened(browser, port) as page:
        page.wait_for_function(f"() => {BOXES} === 92")
        page.keyboard.press("/")
        page.keyboard.type("team[63]/w[4")
        page.get_by_role("option").first.wait_for()
        assert page.get_by_role("option").count() == 1
        page.keyboard.press("Enter")
        page.locator(box("Main/team[63]/w[4]")).wait_for()
        page.locator("cog-inspector").get_by_text("Main/team[63]/w[4]").wait_for()
        page.wait_for_function(
            "id => { const r = document.querySelector(id)?.getBoundingClientRect();"
            " return r && r.left >= 0 && r.right <= innerWidth && r.top > 40 && r.bottom < innerHeight }",
            arg=box("Main/team[63]/w[4]"),
        )


def test_all_is_done_with_the_keyboard(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.TEN) as (_, port), opened(browser, port) as page:
        page.locator(box("Main")).wait_for()
        focused = "document.activeElement.dataset.id"
        page.locator(box("Main")).focus()
        for key, id in [
            ("ArrowDown", "Main/intake"),
            ("ArrowRight", "Main/check"),
            ("ArrowRight", "Main/charge"),
            ("ArrowLeft", "Main/check"),
            ("ArrowUp", "Main"),
            ("ArrowDown", "Main/intake"),
            ("Home", "Main"),
        ]:
            page.keyboard.press(key)
            assert page.evaluate(focused) == id, key
        page.keyboard.press("Enter")
        page.locator("cog-inspector").get_by_role("heading", name="Main").wait_for()
        page.keyboard.press("Escape")
        page.locator("cog-inspector").wait_for(state="hidden")
        assert page.evaluate(focused) == "Main"
        before = rectangle(page, "Main")
        page.keyboard.press("Alt+ArrowRight")
        assert rectangle(page, "Main")["x"] > before["x"]
        page.keyboard.press("y")
        page.keyboard.press("Shift+ArrowDown")
        page.wait_for_function(
            "y => document.querySelector('.box .frame').getBoundingClientRect().y < y", arg=before["y"]
        )
        page.keyboard.press("0")
        page.keyboard.press("+")
        page.wait_for_function(
            "w => document.querySelector('.box .frame').getBoundingClientRect().width > w", arg=before["width"]
        )
        page.keyboard.press("t")
        page.get_by_role("table", name="All coglets").get_by_role("row", name="ledger").wait_for()
        page.keyboard.press("t")
        page.keyboard.press("l")
        page.get_by_role("list", name="Failures and restarts").wait_for()
        page.keyboard.press("r")
        page.get_by_role("form", name="Filters of the trace").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog", name="Keys").wait_for(state="detached")


def test_readers_of_the_screen_are_told(browser: Any, tmp_path: Path) -> None:
    with runtime(tmp_path) as (_, port), opened(browser, port) as page:
        id = json.loads(post(port, f"/create?cog_dir={family(tmp_path)}"))["id"]
        top = page.get_by_role("treeitem", name=f"{id}, FamilyCog, idle")
        top.wait_for()
        assert page.get_by_role("tree", name="Coglets").is_visible()
        assert (top.get_attribute("aria-level"), top.get_attribute("aria-expanded")) == ("1", "true")
        assert page.locator('[role=treeitem][aria-level="2"]').count() == 2
        assert page.locator('[role=treeitem][tabindex="0"]').count() == 1
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, input')].filter((e) => !e.textContent.trim() && !e.ariaLabel && !e.labels?.length).length"
        )
        assert unnamed == 0
        assert page.locator("[role=status]").first.inner_text() == "live"


def test_failures_the_trace_and_its_causes(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.TEN) as (_, port), opened(browser, port) as page:
        page.get_by_role("button", name="Failures 1").click()
        page.locator(".events li", has_text="the card of order 7 was refused").wait_for()
        assert page.locator(".strip .fail").count() >= 1
        page.keyboard.press("r")
        page.get_by_label("Kind").fill("fail")
        page.locator("cog-trace .records .is-fail").first.wait_for()
        page.wait_for_function("() => !document.querySelector('cog-trace .records li:not(.is-fail)')")
        page.locator("cog-trace .is-fail .seq").first.click()
        chain = page.locator(".causes .records li")
        chain.first.wait_for()
        kinds = page.locator(".causes .records .kind").all_inner_texts()
        assert kinds[0] == "tick" and kinds[-1] == "fail" and "transmit" in kinds
        page.get_by_label("Since").fill("soon")
        page.wait_for_function("() => !document.querySelector('[name=since]').validity.valid")


def test_the_page_connects_again_when_the_server_is_back(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path, pages.TEN) as (_, port):
        manager = opened(browser, port)
        page = manager.__enter__()
        page.wait_for_function(f"() => {BOXES} === 9")
        page.locator(box("Main/ledger")).click()
        page.locator("cog-inspector").get_by_role("heading", name="ledger").wait_for()
    page.get_by_text("connection lost").wait_for()
    with serve(tmp_path, pages.TEN.replace("* 3", "* 4"), port=port):
        page.wait_for_function(f"() => {BOXES} === 10")
        page.wait_for_function("() => document.querySelector('cog-app').dataset.state === 'open'")
        page.locator("cog-inspector .pair", has_text="sum").first.wait_for()
        manager.__exit__(None, None, None)


def test_a_token_is_asked_for_and_is_in_no_address(browser: Any, tmp_path: Path) -> None:
    token = "open-sesame+/=?&"
    served = serve(tmp_path, pages.TEN, "--token", "PAGE_TOKEN", PAGE_TOKEN=token)
    with served as (_, port), opened(browser, port) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        for given in ("wrong", token):
            page.get_by_role("dialog").wait_for()
            page.get_by_label("Token", exact=True).last.fill(given)
            page.keyboard.press("Enter")
            if given == "wrong":
                page.get_by_text("The server does not know this token").wait_for()
        page.wait_for_function(f"() => {BOXES} === 9")
        page.reload()
        page.wait_for_function(f"() => {BOXES} === 9")
        assert not [url for url in asked if "sesame" in url or "wrong" in url]


# ---- texts of others -------------------------------------------------------------------------------------------


def test_hostile_texts_are_texts(browser: Any, tmp_path: Path) -> None:
    markup = [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "javascript:alert(1)",
        "]]><svg onload=alert(1)>",
        "{{ 7 * 7 }}",
    ]
    code = (
        "from coglet import Coglet, LifeLet, listen\n"
        f"TEXTS = {[*HOSTILE, *markup]!r}\n"
        "class HostileCoglet(Coglet, LifeLet):\n"
        '    """<img src=x onerror=alert(2)> \\u202edoc"""\n'
        "    @listen('go')\n"
        "    async def go(self, n):\n"
        "        for text in TEXTS:\n"
        "            await self.transmit('said', text)\n"
        "            await self.transmit(text[:40], {text: text})\n"
        "        raise ValueError(TEXTS[0] + '<img src=x onerror=alert(3)>')\n"
    )
    place = folder(tmp_path, "hostile", code, "HostileCoglet", 'restart = "on_error"\n')
    with runtime(tmp_path, "--trace", "trace.jsonl") as (_, port), opened(browser, port) as page:
        id = json.loads(post(port, f"/create?cog_dir={place}"))["id"]
        page.locator(box(id)).click()
        page.keyboard.press("r")
        page.get_by_role("form", name="Filters of the trace").wait_for()
        for _ in range(3):  # the trace of a page begins a moment after it was opened
            with pytest.raises(Exception, match="500"):
                post(port, f"/transmit/{id}/go?data=1")
            record = page.locator("cog-trace .records li", has_text="onerror=alert(3)").first
            with suppress(Exception):  # playwright has a TimeoutError of its own, in an optional package
                record.wait_for(timeout=3_000)
                break
        record.wait_for(timeout=10_000)
        page.keyboard.press("r")
        page.locator("cog-inspector .channel", has_text="<script>").first.wait_for(state="attached")
        page.keyboard.press("l")
        shown = page.evaluate(
            "document.documentElement.textContent + [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes].map((a) => a.value)).join('')"
        )
        assert RAW & set(shown) == set()
        assert "\\u202e" in shown and "onerror=alert" in shown
        assert page.evaluate("document.querySelectorAll('img, iframe, object, script:not([src])').length") == 0
        assert page.evaluate("document.querySelectorAll('a[href]').length") == 0


# ---- the code of the page --------------------------------------------------------------------------------------


def test_the_types_of_the_page_fit() -> None:
    compiler = ROOT / "tests" / "web" / "node_modules" / ".bin" / "tsc"
    if shutil.which("node") is None or not compiler.exists():
        pytest.skip("the compiler of TypeScript is not there: npm install in tests/web")
    done = subprocess.run([compiler, "-p", ROOT / "tests" / "web"], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stdout
