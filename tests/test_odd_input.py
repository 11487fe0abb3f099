"""The checker and odd input: files that are none, long specs, both ways to name a file, conversion without silent losses."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cogc.diagnostics.problems import Diagnostic
from cogc.diagnostics.source import is_yaml_spec
from cogc.language.texts import toml
from support.cli import cogc, cogc_here
from support.sim import Sim
from support.specs import check_text, codes

_MISTAKE = "coglets:\n  Main:\n    listen: {x: int}\n    reactions:\n      - on: x as v\n        do: log info vv\n"


@pytest.mark.parametrize("name", ["a.cog", "a.yml", "a.txt"])
def test_a_pipe_is_refused_at_once(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    for command in ("check", "run", "graph", "convert", "cost", "build"):
        done = cogc_here(command, name, cwd=tmp_path)
        assert done.returncode in (1, 2) and "it is a pipe and no file" in done.stdout + done.stderr, command


def test_a_device_and_a_socket_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "s.cog"))
        assert "it is a socket and no file" in cogc_here("check", "s.cog", cwd=tmp_path).stdout
    assert "it is a device and no file" in cogc_here("check", "/dev/zero", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yml", "\ufeffcog: 1\n" + _MISTAKE),
        ("A.YML", "cog: 1\n" + _MISTAKE),
        ("a.yaml", _MISTAKE + "cog: 1\n"),
        ("a.yml", '"cog": 1\n' + _MISTAKE),
        ("a.yml", "'cog' : 1\n" + _MISTAKE),
        ("a.yml", "? cog\n: 1\n" + _MISTAKE),
        ("a.yml", "# a comment\n%YAML 1.1\n---\n# another\ncog: 1\n" + _MISTAKE),
        ("a.yml", "--- # a comment\ncog: 1\n" + _MISTAKE),
        ("a.yml", "".join(f"  {line}\n" for line in ("cog: 1\n" + _MISTAKE).splitlines())),
        ("a.yml", '{coglets: {Main: {listen: {x: int}, reactions: [{on: x as v, do: log info vv}]}}, "cog": 1}'),
        ("a.yml", "cog: 1\r\n" + _MISTAKE.replace("\n", "\r\n")),
        ("a.COG", "coglet Main { listen x: int\n on x as v { log info vv } }"),
    ],
)
def test_a_folder_and_a_named_file_see_the_same_spec(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    by_name, by_folder = cogc_here("check", name, cwd=tmp_path), cogc_here("check", ".", cwd=tmp_path)
    assert by_name.returncode == by_folder.returncode == 1
    assert "COG302" in by_name.stdout and by_name.stdout == by_folder.stdout


@pytest.mark.parametrize(
    "text",
    ["a: {cog: 1}", "{a: {cog: 1}}", "# cog: 1\na: 2", "a: |\n  cog: 1\n", "version: 1", "agents: []", "cogs: 1"],
)
def test_other_yaml_is_no_spec(text: str) -> None:
    assert not is_yaml_spec(text)


def _texts(count: int) -> list[str]:
    return [f'"s{i}"' for i in range(count)]


_LONG: dict[str, Callable[[int], str]] = {
    "a list of numbers": lambda n: f"const A = [{', '.join(map(str, range(n)))}]",
    "a list of texts": lambda n: f"const A = [{', '.join(_texts(n))}]",
    "a union": lambda n: f"type T = {' | '.join(_texts(n))}\nconst A: [T] = [{', '.join(_texts(n))}]",
    "a map": lambda n: "const A: map[int] = {" + ", ".join(f"k{i}: {i}" for i in range(n)) + "}",
    "a record": lambda n: (
        "type R = {" + ", ".join(f"k{i}: int" for i in range(n)) + "}\n"
        "const A: R = {" + ", ".join(f"k{i}: {i}" for i in range(n)) + "}"
    ),
    "a list of lists": lambda n: f"const A = [{', '.join(f'[{i}]' for i in range(n))}]",
    "a list of records": lambda n: "const A = [" + ", ".join(f"{{a: {i}}}" for i in range(n)) + "]",
    "`in` a list": lambda n: (
        f"coglet Main {{ listen x: string\n on x as v {{ if v in [{', '.join(_texts(n))}] {{ log info v }} }} }}"
    ),
    "a chain of links": lambda n: _linked(n, n - 1),
    "a ring of links": lambda n: _linked(n, n),
    "statements": lambda n: (
        "coglet Main { listen x: int\n state n: int = 0\n on x as v {\n"
        + "\n".join(f"n = n + {i}\n let z{i} = n" for i in range(n))
        + "\n} }"
    ),
    "steps of a plan": lambda n: (
        'model m = anthropic "claude-sonnet-5-5"\nagent W { model: m, system: "s" }\nplan P { roles: [W]\n'
        + "\n".join(f'step s{i} by W{f" after s{i - 1}" if i else ""}: "do {i}"' for i in range(n // 4))
        + "\n}"
    ),
    "coglets that create the next one": lambda n: (
        "".join(f"coglet A{i} {{ create next = A{i + 1} }}\n" for i in range(n)) + f"coglet A{n} {{ }}"
    ),
    "misspelt names beside those that are meant": lambda n: (
        "coglet Main { listen x: int\n on x as v {\n"
        + "\n".join(f"let value{i} = v\n log info value{i}\n log info valeu{i}" for i in range(n))
        + "\n} }"
    ),
    "types of a sett that lead to the next one": lambda n: _sett(n, n),
    "types of a sett in a ring": lambda n: _sett(n, 1),
    "coglets in a circle": lambda n: "".join(f"coglet A{i} {{ create next = A{(i + 1) % n} }}\n" for i in range(n)),
}  # fmt: skip


def _received(names: Iterable[str]) -> str:
    lines = "".join(f"  listen {name}: int\n  on {name} as v {{ log info v }}\n" for name in names)
    return f"coglet Main {{\n{lines}}}\n"


def _sett(count: int, last: int) -> str:
    """Return a sett whose agents each make the type that the next one works on; the last one makes that of number `last`."""
    types = ["GoalDefined", *(f"T{i}" for i in range(1, count)), "Done"]
    made = [*types[1:count], types[last]]
    bids = (f'bid: exclusive when artefact.type == "{type}"' for type in types)
    agents = (f'agent A{i} {{ command: ["true"], {next(bids)}, produces: ["{made[i]}"] }}\n' for i in range(count))
    return f"sett S {{\n{''.join(agents)}}}"


def _linked(count: int, links: int) -> str:
    return (
        "coglet A { listen x: int\n transmit y: int\n on x as v { y <- v } }\ncoglet Main {\n"
        + "\n".join(f"create a{i} = A" for i in range(count))
        + "\n"
        + "\n".join(f"link a{i}.y -> a{(i + 1) % count}.x" for i in range(links))
        + "\n}"
    )


def _calls(text: str, **others: str) -> int:
    """How many functions a check calls."""
    count = 0

    def met(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(met)
    try:
        check_text(text, smells=True, **others)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("kind", _LONG)
def test_the_work_of_a_check_grows_with_the_length(kind: str) -> None:
    make = _LONG[kind]
    _calls(make(8))
    start, once, twice = (_calls(make(n)) for n in (8, 120, 240))
    assert twice - start < 2.6 * (once - start)


def test_names_that_no_name_can_be_make_no_more_reports_than_other_mistakes() -> None:
    found = check_text(_received(f"a-x{i}" for i in range(80)))[1]
    assert [d.slug for d in found] == ["unexpected-token"] * 50


def test_names_with_a_digit_in_front_are_found_without_a_look_at_all_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def equal(one: Diagnostic, other: object) -> bool:
        nonlocal compared
        compared += 1
        return one is other

    monkeypatch.setattr(Diagnostic, "__eq__", equal)
    found = check_text(_received(f"{i}x" for i in range(80)))[1]
    assert len(found) == 80 and all(d.help.startswith("a name begins with a letter") for d in found)
    assert compared <= 80


_TYPED = 'coglet Main {\n  listen x: int\n  on x as v { if v > 1 { log info "a" } else { x: y(v, [1 '


@pytest.mark.parametrize("end", range(1, len(_TYPED)))
def test_a_text_that_ends_anywhere_is_read(end: int) -> None:
    for text in (_TYPED[:end], _TYPED[:end].rstrip() + "\n", _TYPED[:end].replace("{", ":")):
        check_text(text)


def test_quotes_over_lines_that_only_yaml_knows_are_one_report() -> None:
    assert codes('cog: 1\u2028consts:\u2028  A: "one\u2028  B: "two"\u2028', "a.yaml") == ["bad-yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000,
        "-" + "9" * 5000,
        "9" * 5000 + "s",
        "1h" + "9" * 5000 + "ms",
        "1e309",
        "-1.5e400",
        "9" * 5000 + ".0",
    ],
)
def test_a_number_of_any_length_is_one_report(text: str) -> None:
    assert codes(f"const A = {text}\n") == ["number-too-large"]
    assert codes(f"cog: 1\nconsts: {{A: {text}}}\n", "a.yaml") == ["number-too-large"]


def test_zeros_in_front_of_a_number_are_one_report_however_many_they_are() -> None:
    text = "0" * 30 + "1"
    for spec, path in ((f"const A = {text}\n", "a.cog"), (f"cog: 1\nconsts: {{A: {text}}}\n", "a.yaml")):
        (only,) = check_text(spec, path)[1]
        assert (only.slug, only.span.text) == ("bad-number", text)
        assert only.help == "write `1`: no number begins with a `0` before other digits"


@pytest.mark.parametrize(
    "text", ["--1", "-", "_1", "-_1", "1_", "1__0", "--1.5", "1_.5", "1._5", "--5s", "9" * 5000, "9" * 5000 + "s"]
)
def test_a_plain_scalar_in_yaml_that_is_no_number_is_a_text(text: str) -> None:
    sett = 'version: "1.0"\nagents:\n  a:\n    image: x\n    command: ["a"]\n    resources: {limits: {cpus: %s}}\n'
    check_text(sett % f"'{text}'", "a.yaml")
    check_text(sett % text, "a.yaml")


def test_a_number_in_toml_has_no_length_that_stops_cogc(tmp_path: Path) -> None:
    (tmp_path / "cogc.toml").write_text("x = " + "9" * 5000)
    (tmp_path / "a.cog").write_text("const A = 1\n")
    done = cogc_here("check", "a.cog", cwd=tmp_path)
    assert done.returncode == 1 and "COG010" in done.stdout and "too many digits" in done.stdout
    with pytest.raises(ValueError, match="too many digits"):
        toml("a = " + "9" * 5000)
    with pytest.raises(ValueError, match="too deep"):
        toml("a = " + "[" * 5000)
    with pytest.raises(ValueError, match="Invalid value"):
        toml("a = ")


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ('version: "3"\nservices:\n  a: {image: x}\nevents:\n  a: {b: c}\n', ["unknown-notation"]),
        ('version: "1.0"\nevents:\n  a: {b: c}\n', ["unknown-notation"]),
        ('version: "1.0"\nagent: [a]\n', ["unknown-notation"]),
        ("verison: 2\nagents:\n  a: {image: x}\n", ["unknown-notation"]),
        ('version: "1.0"\nagent:\n  a: {image: x, command: ["a"]}\n', ["unknown-key"]),
        ('verison: "1.0"\nagents:\n  a: {image: x, command: ["a"]}\n', ["unknown-key"]),
    ],
)
def test_the_file_of_another_tool_is_no_sett(text: str, slugs: list[str]) -> None:
    found = codes(text, "a.yaml")
    assert found[:1] == slugs and (slugs != ["unknown-notation"] or len(found) == 1)


@pytest.mark.parametrize(
    ("line", "place", "parts"),
    [
        ("listen z: inttransmit y: int", (3, 13), "`int` and `transmit`"),
        ("on xas v { log info v }", (3, 6), "`x` and `as`"),
        ("on x as v { for iin [v] { log info i } }", None, ""),
        ("on canvas v { log info v }", None, ""),
    ],
)
def test_two_words_that_are_written_as_one_are_named(line: str, place: tuple[int, int] | None, parts: str) -> None:
    found = check_text(f"coglet Main {{\n  listen x: int\n  {line}\n}}\n")[1]
    helps = [(d.span.position(), d.help) for d in found if "new line is missing" in d.help]
    assert [p for p, _ in helps] == ([] if place is None else [place])
    assert all(parts in help for _, help in helps)


def test_a_name_with_a_hyphen_is_known_by_the_name_that_is_meant() -> None:
    found = check_text("coglet a-bv { listen x: int }\ncoglet Main {   my-order:listenint\n create w = Foo }\n")[1]
    assert [(d.slug, d.span.position()) for d in found] == [
        ("unexpected-token", (1, 9)), ("unexpected-token", (2, 19)), ("unknown-coglet", (3, 13)),
    ]  # fmt: skip
    assert found[-1].help == "known here: `Main`, `a_bv`"


def test_the_work_of_a_check_grows_with_the_number_of_files() -> None:
    files = {f"f{i}_cog": f"coglet A{i} {{ enact c{i}(n: int) {{ log info n }} }}\n" for i in range(80)}

    def calls(count: int) -> int:
        text = "".join(f'import "./f{i}.cog"\n' for i in range(count))
        text += "coglet Main {" + "".join(f"create a{i} = A{i}\n" for i in range(count)) + "}"
        return _calls(text, **files)

    start, once, twice = calls(2), calls(40), calls(80)
    assert twice - start < 2.6 * (once - start)


def _reaction(body: str) -> str:
    return f"coglet Main {{ listen x: int\n transmit y: any\n on x as v {{ {body} }} }}"


_FLAT: dict[str, tuple[str, object]] = {
    "`+`": (" + ".join(["v"] * 2000), 2000),
    "`+` and `-`": (" - v + ".join(["v"] * 1000), 1),
    "`and`": (" and ".join(["v > 0"] * 2000), True),
    "`or`": (" or ".join(f"v == {i}" for i in range(2000)), True),
    "`??`": (" ?? ".join(["null"] * 2000) + " ?? v", 1),
    "both": (" + ".join(["v"] * 1000) + " == 1000 and " + " and ".join(["true"] * 1000), True),
}


@pytest.mark.parametrize("kind", _FLAT)
def test_a_long_chain_of_operators_is_no_nesting(kind: str, tmp_path: Path) -> None:
    words, value = _FLAT[kind]
    text = _reaction(f"y <- {words}")
    assert Sim(text).send("x", 1).outputs == [("y", value)]
    (tmp_path / "a.cog").write_text(text)
    yaml = cogc("convert", "a.cog", "-o", "b.yml", cwd=tmp_path)
    assert yaml.returncode == 0, yaml.stderr
    assert cogc("convert", "b.yml", "-o", "c.cog", cwd=tmp_path).returncode == 0
    assert cogc("convert", "c.cog", cwd=tmp_path).stdout == (tmp_path / "b.yml").read_text()
    assert cogc("graph", "a.cog", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("operator", ["and", "or"])
def test_a_long_condition_is_looked_at_by_every_rule(operator: str) -> None:
    words = f" {operator} ".join(f"v != {i % 50}" if operator == "and" else f"v == {i % 50}" for i in range(1100))
    branches = f"if {words} {{ y <- 1 }} else if {words} {{ y <- 2 }}"
    for text in (_reaction(branches), _reaction("y <- v").replace("as v", f"as v when {words}")):
        assert not [d for d in check_text(text, smells=True)[1] if d.severity == "error"]


@pytest.mark.parametrize("operator", ["and", "or"])
def test_a_long_condition_of_a_bid_is_read(operator: str) -> None:
    bid = f" {operator} ".join(f'artefact.type == "T{i if operator == "or" else 0}"' for i in range(1200))
    sett = f'sett S {{ agent G {{ command: ["true"], bid: claim when {bid} }} }}'
    assert not [d for d in check_text(sett, smells=True)[1] if d.severity == "error"]


def test_a_long_chain_of_types_is_followed_to_its_end() -> None:
    count = 1200
    assert [d.slug for d in check_text(_sett(count, count))[1]] == []
    assert [d.slug for d in check_text(_sett(count, 1))[1]] == ["type-loop"]


def test_a_long_chain_of_constants_is_added_up() -> None:
    assert Sim(f"const A = {' + '.join(['1'] * 5000)}\n{_reaction('y <- A')}").send("x", 1).outputs == [("y", 5000)]


def test_a_long_chain_waits_for_its_calls() -> None:
    head = "program ask(n: int) -> bool? = human\n"
    for operator, answers, value in (("and", True, True), ("or", False, False), ("??", None, None)):
        sim = Sim(
            head
            + _reaction(f"y <- {f' {operator} '.join(['(ask(v) == true)' if operator != '??' else 'ask(v)'] * 20)}")
        )
        sim.send("x", 1)
        for _ in range(20):
            sim.answer(answers)
        assert sim.outputs == [("y", value)] and not sim.calls


@pytest.mark.parametrize("count", [3, 20, 3000])
def test_a_long_else_if_is_no_nesting(count: int) -> None:
    branches = " else ".join(f"if v == {i} {{ y <- {i} }}" for i in range(count))
    sim = Sim(_reaction(f"{branches} else {{ y <- -1 }}"))
    for given in (0, 2, count - 1, count):
        sim.send("x", given)
    assert [value for _, value in sim.outputs] == [0, 2, count - 1, -1]


_DEEP: dict[str, Callable[[int], str]] = {
    "lists": lambda n: _reaction(f"y <- {'[' * n}v{']' * n}"),
    "parentheses": lambda n: _reaction(f"y <- {'1 + (' * n}v{')' * n}"),
    "records": lambda n: _reaction(f"y <- {'{a: ' * n}v{'}' * n}"),
    "calls": lambda n: _reaction(f"y <- {'str(' * n}v{')' * n}"),
    "indices": lambda n: _reaction(f"y <- v{'[0]' * n}").replace("x: int", "x: any"),
    "`not`": lambda n: _reaction(f"y <- {'not ' * n}v == 1"),
    "minus": lambda n: _reaction(f"y <- {'- ' * n}v"),
    "conditionals": lambda n: _reaction(f"y <- {''.join(f'{i} if v == {i} else ' for i in range(n))}v"),
    "`try`": lambda n: _reaction(f"y <- {'try str(v) else ' * n}null"),
    "precedence": lambda n: _reaction(f"y <- {'v > 1 and (v < 9 or ' * (n // 2)}true{')' * (n // 2)}"),
    "comprehensions": lambda n: _reaction(f"y <- {'[' * n}v{''.join(f' for a{i} in [1]]' for i in range(n))}"),
    "`if`": lambda n: _reaction(f"{'if v == 1 { ' * n}y <- v{' }' * n}"),
    "types": lambda n: (
        f"coglet Main {{ listen x: {'[' * n}int{']' * n} transmit y: any\n on x as v {{ y <- v }} }}".replace(
            "] transmit", "]\n transmit"
        )
    ),
    "optionals": lambda n: f"type T = {'[' * n}int{']?' * n}\n{_reaction('y <- v')}",
}


@pytest.mark.parametrize("kind", _DEEP)
def test_what_nests_up_to_the_limit_starts_and_deeper_is_one_report(kind: str) -> None:
    make = _DEEP[kind]
    assert not [d for d in check_text(make(25))[1] if d.severity == "error"]
    Sim(make(25))
    for count in (70, 400, 5000):
        found = [d.slug for d in check_text(make(count))[1] if d.severity == "error"]
        assert found == ["too-deep"], count


def test_loops_nest_up_to_their_limit() -> None:
    def make(count: int) -> str:
        return _reaction("".join(f"for a{i} in [v] {{ " for i in range(count)) + "y <- v" + " }" * count)

    assert Sim(make(12)).send("x", 1).outputs == [("y", 1)]
    assert [d.slug for d in check_text(make(13))[1]] == ["too-deep"]


def test_entries_on_lines_of_their_own_nest_up_to_the_limit_too() -> None:
    text = "1"
    for _ in range(10):
        text = f"{{ a: 1\n b: {'not ' * 20}{text} }}"
    assert [d.slug for d in check_text(f"const X = {text}\n")[1]] == ["too-deep"]


@pytest.mark.parametrize("count", [70, 400, 5000])
def test_deep_yaml_is_one_report(count: int) -> None:
    expression = f"cog: 1\nconsts:\n  A: '{'[' * count}1{']' * count}'\n"
    values = f"cog: 1\nagents:\n  A: {{model: m, x: {'[' * count}1{']' * count}}}\n"
    assert [d.slug for d in check_text(expression, "a.yml")[1]] == ["too-deep"]
    assert next(d.slug for d in check_text(values, "a.yml")[1]) in ("too-deep", "bad-yaml")  # libyaml has a limit too


_HEAD = 'model m = anthropic "claude-sonnet-5-5"\nagent L { model: m, system: "s" }\nagent "W-1" { model: m }\n'


@pytest.mark.parametrize(
    "text",
    [
        _HEAD + 'team T { lead: L, workers: ["W-1" * 2] }',
        _HEAD + 'team T { lead: L, workers: ["W-1" * 2, L] }',
        _HEAD + 'team T { lead: "W-1", workers: [L * 2] }',
        _HEAD + 'agent Boss { model: m, system: "s", spawn: ["W-1"] }',
    ],
)
def test_quoted_names_come_through_to_yaml_and_back(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(text)
    assert cogc_here("check", "a.cog", cwd=tmp_path).returncode == 0
    assert cogc_here("convert", "a.cog", "-o", "b.yml", cwd=tmp_path).returncode == 0
    assert cogc_here("check", "b.yml", cwd=tmp_path).returncode == 0
    assert cogc_here("convert", "b.yml", "-o", "c.cog", cwd=tmp_path).returncode == 0
    assert cogc_here("check", "c.cog", cwd=tmp_path).returncode == 0
    assert cogc_here("convert", "c.cog", cwd=tmp_path).stdout == (tmp_path / "b.yml").read_text()


def test_convert_names_what_it_does_not_keep(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        'const A = 1 # one\n# two\n"its doc"\ncoglet Main { listen x: int }\n"the limit"\nconst B = "# no"\n'
    )
    done = cogc_here("convert", "a.cog", "-o", "b.yml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "cogc: not kept: the documentation of const `B`\n")
    written = (tmp_path / "b.yml").read_text()
    assert "its doc" in written and "A: 1  # one\n" in written and "  # two\n  Main:\n" in written
