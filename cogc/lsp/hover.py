"""The text that an editor shows for a word: its declaration, its type, its documentation."""

from __future__ import annotations

import re

from cogc.diagnostics.problems import MARK
from cogc.diagnostics.source import Span, looks_like_yaml
from cogc.language import docs, types
from cogc.language.attributes import ATTRIBUTES, EXECUTORS
from cogc.language.builtins import FUNCTIONS
from cogc.language.texts import is_internal
from cogc.lsp.documents import range_of
from cogc.lsp.places import around, block_of
from cogc.syntax import nodes, spell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.uses import Meaning
    from cogc.lsp.workspace import Workspace
    from cogc.names.world import Shape, World

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST = 300
"""The characters of a declaration beyond which it is cut."""


def hover(workspace: Workspace, path: str, offset: int) -> object:
    analysis = workspace.analysis(path)
    unit = analysis.unit
    if unit is None:
        return None
    use = analysis.uses.at(path, offset)
    if use is not None:
        return _shown(Span(unit.source, use.start, use.end), described(analysis.checked.world, use.meaning, use.type))
    line = around(unit.tree, offset)
    attribute = next((n for n in reversed(line) if isinstance(n, nodes.Attribute)), None)
    if attribute is not None and attribute.key in line:
        text = attribute_text(block_of(line, attribute), attribute.key.id)
        return _shown(unit.span(attribute.key), text) if text else None
    word = word_at(unit.source.text, offset)
    if not any(isinstance(n, nodes.Text) for n in line) and word[2] and (text := keyword_text(word[2], line)):
        return _shown(Span(unit.source, word[0], word[1]), text)
    return None


def word_at(text: str, offset: int) -> tuple[int, int, str]:
    """Return the word around a place, empty where there is none."""
    start = offset
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    found = _WORD.match(text, start)
    return (start, found.end(), found.group()) if found is not None and found.end() >= offset else (offset, offset, "")


def _shown(span: Span, text: str) -> object:
    return {"contents": {"kind": "markdown", "value": text}, "range": range_of(span)}


def _code(text: str) -> str:
    return f"```cog\n{text if len(text) <= _MOST else text[:_MOST].rstrip() + ' ...'}\n```"


def described(world: World, meaning: Meaning, type: types.Type | None = None) -> str:
    """Return what a name means: its declaration, its documentation, the ports of a coglet."""
    parts = [_code(declaration(meaning, type))]
    node = meaning.node
    if isinstance(node, nodes.Import) and meaning.unit is not None and meaning.kind == "file":
        parts.append(meaning.unit.tree.doc)
    else:
        parts.append(str(getattr(node, "doc", "")) or _comment(meaning))
    if meaning.kind == "function":
        parts.append(f"{docs.FUNCTIONS[meaning.name]}; takes {FUNCTIONS[meaning.name][3]}")
    shape = _shape(world, meaning)
    if shape is not None and ports(shape):
        parts.append(_code("\n".join(ports(shape))))
    if meaning.kind == "create" and meaning.member is not None and meaning.member.target is not None:
        listed = ports(meaning.member.target)
        parts += [_code("\n".join(listed))] if listed else []
    shown = types.expand(type) if type is not None else None
    if isinstance(type, types.Ref) and shown is not None:
        parts.append(_code(f"type {type.name} = {types.show(shown)}"))
    return "\n\n".join(p.strip() for p in parts if p.strip())


def _comment(meaning: Meaning) -> str:
    """Return the comment above the key of a constant, a type or a state in YAML, which have no place for documentation."""
    node, unit = meaning.node, meaning.unit
    if unit is None or not isinstance(node, nodes.Const | nodes.TypeDecl | nodes.State):
        return ""
    source = unit.source
    line, column = source.position(node.start)
    if not looks_like_yaml(source.path, source.text) or source.line(line)[: column - 1].strip():
        return ""
    found: list[str] = []
    while line > 1 and (above := source.line(line - 1).strip()).startswith("#"):
        found += [] if MARK in above else [above.lstrip("#").strip()]
        line -= 1
    return "\n".join(reversed(found))


def _shape(world: World, meaning: Meaning) -> Shape | None:
    if meaning.unit is None or meaning.kind not in ("coglet", "mixin", "agent", "team", "dod", "plan", "queue"):
        return None
    return world.shapes.get(meaning.unit.key(meaning.name))


