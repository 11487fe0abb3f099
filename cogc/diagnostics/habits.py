"""Words that people type from other languages, and what to write here instead: tables for the stages that meet it.

The words of each table are those of Python, JavaScript and TypeScript, Rust, Go, Java, C and SQL. A stage asks its table
before it looks for a word that is near.
"""

from __future__ import annotations

_NO_LOOP = "there is no `{}` loop: go over a list with `for x in xs {{ ... }}`, or repeat with `every 1s {{ ... }}`"
_NO_FUNCTION = "there is no `{}`: `program NAME(x: int) -> int = expr x + 1` declares a function"
_NO_CLASS = "there is no `{}`: declare a record with `type NAME = {{ ... }}`, or behaviour with `coglet NAME {{ ... }}`"
_NO_RETURN = "there is no `{}`: a reaction answers by sending, `channel <- value`"
_SENT = "a message is sent by `CHANNEL <- VALUE`"
_VARIABLE = "write `let NAME = ...` for a value of this body, or `state NAME: TYPE = ...` in the coglet"
_EXIT = "there is no `{}`: a list is filtered with `[x for x in xs if ...]`"
_PRINT = "write `log info ...`, or send the value on a channel"

STATEMENTS: dict[str, str] = {
    **{w: _NO_LOOP.format(w) for w in ("while", "loop", "do", "repeat", "foreach")},
    **{w: _NO_FUNCTION.format(w) for w in ("def", "fn", "func", "function", "lambda", "fun", "proc", "sub")},
    **{w: _NO_CLASS.format(w) for w in ("class", "struct", "interface", "record", "object", "trait", "protocol")},
    **{w: _NO_RETURN.format(w) for w in ("return", "yield")},
    **dict.fromkeys(("var", "val", "int", "float", "string", "bool", "auto", "mut", "static", "final", "set"), _VARIABLE),
    **{w: _EXIT.format(w) for w in ("break", "continue")},
    **dict.fromkeys(("print", "println", "printf", "echo", "console"), _PRINT),
    **{w: f"there is no `{w}`: a body may be empty, `{{ }}`" for w in ("pass", "noop", "nop")},
    "enum": 'a type of several words is a union: `type NAME = "a" | "b"`',
    "elif": "write `else if ... { }`",
    "elsif": "write `else if ... { }`",
    "elseif": "write `else if ... { }`",
    "unless": "write `if not ... { }`",
    "switch": "write `if ... { } else if ... { } else { }`",
    "match": "write `if ... { } else if ... { } else { }`",
    "case": "write `if ... { } else if ... { } else { }`",
    "raise": 'write `fail "..."`',
    "throw": 'write `fail "..."`',
    "except": 'write `try f(x) else VALUE`, or `else as e { ... }` behind the reaction',
    "catch": 'write `try f(x) else VALUE`, or `else as e { ... }` behind the reaction',
    "finally": "write `else as e { ... }` behind the reaction, or `on stop { ... }`",
    "assert": 'write `if not ... { fail "..." }`',
    "emit": "send with `channel <- value`",
    "publish": "send with `channel <- value`",
    "sleep": "write `after 1s { ... }` in the coglet, or `every 1s { ... }`",
    "from": 'write `import "file.cog" as name`',
    "use": 'write `import "file.cog" as name`',
    "using": 'write `import "file.cog" as name`',
    "require": 'write `import "file.cog" as name`',
    "include": 'write `import "file.cog" as name`',
    "package": "a file needs no name of a package: remove the line",
    "module": "a file needs no name of a module: remove the line",
    "namespace": "a file needs no namespace: remove the line",
    "export": "a service offers programs, agents, teams and plans; anything can be imported without this word",
    "public": "every declaration whose name begins with no `_` can be imported: remove the word",
    "pub": "every declaration whose name begins with no `_` can be imported: remove the word",
    "async": "every reaction may wait: remove the word",
    "actor": "declare it with `coglet NAME { ... }`",
    "process": "declare it with `coglet NAME { ... }`",
    **dict.fromkeys(("input", "inputs", "inlet"), "declare it with `listen NAME: TYPE`"),
    **dict.fromkeys(("output", "outputs", "outlet", "event"), "declare it with `transmit NAME: TYPE`"),
    **dict.fromkeys(("workflow", "pipeline", "task", "steps"), "declare it with `plan NAME { ... }`, and its parts with `step NAME by AGENT: ...`"),
    **dict.fromkeys(("tool", "prompt"), "declare it with `program NAME(x: string) -> string = ...`"),
    **dict.fromkeys(("command", "method", "action"), "declare a command with `enact NAME(a: TYPE) { ... }`"),
    **dict.fromkeys(("channel", "port", "signal"), "declare it with `listen NAME: TYPE` or `transmit NAME: TYPE`"),
    **dict.fromkeys(("child", "children", "instance"), "declare a child with `create NAME = COGLET`"),
    **dict.fromkeys(("wire", "pipe", "route"), "write `link a.out -> b.in`"),
    **dict.fromkeys(("cron", "schedule", "timer", "interval"), 'react with `every 10s { ... }`, or `every 1d at "08:00" { ... }`'),
    **dict.fromkeys(("handle", "handler", "subscribe"), "react with `on CHANNEL as x { ... }`"),
    "receive": "declare it with `listen NAME: TYPE`, and react with `on NAME as x { ... }`",
    "emits": "declare it with `transmit NAME: TYPE`",
    "connect": "write `link a.out -> b.in`",
    "when": "react with `on CHANNEL as x when ... { ... }`",
    "spawn": "declare a child with `create NAME = COGLET`",
    "new": "declare a child with `create NAME = COGLET`",
}  # fmt: skip
"""Words with which a phrase begins in other languages."""

