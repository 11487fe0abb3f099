"""Images and documents: where they come from, how they reach the models of both providers, and what is kept of them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc import sdk
from cogc.kernel.models import content
from cogc.language import media as kinds
from cogc.language.codec import decode, encode
from cogc.language.values import Failure, Media, plain
from cogc.run import media
from cogc.run.convert import from_python, to_python
from cogc.run.journal import Journal
from cogc.run.json_text import read_json
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from support.anthropic import Server, blocks, reply, serve, status, use
from support.cli import cogc, cogc_here
from support.sessions import repeated, session
from support.sim import Sim
from support.specs import build, codes
from support.strict_models import refused_by_chat, refused_by_messages
from test_mcp_odd import server as mcp_server
from test_openai import chunks

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
PDF = b"%PDF-1.7\n" + b"0" * 40
HEAD = 'model m = {provider} "x" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY") {more} }}\n'


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COGC_TEST_KEY", "sk-canary-3")
    with serve() as found:
        yield found


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in (("x.png", PNG), ("x.pdf", PDF), ("n.txt", b"a note"), ("lie.png", PDF), ("empty.txt", b"")):
        (tmp_path / name).write_bytes(data)
    return tmp_path


def head(server: Server, provider: str, more: str = "") -> str:
    return HEAD.format(provider=provider, url=server.url + ("/v1" if provider == "openai" else ""), more=more)


def answers(server: Server, provider: str, *said: str) -> None:
    server.will(*(reply(s) if provider == "anthropic" else chunks({"content": s}) for s in said))


def asked(server: Server, provider: str) -> list[Any]:
    """Return the messages of the last request, which a strict server takes."""
    refused = refused_by_messages if provider == "anthropic" else refused_by_chat
    assert [refused(r) for r in server.requests if refused(r)] == []
    found: list[Any] = server.requests[-1]["messages"]
    return found


PROVIDERS = pytest.mark.parametrize("provider", ["anthropic", "openai"])
SPEC = """
program look(p: image) -> string = llm { model: m, prompt: PROMPT }
coglet Main { listen pic: image
  transmit out: any
  on pic as p { out <- look(p) } else as e { out <- [e.kind, e.message] } }
