"""Files and folders that a spec names: those that are missing, as far as the files at hand tell.

All of it is a warning. Another model may take the place of a scripted one, and a test may script it. A command with a
slash, a folder to work in and a build context are looked up where the run happens, which may be elsewhere.
"""

from __future__ import annotations

import posixpath

from cogc.checks.common import sound_units
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.source import Source, Span, decoded
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def outside_files(checked: Checked) -> None:
    """Report files and folders that are named and are not there."""
    for unit in sound_units(checked):
        _File(checked, unit).look()


def _cwd(attributes: Iterable[nodes.Attribute]) -> nodes.Attribute | None:
    """Return the attribute that names the working directory of a command, if it is given."""
    return next((a for a in attributes if a.key.id == "cwd"), None)


class _File:
    """One file, and what its texts name."""

    def __init__(self, checked: Checked, unit: Unit) -> None:
        self.checked = checked
        self.unit = unit
        self.words: set[str] | None = None
        """The words of the texts that have several: `make target/app` names `target/app`. None before one is asked for."""

    def look(self) -> None:
        for model in self.unit.all(nodes.Model):
            if model.provider.id == "scripted":
                self._scripted(model.argument)
        folders: dict[int, nodes.Attribute | None] = {}  # by executor, that of the definition of done around it
        for dod in self.unit.all(nodes.Dod):
            cwd = _cwd(c for c in dod.criteria if isinstance(c, nodes.Attribute))
            folders.update((id(part), cwd) for part in self.unit.walked(dod))
        for executor in self.unit.all(nodes.Executor):
            cwd = _cwd(executor.attributes) or folders.get(id(executor))
            if executor.kind.id == "shell" and isinstance(executor.argument, nodes.ListLiteral):
                self._command(executor.argument, cwd)
        for server in self.unit.all(nodes.Mcp):
            if server.transport.id == "stdio" and isinstance(server.argument, nodes.ListLiteral):
                self._command(server.argument, _cwd(server.attributes))
        for rows in self.unit.all(nodes.ForRows):
            if (
                self.checked.world.look(self.unit, posixpath.join(posixpath.dirname(self.unit.path), rows.path.value))
                is None
            ):
                self.checked.problems.add("missing-path", self.unit.span(rows.path), what="file", path=rows.path.value)
        for agent in self.unit.all(nodes.Agent):
            self._sett_agent({a.key.id: a for a in agent.attributes})
        for call in self.unit.all(nodes.Call):
            if isinstance(call.function, nodes.Name) and call.function.id == "file" and len(call.arguments) == 1:
                self._place(call.arguments[0].value, "file")
        for attribute in self.unit.all(nodes.Attribute):
            if attribute.key.id == "cwd":
                self._place(attribute.value, "folder")

    def _sett_agent(self, given: dict[str, nodes.Attribute]) -> None:
        """Look at the command of an agent of a sett, unless an image has it, and at the context of a build."""
        command, build = given.get("command"), given.get("build")
        if (
            command is not None
            and isinstance(command.value, nodes.ListLiteral)
            and not {"image", "build"} & given.keys()
        ):
            self._command(command.value, None)
        script = given.get("bid_script")
        if script is not None and isinstance(script.value, nodes.ListLiteral) and not {"image", "build"} & given.keys():
            self._command(script.value, None)
        self._build(build)

    def _build(self, build: nodes.Attribute | None) -> None:
        """Report a context of a build that is not there, or the Dockerfile that a context does not have. Absolute paths are left alone."""
        entries = build.value.entries if build is not None and isinstance(build.value, nodes.RecordLiteral) else ()
        given = {e.key.id: e.value for e in entries if isinstance(e, nodes.Entry) and isinstance(e.key, nodes.Name)}
        context, file = given.get("context"), given.get("dockerfile")
        if context is not None:
            self._place(context, "folder")
        folder = context.value if isinstance(context, nodes.Text) else "."
        if (
            isinstance(file, nodes.Text)
            and not file.template
            and not posixpath.isabs(posixpath.join(folder, file.value))
        ):
            base = posixpath.normpath(posixpath.join(posixpath.dirname(self.unit.path), folder))
            there = self.checked.world.look(self.unit, base) is not None
            if there and self.checked.world.look(self.unit, posixpath.join(base, file.value)) is None:
                self.checked.problems.add("missing-path", self.unit.span(file), what="file", path=file.value)

    def _scripted(self, path: nodes.Expr) -> None:
        if not isinstance(path, nodes.Text) or path.template or not path.value:
            return
        data = self.checked.world.look(self.unit, posixpath.join(posixpath.dirname(self.unit.path), path.value))
        if data is None:
            self.checked.problems.add("missing-file", self.unit.span(path), path=path.value)
            return
        where = posixpath.normpath(posixpath.join(posixpath.dirname(self.unit.path), path.value))
        wrong, related = _no_script(where, data)
        if wrong:
            help = "a script is a list in YAML: `- reply: ...`, or `- when: ...` with a reply"
            span = self.unit.span(path)
            self.checked.problems.add(
                "unreadable-file", span, help=help, related=related, path=path.value, reason=wrong
            )

    def _command(self, words: nodes.ListLiteral, cwd: nodes.Attribute | None) -> None:
        """Look at a command with a slash, from the folder that it is run in."""
        first = words.items[0] if words.items else None
        if not isinstance(first, nodes.Text) or first.template or not first.value:
            return
        if "/" not in first.value:
            self._on_path(first)
            return
        if cwd is None:
            self._place(first, "command")
        elif isinstance(cwd.value, nodes.Text) and not cwd.value.template:
            self._place(first, "command", cwd.value.value)

    def _on_path(self, name: nodes.Text) -> None:
        """Report a command that this machine does not have, where that is asked for."""
        has_command = self.checked.options.has_command
        if has_command is not None and not has_command(name.value):
            self.checked.problems.add("missing-command", self.unit.span(name), name=name.value)

    def _place(self, node: nodes.Node, what: str, cwd: str = "") -> None:
        """Report a path that leads nowhere from the folder of the spec, and from the folder of the check.

        A command in a folder that is not there either is left alone: another command makes it, as it makes `target/debug/app`.
        """
        if not isinstance(node, nodes.Text) or node.template or not node.value:
            return
        if posixpath.isabs(node.value) or node.value.startswith("~"):
            return
        if self.words is None:
            self.words = {w for t in self.unit.all(nodes.Text) for w in t.value.split() if w != t.value}
        if node.value in self.words:
            return  # a command of the file names it, and may make it
        starts = [posixpath.join(posixpath.dirname(self.unit.path), cwd), cwd]
        paths = [posixpath.normpath(posixpath.join(start, node.value)) for start in starts]
        if any(self.checked.world.look(self.unit, p) is not None for p in paths):
            return
        folders = [posixpath.dirname(p) or "." for p in paths]
        if what != "command" or any(self.checked.world.look(self.unit, f) is not None for f in folders):
            self.checked.problems.add("missing-path", self.unit.span(node), what=what, path=node.value)