CHARACTERS: dict[str, str] = {
    "\u2190": "<-",
    "\u2192": "->",
    "\u21d2": "->",
    "\u2260": "!=",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u00d7": "*",
    "\u00f7": "/",
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2026": "...",
    "\u2227": "and",
    "\u2228": "or",
    "\u00ac": "not",
    "\uff1a": ":",
    "\uff0c": ",",
    "\uff1b": ";",
    "\uff08": "(",
    "\uff09": ")",
    "\uff5b": "{",
    "\uff5d": "}",
}
"""Characters that editors and other keyboards put in place of a mark."""

IN_TESTS: dict[str, str] = {
    **dict.fromkeys(("sleep", "wait", "tick"), "let time pass with `run 3s`"),
    **dict.fromkeys(("assert", "check", "should", "require"), "write `expect ...`"),
    **dict.fromkeys(("emit", "publish", "input", "transmit"), "write `send self.CHANNEL <- VALUE`"),
    **dict.fromkeys(("mock", "stub", "when", "given"), "write `script NAME { reply VALUE }`"),
}
"""Words with which a step of a test begins elsewhere."""

VALUES: dict[str, str] = {
    "True": "write `true`",
    "TRUE": "write `true`",
    "yes": "write `true`",
    "False": "write `false`",
    "FALSE": "write `false`",
    "no": "write `false`",
    **dict.fromkeys(("None", "nil", "undefined", "NULL", "Null", "none", "nothing", "void"), "write `null`"),
    "this": "write `self`, or the name of the state alone",
    "me": "write `self`, or the name of the state alone",
    "print": _PRINT,
    "console": _PRINT,
    "log": "write `log info ...`, a statement of its own",
}
"""Names of values."""

CALLED: dict[str, str] = {
    **dict.fromkeys(("length", "size", "strlen", "length_of", "Len", "cardinality"), "len"),
    **dict.fromkeys(("string", "String", "to_string", "toString", "tostring", "repr"), "str"),
    **dict.fromkeys(("Int", "integer", "parseInt", "parse_int", "to_int", "toInt", "Number", "atoi"), "int"),
    **dict.fromkeys(("double", "Float", "parseFloat", "parse_float", "to_float"), "float"),
    **dict.fromkeys(("uppercase", "toUpperCase", "to_upper", "upcase", "to_uppercase"), "upper"),
    **dict.fromkeys(("lowercase", "toLowerCase", "to_lower", "downcase", "to_lowercase"), "lower"),
    **dict.fromkeys(("includes", "include", "has_value"), "contains"),
    **dict.fromkeys(("startswith", "startsWith", "has_prefix", "hasPrefix"), "starts_with"),
    **dict.fromkeys(("sort", "order"), "sorted"),
    **dict.fromkeys(("order_by", "sortBy"), "sort_by"),
    **dict.fromkeys(("to_json", "toJson", "dumps", "stringify", "json_encode"), "json"),
    **dict.fromkeys(("time", "date", "today", "Date", "datetime", "timestamp"), "now"),
    **dict.fromkeys(("rand", "randint", "random_int"), "random"),
    **dict.fromkeys(("distinct", "uniq", "dedup"), "unique"),
    "minimum": "min",
    "maximum": "max",
}
"""Names of functions, and the built-in function that does the same."""

