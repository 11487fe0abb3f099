"""How the time of a check grows with each construct: a spec with N of it, and one with 2 N. A ratio near 2 is linear.

`python -m bench.growth [N]` prints a line for each construct in each notation that can write it: milliseconds of processor
time for N and 2 N, and the ratio.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.disk.files import read
from cogc.syntax import write_yaml
from cogc.syntax.parse import parse

MAIN = "coglet Main {{ listen x: int\n transmit y: int\n {} }}\n"
_REPLY = "- reply: x\n"


def _body(text: str) -> str:
    return MAIN.format(f"on x as v {{ {text}\n y <- v }}")


def _lines(n: int, line: str) -> str:
    return "\n".join(line.format(i=i, j=max(0, i - 1)) for i in range(n)) + "\n"


MODEL = 'model m = scripted "m.yml"\nagent A { model: m }\n'
PAIR = "coglet W { listen i: int\n transmit o: int\n on i as v { o <- v } }\n"
CONSTRUCTS: dict[str, Callable[[int], str]] = {
    "items of a list": lambda n: _body("let l = [" + ", ".join(map(str, range(n))) + "]\n log info len(l)"),
    "fields of a record": lambda n: _body("log info { " + ", ".join(f"f{i}: {i}" for i in range(n)) + " }"),
    "members of a union": lambda n: "type T = " + " | ".join(f'"w{i}"' for i in range(n)) + "\n" + MAIN.format("on x as v { y <- v }"),
    "tests against a union": lambda n: "type T = " + " | ".join(f'"w{i}"' for i in range(n)) + '\ncoglet Main { listen x: T\n on x as v { if v == "w1" { log info v } } }\n',
    "terms of a sum": lambda n: _body("log info v" + " + v" * n),
    "parts of a condition": lambda n: _body("if v > 0" + "".join(f" and v != {i}" for i in range(n)) + " { log info v }"),
    "branches": lambda n: _body("if v == -1 { log info 0 }" + "".join(f" else if v == {i} {{ log info {i} }}" for i in range(n))),
    "statements": lambda n: _body(_lines(n, "log info v + {i}")),
    "values of a body": lambda n: _body("let a0 = v\n" + _lines(n, "let a{i}b = v + {i}\nlog info a{i}b")),
    "states": lambda n: MAIN.format(_lines(n, "state s{i}: int = {i}") + "on x as v {\n" + _lines(n, "s{i} = s{i} + v") + "y <- v }"),
    "reactions": lambda n: MAIN.format(_lines(n, "on x as v when v == {i} {{ y <- v + {i} }}")),
    "channels": lambda n: "coglet Main {\n" + _lines(n, "listen x{i}: int\non x{i} as v {{ log info v }}") + "}\n",
    "holes of a template": lambda n: _body('log info "' + "{{ v }} " * n + '"'),
    "children and links": lambda n: PAIR + MAIN.format("create w0 = W\nlink x -> w0.i\n" + "".join(f"create w{i} = W\nlink w{i - 1}.o -> w{i}.i\n" for i in range(1, n)) + f"link w{n - 1}.o -> y"),
    "coglets that create": lambda n: _lines(n, "coglet C{i} {{ create c = C{j} }}").replace("create c = C0 ", "log info 0 ", 1).replace("{ log info 0 }", "{ }", 1),
    "narrowed names": lambda n: MAIN.format(_lines(n, "state s{i}: int? = null") + "on x as v {\n" + _lines(n, "if s{i} == null {{ fail \"no\" }}\nlet z{i} = s{i}") + "y <- v }"),
    "loops and branches": lambda n: _body(_lines(n, "for i{i} in [v] {{ if i{i} > {i} {{ log info i{i} }} }}")),
    "fields of a type": lambda n: "type T = { " + ", ".join(f"f{i}: int" for i in range(n)) + " }\n" + MAIN.format("on x as v { y <- v }"),
    "templates": lambda n: _body(_lines(n, 'log info "{{{{ v }}}} {i}"')),
    "programs": lambda n: _lines(n, "program p{i}(a: int) -> int = expr a + {i}") + MAIN.format("on x as v {\n" + _lines(n, "log info p{i}(v)") + "y <- v }"),
    "commands given": lambda n: "coglet W {\n" + _lines(n, "enact c{i}(a: int) {{ log info a }}") + "}\n" + MAIN.format("create w = W\non x as v {\n" + _lines(n, "guide w.c{i}(v)") + "y <- v }"),
    "queues": lambda n: _lines(n, "queue q{i}: int") + MAIN.format("on x as v {\n" + _lines(n, "q{i} <- v") + "y <- v }\n" + _lines(n, "on q{i} as item {{ log info item }}")),
    "workers of a team": lambda n: MODEL + _lines(n, "agent W{i} {{ description: \"d\", model: m }}") + "team T { lead: A, workers: [" + ", ".join(f"W{i}" for i in range(n)) + "] }\n",
    "coglets": lambda n: _lines(n, "coglet C{i} {{ listen x: int\n on x as v {{ log info v }} }}"),
    "constants in a chain": lambda n: "const c0 = 1\n" + "".join(f"const c{i} = c{i - 1} + 1\n" for i in range(1, n)) + MAIN.format(f"on x as v {{ y <- v + c{n - 1} }}"),
    "types in a chain": lambda n: "type T0 = int\n" + "".join(f"type T{i} = {{ a: T{i - 1} }}\n" for i in range(1, n)) + f"coglet Main {{ listen x: T{n - 1}\n on x as v {{ log info v }} }}\n",
    "programs in a chain": lambda n: "program p0(a: int) -> int = expr a\n" + "".join(f"program p{i}(a: int) -> int = expr p{i - 1}(a) + 1\n" for i in range(1, n)) + MAIN.format(f"on x as v {{ y <- p{n - 1}(v) }}"),
    "agents": lambda n: MODEL + _lines(n, "agent A{i} {{ model: m, system: \"s\" }}"),
    "steps of a plan": lambda n: MODEL + 'plan P { goal: "g"\n step s0 by A: "t"\n' + "".join(f' step s{i} by A after s{i - 1}: "t {{{{ s{i - 1} }}}}"\n' for i in range(1, n)) + "}\n",
    "criteria": lambda n: "dod D {\n" + _lines(n, 'c{i}: shell ["true"]') + "}\n",
    "agents of a sett": lambda n: "sett S {\n" + 'agent G { command: ["./g"], bid: claim when artefact.type == "GoalDefined" }\n' + _lines(n, 'agent A{i} {{ command: ["./a"], bid: claim when artefact.type == "T{i}" }}') + "}\n",
    "steps of a test": lambda n: MAIN.format("on x as v { y <- v }") + 'test "t" { use Main\n' + _lines(n, "send self.x <- {i}\nexpect len(y) >= 0") + "}\n",
    "misspelt names": lambda n: _body(_lines(n, "log info vv{i}")),
    "misspelt names beside those that are meant": lambda n: _body(_lines(n, "let value{i} = v\nlog info value{i}\nlog info valeu{i}")),
    "misspelt constants": lambda n: _lines(n, "const value{i} = {i}") + _body(_lines(n, "log info valeu{i}")),
    "misspelt types": lambda n: _lines(n, "type Value{i} = int") + "coglet Main {\n" + _lines(n, "listen x{i}: Valeu{i}") + "}\n",
    "misspelt fields": lambda n: "type T = { " + ", ".join(f"field{i}: int" for i in range(n)) + " }\ncoglet Main { listen x: T\n on x as v {\n" + _lines(n, "log info v.feild{i}") + "} }\n",
    "misspelt channels of a child": lambda n: "coglet W {\n" + _lines(n, "listen port{i}: int\non port{i} as v {{ log info v }}") + "}\n" + MAIN.format("create w = W\n" + _lines(n, "link x -> w.prot{i}")),
    "values of a wrong type": lambda n: MAIN.format("state s: int = 0\non x as v {\n" + _lines(n, 's = "x{i}"') + "y <- v }"),
    "types of a sett in a chain": lambda n: "sett S {\n" + _lines(n, 'agent A{i} {{ command: ["./a"], bid: exclusive when artefact.type == "T{j}x", produces: ["T{i}x"] }}') + "}\n",
    "imports that are missing": lambda n: _lines(n, 'import "f{i}.cog"') + MAIN.format("on x as v { y <- v }"),
    "comments": lambda n: _body(_lines(n, "log info v # comment {i}")),
    "mistakes of syntax": lambda n: _lines(n, "coglet C{i} {{ listen x int }}"),
    "comments that leave out": lambda n: "coglet Main { listen x: int\n on x as v { log info v }\n" + _lines(n, "state s{i}: int = 0  # cogc: ignore[COG527]") + "}\n",
    "lines of YAML": lambda n: "cog: 1\ncoglets:\n" + _lines(n, "  C{i}:\n    listen: {{ x: int }}\n    reactions:\n      - on: x as v\n        do: log info v"),
}  # fmt: skip


def in_yaml(text: str) -> str | None:
    """Return a spec in the YAML notation, None for one with mistakes or comments, which have no other form."""
    problems = Problems()
    tree = parse(Source("a.cog", text), problems)
    is_other = "# cogc" in text or text.startswith(
        ("cog: 1", "sett ")
    )  # a sett alone is written in a notation of its own
    return None if problems.found or is_other else write_yaml.file(tree)


def check(text: str) -> float:
    """Return the seconds of processor time of one check, the best of three."""
    path = "a.yml" if text.startswith("cog: 1") else "a.cog"

    def reader(name: str) -> bytes:
        if name.startswith("std/"):
            return read(name)
        if name == path:
            return text.encode()
        if name == "m.yml":
            return _REPLY.encode()
        raise FileNotFoundError(name)

    best = 1e9
    for _ in range(3):
        began = time.process_time()
        analyse([path], reader, Problems(), Options(smells=True))
        best = min(best, time.process_time() - began)
        if best > 2:
            break
    return best


def main() -> None:
    gc.disable()  # as `cogc check` does
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    check("coglet Main { }\n")
    for name, make in CONSTRUCTS.items():
        texts = make(size), make(2 * size)
        _row(name, texts)
        if (small := in_yaml(texts[0])) is not None and (large := in_yaml(texts[1])) is not None:
            _row(f"{name}, YAML", (small, large))


def _row(name: str, texts: tuple[str, str]) -> None:
    once, twice = map(check, texts)
    gc.collect()
    mark = "  NOT LINEAR" if twice / once > 2.7 and twice > 0.02 else ""
    print(f"{name:<32}{once * 1e3:>9.1f} ms {twice * 1e3:>9.1f} ms {twice / once:>6.2f}{mark}", flush=True)


if __name__ == "__main__":
    main()