def _no_script(path: str, data: bytes) -> tuple[str, list[Label]]:
    """Return why bytes are no script of a model, and the place in them; an empty text if they are one."""
    from cogc.names.scripts import as_item, form_of
    from cogc.syntax.read_yaml import Sequence, read_yaml, scalars, values  # PyYAML is slow to import

    try:
        source = Source(path, decoded(data))
    except UnicodeDecodeError:
        return "it is no text", []
    problems = Problems()
    root = read_yaml(source, problems)
    for bad in problems.found:
        if bad.slug in ("bad-yaml", "duplicate-key"):
            why = "it is not valid YAML" if bad.slug == "bad-yaml" else bad.message
            return f"line {bad.span.position()[0]}: {why}", [Label(bad.span, "here")]
    if root is None and problems.found:
        return "", []
    if not isinstance(root, Sequence):
        return "it is not a list of replies", []
    try:
        items = values(source.text)
    except ValueError:
        return "", []  # a value that a run names
    for number, (item, node) in enumerate(zip(items, root.items, strict=True), 1):
        try:
            form_of(as_item(item))
        except ValueError as error:
            named = str(error).partition(" has no key `")[2].partition("`")[0]
            word = next((w for w in scalars(node) if w.text == named), None)
            span = Span(source, *((node.start, node.end) if word is None else (word.start, word.end)))
            return f"line {span.position()[0]}: item {number}: {error}", [Label(span, "here")]
    return "", []