"""


def look(server: Server, provider: str, prompt: str, folder: Path, more: str = "") -> Any:
    answers(server, provider, "seen")
    bundle = build(head(server, provider, more) + SPEC.replace("PROMPT", prompt), "Main")
    made = session(bundle, Settings(str(folder)), inputs=[("pic", media.taken(PNG, name="a.png"))], sim=True)
    return made.outputs["out"][0]


# ---- to models -----------------------------------------------------------------------------------------------


@PROVIDERS
@pytest.mark.parametrize(
    "prompt",
    [
        '["See ", p, "\\nand ", file("x.pdf"), file("n.txt")]',
        '"See {{ p }}\\nand {{ file(\'x.pdf\') }}{{ file(\\"n.txt\\") }}"',
    ],
    ids=["list", "template"],
)
def test_a_prompt_with_images_and_documents_reaches_the_model(
    server: Server, files: Path, provider: str, prompt: str
) -> None:
    assert look(server, provider, prompt, files) == "seen"
    (message,) = asked(server, provider)
    png, pdf = (base64.b64encode(data).decode() for data in (PNG, PDF))
    if provider == "anthropic":
        assert message["content"] == [
            {"type": "text", "text": "See "},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}},
            {"type": "text", "text": "\nand "},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}, "title": "x.pdf"},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a note"}, "title": "n.txt"},
        ]  # fmt: skip
    else:
        assert message["content"] == [
            {"type": "text", "text": "See "},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}},
            {"type": "text", "text": "\nand "},
            {"type": "file", "file": {"filename": "x.pdf", "file_data": f"data:application/pdf;base64,{pdf}"}},
            {"type": "text", "text": "n.txt:\na note"},
        ]


@PROVIDERS
def test_a_model_that_takes_none_gets_their_names(server: Server, files: Path, provider: str) -> None:
    prompt = '["See ", p, file("x.pdf")]'
    assert look(server, provider, prompt, files, ", capabilities: []") == "seen"
    said = json.dumps(asked(server, provider))
    assert "[image a.png: image/png, 48 bytes" in said and "[document x.pdf: application/pdf" in said
    assert "base64" not in said


@PROVIDERS
def test_an_agent_takes_a_task_with_an_image(server: Server, provider: str) -> None:
    answers(server, provider, "one", "two")
    spec = (
        head(server, provider)
        + """
    agent Eye { model: m, system: "About {{ query }}", session: "all" }
    coglet Main { listen pic: image
      transmit out: any
      create eye = Eye
      on pic as p {
        eye.task <- [p, "what is it?"]
        out <- Eye(p)
      }
      on eye.result as r { out <- r }
      on eye.failed as f { out <- f.message } }
    """
    )
    made = session(build(spec, "Main"), inputs=[("pic", media.taken(PNG, name="a.png"))], sim=True)
    assert sorted(made.outputs["out"]) == ["one", "two"]
    sent = json.dumps([r["messages"] for r in server.requests if "messages" in r])
    assert sent.count(base64.b64encode(PNG).decode()) >= 2 and "what is it?" in sent
    assert "About [image a.png" in json.dumps(server.requests)


@PROVIDERS
def test_the_next_model_of_a_list_gets_what_it_can_see(server: Server, files: Path, provider: str) -> None:
    server.will(status(529), status(529), status(529))
    answers(server, provider, "seen")
    url = server.url + ("/v1" if provider == "openai" else "")
    blind = f'model blind = {provider} "y" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY"), capabilities: [] }}\nmodel both = [m, blind]\n'
    spec = (
        head(server, provider).replace("model m", "model m")
        + blind
        + SPEC.replace("PROMPT", '["See ", p]').replace("model: m", "model: both")
    )
    made = session(build(spec, "Main"), inputs=[("pic", media.taken(PNG, name="a.png"))], sim=True)
    assert made.outputs["out"] == ["seen"]
    assert "base64" in json.dumps(server.requests[0]) and "base64" not in json.dumps(server.requests[-1])


# ---- results of tools ----------------------------------------------------------------------------------------


@PROVIDERS
def test_what_a_tool_gives_beside_text_is_shown(server: Server, provider: str, tmp_path: Path) -> None:
    png, pdf = (base64.b64encode(data).decode() for data in (PNG, PDF))
    said = [
        {"type": "text", "text": "a shot"},
        {"type": "image", "mimeType": "image/png", "data": png},
        {"type": "resource", "resource": {"uri": "file:///y.pdf", "mimeType": "application/pdf", "blob": pdf}},
        {"type": "resource", "resource": {"uri": "file:///z.md", "mimeType": "text/markdown", "text": "inside"}},
        {"type": "resource", "resource": {"uri": "file:///z.zip", "mimeType": "application/zip", "blob": png}},
        {"type": "resource_link", "uri": "file:///l", "name": "linked"},
        {"type": "audio", "mimeType": "audio/wav", "data": "AAAA"},
        {"type": "image", "mimeType": "image/png", "data": "no base64!"},
        {"type": "image", "mimeType": "image/png", "data": pdf},
    ]
    (tmp_path / "cogc.lock.json").write_text(
        json.dumps({"servers": {"s": {"tools": {"find": {"description": "", "input": {"type": "object"}}}}}})
    )
    spec = (
        head(server, provider)
        + mcp_server(result={"content": said})
        + """
    agent Eye { model: m, tools: [s] }
    coglet Main { transmit out: any
      create eye = Eye
      on start { eye.task <- "go" }
      on eye.result as r { out <- r }
      on eye.failed as f { out <- f.message } }
    """
    )
    path = tmp_path / "a.cog"
    path.write_text(spec)
    if provider == "anthropic":
        server.will(blocks(use("find", "t1", q="x")), reply("done"))
    else:
        call = {"id": "t1", "index": 0, "function": {"name": "find", "arguments": '{"q": "x"}'}}
        server.will(chunks({"tool_calls": [call]}, finish="tool_calls"), chunks({"content": "done"}))
    done = cogc("run", "a.cog", "--record", "r.j", "--trace", "t.jsonl", cwd=tmp_path)
    assert done.stdout == "out: done\n", done.stderr
    messages = asked(server, provider)
    sent = json.dumps(messages)
    for word in ("a shot", "inside", "z.zip", "file:///l: linked", "audio/wav", "no base64", "is said to be image/png"):
        assert word in sent, word
    if provider == "anthropic":
        (result,) = messages[-1]["content"]
        assert [b["type"] for b in result["content"]] == ["text", "image", "document", "text"]
    else:
        assert [m["role"] for m in messages[-2:]] == ["tool", "user"]
        assert [p["type"] for p in messages[-1]["content"]] == ["image_url", "file"]
    assert png in sent and pdf in sent
    for file in ("r.j", "t.jsonl"):
        assert png.encode() not in (tmp_path / file).read_bytes()
    kept = {p.name for p in (tmp_path / "r.j.media").iterdir()}
    assert kept == {hashlib.sha256(data).hexdigest() for data in (PNG, PDF)}
    assert oct((tmp_path / "r.j.media" / next(iter(kept))).stat().st_mode & 0o777) == "0o600"
    again = cogc("run", "a.cog", "--replay", "r.j", cwd=tmp_path)
    assert again.stdout == done.stdout


@pytest.mark.parametrize(
    ("result", "wanted"),
    [("image", "image"), ("any", "list"), ("string", "string"), ("document", "failure"), ("[string | image]", "list")],
)
def test_an_mcp_program_gives_what_its_type_says(result: str, wanted: str) -> None:
    said = [{"type": "image", "mimeType": "image/png", "data": base64.b64encode(PNG).decode()}]
    spec = (
        mcp_server(result={"content": said})
        + f"program find(q: string) -> {result} = mcp s.find\n"
        + """
    coglet Main { transmit out: any
      on start { out <- find("x") } else as e { out <- { kind: e.kind } } }
    """
    )
    (found,) = session(build(spec, "Main")).outputs["out"]
    if wanted == "failure":
        assert found == {"kind": "type"}
    elif wanted == "string":
        assert found.startswith("[image: image/png, 48 bytes")
    else:
        one = found if wanted == "image" else found[0]
        assert isinstance(one, Media) and media.bytes_of(one) == PNG


def test_a_tool_in_python_may_give_a_record_with_an_image() -> None:
    shown = content.result({"n": 1, "shot": media.taken(PNG, name="s.png")}, lambda words: words)
    assert isinstance(shown, list) and [b["type"] for b in shown] == ["text", "image"] and '"n": 1' in shown[0]["text"]


def test_a_long_text_beside_an_image_is_cut() -> None:
    shown = content.result(["x" * 50, media.taken(PNG)], lambda words: words[:10])
    assert isinstance(shown, list) and shown[0]["text"] == "x" * 10 and shown[1]["type"] == "image"


# ---- where they come from ------------------------------------------------------------------------------------

READ = """
coglet Main { listen path: string
  transmit out: any
  on path as p { out <- file(p) } else as e { out <- [e.kind, e.message] } }
