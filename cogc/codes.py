"""Every diagnostic: its code, its severity, its words. One line each; `specs/codes/` has a page for each.

A number is `COG` and three digits by stage (0 input, 1 syntax, 2 shape, 3 names, 4 types, 5 flow, 6 policy, 7 back ends,
9 run time) and is never used again. Words in braces are facts that the reporting stage hands over.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Row = tuple[str, str, str, str]

# slug: (code, severity, message, help)
CODES: dict[str, Row] = {
    # input
    "unreadable-file": ("COG001", "error", "cannot read `{path}`: {reason}", "name a `.cog` or YAML file that exists"),
    "no-text": ("COG002", "error", "`{path}` is no text: {reason}", "save the file as UTF-8 text"),
    "file-too-large": (
        "COG003",
        "error",
        "`{path}` is larger than {limit} MB",
        "split it, and `import` the parts",
    ),
    "no-spec": ("COG004", "error", "no spec found in `{path}`", "a spec is a `.cog` file, or YAML with `cog: 1`"),
    "unknown-notation": (
        "COG005",
        "error",
        "this YAML is no spec",
        'start it with `cog: 1`, or with `version: "1.0"` for a sett',
    ),
    "bad-manifest": ("COG006", "error", "in `{path}`: {reason}", "see the page of this code for what a manifest holds"),
    # syntax
    "bad-character": ("COG101", "error", "unexpected character `{character}`", "remove it, or put it into a string"),
    "unclosed-string": ("COG102", "error", "the string is never closed", "end it with `{quote}`"),
    "unclosed-bracket": ("COG103", "error", "`{mark}` is never closed", "put `{closing}` where it ends"),
    "unexpected-token": ("COG104", "error", "unexpected {found}", "expected {expected}"),
    "bad-number": (
        "COG105",
        "error",
        "`{text}` is no number or duration",
        "durations are `250ms 10s 5m 2h`, integers may hold `_`",
    ),
    "number-too-large": ("COG106", "error", "`{text}` does not fit into 64 bits", "use a float, or a string"),
    "too-deep": ("COG107", "error", "this is nested more than {limit} deep", "give the inner parts names of their own"),
    # shape
    "unknown-attribute": ("COG201", "error", "{owner} has no attribute `{name}`", "its attributes are {known}"),
    "missing-attribute": ("COG202", "error", "{owner} needs the attribute `{name}`", "add `{name}: ...`"),
    "bad-word": ("COG203", "error", "`{word}` is no value of `{name}`", "it is one of {known}"),
    "duplicate-attribute": ("COG204", "error", "`{name}` is given twice", "remove one of them"),
    "unknown-executor": ("COG205", "error", "there is no executor `{name}`", "a program is one of {known}"),
    "bad-executor": ("COG206", "error", "`{name}` {wrong}", "{right}"),
    "no-body": ("COG207", "error", "the command `{name}` has no body", "give it `{{ ... }}`"),
    "unknown-word": ("COG209", "error", "there is no {what} `{name}`", "it is one of {known}"),
    "bad-trigger": (
        "COG210",
        "error",
        "this is nothing that a reaction can fire on",
        "use a channel, `child.channel`, `all(...)`, `error(child)`, `start` or `stop`",
    ),
    "bad-target": (
        "COG211",
        "error",
        "nothing can be sent to `{what}`",
        "send to an own transmit channel, `child.channel` or a queue",
    ),
    "bad-path": ("COG212", "error", "`{what}` is no {wanted}", "{right}"),
    "duplicate-key": ("COG213", "error", "the key `{name}` stands here twice", "remove one of them"),
    "bad-yaml": (
        "COG214",
        "error",
        "this is no YAML: {reason}",
        "see https://yaml.org for the rules of indentation and quotes",
    ),
    "bad-shape": ("COG215", "error", "{where} is {wanted}, not {found}", "{right}"),
    "unknown-key": ("COG216", "error", "{where} has no key `{name}`", "its keys are {known}"),
    "ambiguous-scalar": (
        "COG217",
        "error",
        "`{text}` is read as {kind} by YAML 1.1",
        'write `"{text}"` in quotes, or `true` or `false`',
    ),
    "bad-modifier": ("COG218", "error", "`{name}` {wrong}", "{right}"),
    "yaml-alias": ("COG219", "error", "YAML {what} are not taken here", "write the value out"),
    # names
    "duplicate-name": ("COG301", "error", "`{name}` is declared twice", "give one of them another name"),
    "unknown-name": ("COG302", "error", "there is no `{name}` here", "declare it, or import the file that does"),
    "unknown-type": ("COG303", "error", "there is no type `{name}`", "declare it with `type {name} = ...`"),
    "unknown-coglet": (
        "COG304",
        "error",
        "there is no coglet `{name}`",
        "declare it with `coglet {name} {{ ... }}`, or import it",
    ),
    "unknown-mixin": (
        "COG305",
        "error",
        "there is no mixin `{name}`",
        "declare it with `mixin {name} {{ ... }}`, or import it",
    ),
    "wrong-kind": ("COG306", "error", "`{name}` is {found}, not {wanted}", "name {wanted}"),
    "import-clash": (
        "COG307",
        "error",
        "`{name}` comes from two files",
        'import one of them under a name: `import "..." as other`',
    ),
    "mixin-clash": ("COG308", "error", "`{name}` of mixin `{mixin}` clashes with another member", "rename one of them"),
    "mixin-cycle": ("COG309", "error", "mixin `{name}` takes in itself", "remove one of: {cycle}"),
    "shadowed-name": ("COG310", "error", "`{name}` hides {what} of that name", "choose another name"),
    "reserved-channel": (
        "COG311",
        "error",
        "no channel may be called `{name}`",
        "`on {name}` is the hook; choose another name",
    ),
    "unknown-port": ("COG312", "error", "`{owner}` has no {what} `{name}`", "{known}"),
    "unknown-command": ("COG313", "error", "`{owner}` has no command `{name}`", "{known}"),
    "unknown-child": ("COG315", "error", "`{name}` is no child of this coglet", "{known}"),
    "wrong-argument": ("COG316", "error", "`{name}` has no parameter `{argument}`", "{known}"),
    "missing-argument": ("COG317", "error", "`{name}` needs the argument `{argument}`", "it is `{argument}: {type}`"),
    "too-many-arguments": (
        "COG318",
        "error",
        "`{name}` takes {wanted} arguments, not {found}",
        "remove what is too much",
    ),
    "duplicate-argument": ("COG319", "error", "the argument `{argument}` is given twice", "remove one of them"),
    "unknown-variable": ("COG320", "error", "the template knows no `{name}`", "{known}"),
    "unknown-state": (
        "COG321",
        "error",
        "`{name}` is no state of this coglet",
        "declare it with `state {name}: ... = ...`, or use `let`",
    ),
    "private-command": ("COG322", "error", "the command `{name}` is private", "only `guide self.{name}()` may give it"),
    "no-root": ("COG323", "error", "no coglet to run: there is no `Main`", "name one with `--root NAME`; {known}"),
    # types
    "wrong-type": ("COG401", "error", "this is `{found}`, not `{wanted}`", "{hint}"),
    "no-condition": ("COG402", "error", "a condition is a bool, this is `{found}`", "compare it with something"),
    "bad-operands": ("COG403", "error", "`{operator}` does not take `{left}` and `{right}`", "{hint}"),
    "unknown-field": ("COG404", "error", "`{type}` has no field `{name}`", "{known}"),
    "not-callable": ("COG405", "error", "`{name}` cannot be called", "programs, agents and built-in functions can"),
    "not-iterable": ("COG406", "error", "`{found}` cannot be walked", "`for` walks a list"),
    "impure-call": (
        "COG407",
        "error",
        "`{name}` cannot be called here",
        "calls that wait may stand in bodies of reactions and commands, and in pipelines",
    ),
    "never-equal": ("COG408", "error", "`{left}` is never equal to `{right}`", "compare values of one type"),
    "bad-index": (
        "COG409",
        "error",
        "`{found}` cannot be indexed with `{index}`",
        "lists take an int, maps and records a string",
    ),
    "recursive-type": (
        "COG410",
        "error",
        "type `{name}` is nothing but itself",
        "go through a list, a map or a record",
    ),
    "bad-default": (
        "COG411",
        "error",
        "a default in a type is a literal",
        "write a number, a string, a list or a record of them",
    ),
    "bad-template": ("COG412", "error", "the template is wrong: {reason}", "see specs/language.md, Templates"),
    "recursive-program": (
        "COG413",
        "error",
        "program `{name}` calls itself",
        "an `expr` program ends; use a reaction for what goes on",
    ),
    "nullable": (
        "COG414",
        "error",
        "this may be null: `{found}`, not `{wanted}`",
        "test it with `!= null`, or give a value with `??`",
    ),
    "link-type": (
        "COG415",
        "error",
        "`{source}` sends `{found}`, `{target}` takes `{wanted}`",
        "change one of the two, or convert in between",
    ),
    "out-of-range": ("COG416", "error", "`{name}` must be {wanted}", "change the number"),
    "no-sampling": (
        "COG417",
        "error",
        "model `{model}` takes no `{name}`",
        'remove it, or say `capabilities: ["sampling", ...]` of a server that takes it',
    ),
    "no-price": (
        "COG418",
        "error",
        "model `{name}` has no known price: `{model}`",
        "bound `tokens` instead of `usd`",
    ),
    "unknown-tool": ("COG419", "error", "server `{server}` has no tool `{name}`", "it has {known}"),
    "tool-mismatch": ("COG420", "error", "tool `{tool}` {wrong}", "the tool's schema stands in cogc.lock.json"),
    "no-lock": (
        "COG421",
        "error",
        "the tools of server `{name}` are not known",
        "run `cogc check --online`, which writes cogc.lock.json; or name single tools by `mcp` programs",
    ),
    "server-unreachable": ("COG422", "error", "{reason}", "look at its command or address"),
    # flow
    "unused-channel": (
        "COG501",
        "warning",
        "nothing reads `{name}`",
        "react with `on {name}`, link it on, or remove it",
    ),
    "unconnected-channel": (
        "COG502",
        "warning",
        "nothing is ever sent to `{name}` of `{child}`",
        "link something to it",
    ),
    "endless-creation": (
        "COG503",
        "error",
        "`{name}` creates itself for ever: {cycle}",
        "make one of them a pool that starts empty: `* 0..N`",
    ),
    "blocking-cycle": (
        "COG504",
        "error",
        "these links wait for each other: {cycle}",
        "mark one with `{{ feedback: true }}`",
    ),
    "silent-transmit": ("COG505", "warning", "`{name}` is never sent on", "send on it, link to it, or remove it"),
    "duplicate-link": (
        "COG506",
        "error",
        "`{source}` is linked to `{target}` twice",
        "remove one; each message would come twice",
    ),
    "unreachable-code": ("COG507", "warning", "nothing behind this is reached", "remove it"),
    "unused-program": ("COG508", "warning", "nothing calls `{name}`", "remove it"),
    # policy
    "secret-outside": (
        "COG601",
        "error",
        "`env` may not stand here",
        "secrets stand in attributes of models, MCP servers and environments",
    ),
    "foreign-module": (
        "COG602",
        "error",
        "module `{name}` is not in the spec's folder",
        "allow it with `--allow-import {name}`, or under [tool.cogc] in pyproject.toml",
    ),
    # back ends
    "not-yet": ("COG701", "error", "{what} `{name}` cannot run yet", "this version checks and draws it"),
    "stands-in": ("COG703", "warning", "`{name}` is about containers, which are not used here", "see the help line"),
    "bad-build": (
        "COG702",
        "error",
        "`{path}` is no program built by this version: {reason}",
        "build it again with `cogc build`",
    ),
}