FUNCTIONS: dict[str, str] = {
    **dict.fromkeys(("map", "collect", "select"), "write `[f(x) for x in xs]`"),
    **dict.fromkeys(("filter", "where", "reject"), "write `[x for x in xs if ...]`"),
    **dict.fromkeys(("append", "push", "add", "concat", "extend"), "write `xs + [x]`"),
    **dict.fromkeys(("print", "println", "printf", "echo", "puts", "log"), _PRINT),
    **dict.fromkeys(("emit", "publish", "send", "transmit", "broadcast"), _SENT),
    **dict.fromkeys(("isEmpty", "is_empty", "empty"), "write `len(x) == 0`"),
    **dict.fromkeys(("substring", "substr", "slice"), "write `x[a:b]`"),
    **dict.fromkeys(("isinstance", "typeof", "type"), "write `x is TYPE`"),
    **dict.fromkeys(
        ("sleep", "wait"), "write `after 1s { ... }` in the coglet, or `await CHANNEL timeout 1s` in a body"
    ),
    "format": 'write a template: `"x {{ v }}"`',
    "raise": 'write `fail "..."`',
    "ord": "there are no characters: a string of one character stands for it",
    "pow": "multiply with `*`: there is no power",
    "sqrt": "there is no square root: a `python` program has one",
}
"""Names of functions for which there is another form."""

_LIST = "a list is written `[T]`, for example `[string]`"
_MAP = "a map from strings is written `map[T]`, for example `map[int]`"

TYPES: dict[str, str] = {
    **dict.fromkeys(("str", "String", "text", "Text", "char", "varchar", "STRING", "STR", "Str"), "write `string`"),
    **dict.fromkeys(("integer", "Integer", "long", "Int", "i32", "i64", "u32", "u64", "int64", "int32", "INT"), "write `int`"),
    **dict.fromkeys(("double", "Double", "real", "Float", "f32", "f64", "decimal", "FLOAT"), "write `float`"),
    **dict.fromkeys(("number", "Number", "num", "numeric"), "write `float`, or `int`"),
    **dict.fromkeys(("boolean", "Boolean", "Bool", "BOOLEAN", "BOOL"), "write `bool`"),
    **dict.fromkeys(("Any", "object", "Object", "unknown", "dynamic", "interface", "json", "JSON"), "write `any`"),
    **dict.fromkeys(("None", "void", "nil", "undefined", "unit", "NoneType"), "write `null`"),
    **dict.fromkeys(("datetime", "timestamp", "Date", "date", "DateTime", "Time", "instant"), "write `time`"),
    **dict.fromkeys(("timedelta", "Duration", "interval", "TimeDelta", "timespan"), "write `duration`"),
    **dict.fromkeys(("list", "List", "array", "Array", "Vec", "vec", "slice", "set", "Set", "tuple", "Tuple", "seq"), _LIST),
    **dict.fromkeys(("dict", "Dict", "Map", "hash", "HashMap", "record", "Record", "mapping", "Mapping"), _MAP),
    **dict.fromkeys(("Optional", "optional", "Option", "Maybe", "nullable"), "write `T?`, for example `int?`"),
    **dict.fromkeys(("enum", "Enum", "Literal", "Union"), 'write a union of its words: `"a" | "b"`'),
}  # fmt: skip
"""Names of types."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("instructions", "instruction", "system_prompt", "persona", "role", "backstory"), ("system",)),
    **dict.fromkeys(("prompt", "message"), ("prompt", "system")),
    **dict.fromkeys(("messages", "input", "user", "question", "text"), ("prompt",)),
    **dict.fromkeys(("llm", "model_name", "engine"), ("model",)),
    **dict.fromkeys(("functions", "skills", "plugins"), ("tools",)),
    **dict.fromkeys(("schema", "response_format", "output_type", "returns"), ("output",)),
    **dict.fromkeys(("max_iterations", "max_steps", "iterations"), ("max_turns", "max_loops")),
    **dict.fromkeys(("retries", "max_retries", "attempts"), ("retry", "max_restarts")),
    **dict.fromkeys(("members", "team", "agents"), ("workers", "agents")),
    **dict.fromkeys(("leader", "manager", "supervisor", "boss"), ("lead",)),
    **dict.fromkeys(("objective", "task", "purpose"), ("goal",)),
    **dict.fromkeys(("handoffs", "handoff", "transfer"), ("hand_off",)),
    **dict.fromkeys(("subagents", "sub_agents", "children"), ("spawn",)),
    **dict.fromkeys(("temp", "randomness"), ("temperature",)),
    **dict.fromkeys(("delay", "wait", "pause"), ("backoff",)),
    **dict.fromkeys(("buffer", "size", "queue_size"), ("capacity",)),
    **dict.fromkeys(("ttl", "visibility_timeout"), ("lease",)),
    **dict.fromkeys(("cmd", "script", "entrypoint"), ("command",)),
}
"""Words for attributes in other systems, and the attributes that they stand for."""