def ports(shape: Shape) -> list[str]:
    """Return the channels and commands that others see of a coglet, as they would be written."""
    found = [f"listen {n}: {types.show(m.type)}" for n, m in shape.listens.items()]
    found += [f"transmit {n}: {types.show(m.type)}" for n, m in shape.transmits.items()]
    for name, member in shape.enacts.items():
        given = member.signature.parameters if member.signature is not None else []
        found.append(f"enact {name}({', '.join(f'{p.name}: {types.show(p.type)}' for p in given)})")
    return [line for line in found if not is_internal(line.split()[1].rstrip(":"))]


def declaration(meaning: Meaning, type: types.Type | None = None) -> str:
    """Return the head of a declaration in the cog notation."""
    node = meaning.node
    shown = type if type is not None else meaning.type
    of = "" if shown is None else f": {types.show(shown)}"
    match node:
        case nodes.Coglet() | nodes.Mixin():
            word = "coglet" if isinstance(node, nodes.Coglet) else "mixin"
            mixins = f" with {', '.join(spell.mixin_use(m) for m in node.mixins)}" if node.mixins else ""
            return f"{word} {meaning.name}{spell.parameters(node.parameters) if node.parameters else ''}{mixins}"
        case nodes.Agent() | nodes.Team() | nodes.Plan() | nodes.Dod():
            word = node.__class__.__name__.lower()
            return f"{word} {meaning.name}{spell.parameters(node.parameters) if node.parameters else ''}"
        case nodes.Enact():
            return f"enact {meaning.name}{spell.parameters(node.parameters)}"
        case nodes.Program():
            return spell.program(node)
        case nodes.Listen() | nodes.Transmit() | nodes.State() | nodes.Create() if not is_internal(meaning.name):
            return spell.member(node)
        case nodes.Const() | nodes.TypeDecl() | nodes.Model() | nodes.ModelList() | nodes.Mcp() | nodes.Queue():
            text = spell.declaration(node)
            return (
                f"const {meaning.name}{of} = {spell.expression(node.value)}" if isinstance(node, nodes.Const) else text
            )
        case nodes.Import():
            return spell.declaration(node)
        case nodes.Step():
            return f"step {meaning.name}" + (f" by {node.by.text}" if node.by is not None else "")
        case _:
            words = {"local": "", "function": "", "self": "", "role": "role ", "create": "create "}
            return f"{words.get(meaning.kind, meaning.kind + ' ')}{meaning.name}{of if meaning.kind != 'function' else '(...)'}"


def attribute_text(block: str, key: str) -> str:
    """Return the row of the table for an attribute, with its words; empty for an attribute that is not known."""
    kind = ATTRIBUTES.get(block, {}).get(key)
    if kind is None:
        return ""
    return f"{_code(f'{key}: {kind_text(kind)}')}\n\n{docs.attribute(block, key)}{needed(kind)}"


def needed(kind: str) -> str:
    return "\n\nIt must be given." if kind.endswith("!") else ""


def kind_text(kind: str) -> str:
    """Return the kind of an attribute's value in words of the language."""
    head, _, rest = kind.removesuffix("!").strip().partition(" ")
    match head:
        case "type" if rest:
            return rest
        case "word":
            return " | ".join(rest.split())
        case "ref":
            return " | ".join(f"<{k}>" for k in rest.split())
        case "refs":
            return f"[{' | '.join(f'<{k}>' for k in rest.split())}]"
        case _:
            return f"<{head}>"


def keyword_text(word: str, line: list[nodes.Node]) -> str:
    """Return the words for a keyword, the name of a type or of an executor."""
    inner = line[-1]
    if isinstance(inner, nodes.Name) and any(isinstance(n, nodes.TypeName) for n in line):
        return f"{_code(word)}\n\n{docs.TYPES[word]}" if word in docs.TYPES else ""
    if isinstance(inner, nodes.Name) and isinstance(line[-2], nodes.Executor) and word in EXECUTORS:
        return f"{_code(word)}\n\n{docs.EXECUTORS[word]}"
    return docs.KEYWORDS.get(word, "") if not isinstance(inner, nodes.Name) else ""