"""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing.png", "`missing.png` cannot be read: no such file"), ("lie.png", "`lie.png` is said to be image/png, and is application/pdf"),
        ("../x.png", "it leads out of its folder"), ("/etc/passwd", "it leads out"), ("empty.txt", "is empty"), ("link.png", "cannot be read"),
        ("pipe.png", "it is no file"), ("x.png\0", "cannot be read"), ("folder", "cannot be read"), ("big.png", "models take images of at most"),
        ("huge.pdf", "models take at most"), ("binary.txt", "is said to be text/plain"), ("", "cannot be read"), ("x.bmp", "models take png"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_says_why(files: Path, path: str, said: str) -> None:
    (files / "link.png").symlink_to("/etc/passwd")
    os.mkfifo(files / "pipe.png")
    (files / "folder").mkdir()
    (files / "big.png").write_bytes(PNG + bytes(kinds.MOST["image"]))
    with open(files / "huge.pdf", "wb") as file:
        file.write(PDF)
        file.truncate(1 << 34)
    (files / "binary.txt").write_bytes(b"\xff\x00")
    (files / "x.bmp").write_bytes(b"BM\xff")
    ((kind, message),) = session(build(READ, "Main"), Settings(str(files)), inputs=[("path", path)]).outputs["out"]
    assert kind in ("program", "type", "bound") and said in message


def test_a_file_is_read_when_the_body_comes_to_it_and_replays(files: Path) -> None:
    journal, trace = io.BytesIO(), io.BytesIO()
    writer = TraceWriter(trace)
    bundle = build(READ, "Main")
    made = session(
        bundle, Settings(str(files)), inputs=[("path", "x.png")], sim=True, run="r", trace=writer,
        journal=Journal(journal, {"run": "r", "seed": 0, "epoch": 0}),
    )  # fmt: skip
    writer.flush()
    (files / "x.png").unlink()
    assert made.outputs["out"] == [Media("image", "image/png", hashlib.sha256(PNG).hexdigest(), len(PNG), "x.png")]
    assert repeated(bundle, journal.getvalue(), files)[2] == trace.getvalue()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"$image": {"data": "%s"}}', ""), ('{"$image": {"media_type": "image/png", "data": "%s", "name": "n"}}', ""),
        ('{"a": [{"$image": {"data": "%s"}}]}', ""), ('{"$document": {"data": "%s"}}', "no document"),
        ('{"$image": {"media_type": "image/gif", "data": "%s"}}', "is said to be image/gif"), ('{"$image": {"data": "x"}}', "no base64"),
        ('{"$image": 5}', "`$image` is"), ('{"$image": {"data": 5}}', "`$image` is"), ('{"$image": {"url": "http://x"}}', "`$image` is"),
        ('{"$image": {"data": ""}}', "is empty"), ('{"$image": {"media_type": "audio/wav", "data": "%s"}}', "models take png"),
    ],
)  # fmt: skip
def test_json_from_outside_may_hold_one(text: str, said: str) -> None:
    data = text.replace("%s", base64.b64encode(PNG).decode()).encode()
    if said:
        with pytest.raises(Failure, match=said.replace("$", r"\$")):
            read_json(data, "it")
    else:
        (found,) = content.all_media(read_json(data, "it"))
        assert media.bytes_of(found) == PNG


def test_python_gets_the_bytes_and_gives_them_back() -> None:
    value = media.taken(PNG, name="a.png")
    given = to_python([value])[0]
    assert isinstance(given, sdk.Image) and (given.data, given.media_type, given.name) == (PNG, "image/png", "a.png")
    assert from_python({"p": given}, "it") == {"p": value}
    assert from_python(sdk.Document(b"text"), "it") == media.taken(b"text")
    for wrong in (sdk.Image(PDF), sdk.Document(PNG), sdk.Image("text"), sdk.Image(b""), sdk.Image(PNG, name=5)):  # type: ignore[arg-type]
        with pytest.raises(Failure, match=r"\.p: "):
            from_python({"p": wrong}, "it")


def test_a_value_comes_back_from_journals_and_stores() -> None:
    value = {"p": media.taken(PNG, name="a.png"), "u": {"$media": ["a user's record"]}}
    assert decode(encode(value)) == value
    assert plain(value["p"]) == {
        "kind": "image", "media_type": "image/png", "digest": "sha256:" + hashlib.sha256(PNG).hexdigest(), "size": 48, "name": "a.png",
    }  # fmt: skip


def test_bytes_are_kept_beside_and_read_only_if_they_are_the_right_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = media._Store()
    monkeypatch.setattr(media, "_STORE", store)
    value = media.taken(PNG + b"1")
    media.keep_in(tmp_path / "kept")
    store.held.clear()
    assert media.bytes_of(value) == PNG + b"1"
    (tmp_path / "kept" / value.digest).write_bytes(b"other")
    store.held.clear()
    with pytest.raises(Failure, match="are not here"):
        media.bytes_of(value)


def test_a_process_holds_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(media, "_STORE", media._Store())
    monkeypatch.setattr(media, "MOST_KEPT", 100)
    one = media.taken(PNG)
    with pytest.raises(Failure, match="of this process have more than"):
        media.taken(PNG * 2)
    media.keep_in(tmp_path / "kept")
    media.taken(PNG * 2)
    assert media.bytes_of(one) == PNG, "from the folder"


def test_a_command_line_gives_one(files: Path) -> None:
    (files / "a.cog").write_text(
        "coglet Main { listen pic: image\n transmit out: string\n state last: image? = null\n"
        ' on pic as p { last = p\n out <- "got {{ last }}" } }'
    )
    done = cogc_here("run", "a.cog", "--input", "pic=@x.png", "--sim", cwd=files)
    assert done.stdout.startswith("out: got [image x.png: image/png, 48 bytes, sha256:")
    for name, why in (
        ("n.txt", "expected image, got document"),
        ("lie.png", "is said to be"),
        ("no.png", "no such file"),
    ):
        done = cogc_here("run", "a.cog", "--input", f"pic=@{name}", cwd=files)
        assert done.returncode == 2 and why in done.stderr and "Traceback" not in done.stderr


def test_a_state_keeps_one_for_the_next_run_of_the_instance(files: Path) -> None:
    (files / "a.cog").write_text(
        "coglet Main { listen go: bool\n transmit out: any\n state pic: image? = null persist\n"
        ' program size(p: image) -> int = python "m:size"\n'
        ' on go { let p = pic\n if p == null { pic = file("x.png") } else { out <- size(p) } } }'
    )
    (files / "m.py").write_text("def size(p):\n    return len(p.data)\n")
    words = ("run", "a.cog", "--instance", "one", "--input", "go=true", "--state", str(files / "state"))
    assert cogc_here(*words, cwd=files).returncode == 0
    (files / "x.png").unlink()
    done = cogc_here(*words, cwd=files)
    assert done.stdout == "out: 48\n", done.stderr


# ---- the check -----------------------------------------------------------------------------------------------

MODEL = 'model m = anthropic "claude-sonnet-5-5"\n'


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        (MODEL + 'program p() -> string = llm { model: m, prompt: ["a", 5] }\ncoglet Main { transmit o: string\n on start { o <- p() } }', ["wrong-type"]),
        (MODEL + 'program p(x: image) -> string = llm { model: m, prompt: x, system: "{{ file(\'x.png\') }}" }\ncoglet Main { listen x: image\n transmit o: string\n on x as x { o <- p(x) } }', ["impure-call"]),
        ('program p() -> image = expr file("x.png")\ncoglet Main { transmit o: image\n on start { o <- p() } }', ["impure-call"]),
        ('coglet Main { transmit o: image\n on start { o <- file("x.pdf") } }', ["wrong-type"]),
        ('coglet Main { transmit o: image\n on start { o <- file("x.png") } }', []),
        ('coglet Main { transmit o: image\n on start { o <- file("x.exe") } }', ["wrong-type", "no-media"]),
        ('coglet Main { transmit o: string\n on start { o <- "{{ file(\'x.png\') }}" } }', ["impure-call"]),
        ('coglet Main { transmit o: image\n state s: image = file("x.png")\n on start { o <- s } }', ["impure-call"]),
        ("type image = { n: int }\ncoglet Main { listen i: image\n transmit o: int\n on i as x { o <- x.n } }", []),
        ('program file(p: string) -> int = expr len(p)\ncoglet Main { transmit o: int\n on start { o <- file("x.exe") } }', []),
        (MODEL + 'program t(p: image) -> int = python "m:f"\nprogram a() -> string = llm { model: m, prompt: "x", tools: [t] }\ncoglet Main { transmit o: string\n on start { o <- a() } }', ["media-from-model"]),
        (MODEL + 'agent A { model: m, output: { pics: [image] } }\ncoglet Main { transmit o: any\n create a = A\n on start { a.task <- "x" }\n on a.result as r { o <- r }\n on a.failed as f { o <- f } }', ["media-from-model"]),
    ],
)  # fmt: skip
def test_the_check_knows_where_they_may_stand(text: str, slugs: list[str]) -> None:
    assert [c for c in codes(text) if c not in ("missing-module", "missing-file", "missing-place")] == slugs


def test_tokens_of_images_are_estimated() -> None:
    sim = Sim(
        'model m = anthropic "claude-sonnet-5-5" { capabilities: ["images"] }\n'
        "program look(p: image) -> string = llm { model: m, prompt: p, budget: { tokens: 1_500 } }\n"
        "coglet Main { listen pic: image\n transmit out: any\n on pic as p { out <- look(p) } else as e { out <- e.kind } }",
        "Main",
    )
    sim.send("pic", media.taken(PNG))
    assert sim.sent("out") == ["budget"]


def test_the_bytes_beside_a_recording_are_those_of_that_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.cog").write_text('coglet Main { transmit o: any\n on start { o <- file("x.png") } }')
    for data in (PNG, PNG + b"1"):
        monkeypatch.setattr(media, "_STORE", media._Store())
        (tmp_path / "x.png").write_bytes(data)
        assert cogc_here("run", "a.cog", "--record", "r.j", cwd=tmp_path).returncode == 0
        assert media._STORE.folders == []
        (tmp_path / "r.j.media" / "mine.txt").write_text("not cogc's")
    kept = {p.name for p in (tmp_path / "r.j.media").iterdir()}
    assert kept == {hashlib.sha256(PNG + b"1").hexdigest(), "mine.txt"}
