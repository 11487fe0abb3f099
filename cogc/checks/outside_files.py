"""Files and folders that a spec names: those that are missing, as far as the files at hand tell.

All of it is a warning. Another model may take the place of a scripted one, and a test may script it. A command with a
slash, a folder to work in and a build context are looked up where the run happens, which may be elsewhere.
"""

from __future__ import annotations

import posixpath

from cogc.checks.common import sound_units
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def outside_files(checked: Checked) -> None:
    """Report files and folders that are named and are not there."""
    for unit in sound_units(checked):
        for model in unit.all(nodes.Model):
            if model.provider.id == "scripted":
                _scripted(checked, unit, model.argument)
        inside = {id(c): d for d in unit.all(nodes.Dod) for c in nodes.walk(d)}
        for executor in unit.all(nodes.Executor):
            dod = inside.get(id(executor))
            criteria = dod.criteria if dod is not None else ()
            given = [*executor.attributes, *(c for c in criteria if isinstance(c, nodes.Attribute))]
            cwd = next((a for a in given if a.key.id == "cwd"), None)
            if executor.kind.id == "shell" and isinstance(executor.argument, nodes.ListLiteral):
                _command(checked, unit, executor.argument, cwd)
        for rows in unit.all(nodes.ForRows):
            if checked.world.look(unit, posixpath.join(posixpath.dirname(unit.path), rows.path.value)) is None:
                checked.problems.add("missing-path", unit.span(rows.path), what="file", path=rows.path.value)
        for agent in unit.all(nodes.Agent):
            _sett_agent(checked, unit, {a.key.id: a for a in agent.attributes})
        for call in unit.all(nodes.Call):
            if isinstance(call.function, nodes.Name) and call.function.id == "file" and len(call.arguments) == 1:
                _place(checked, unit, call.arguments[0].value, "file")
        for attribute in unit.all(nodes.Attribute):
            if attribute.key.id == "cwd":
                _place(checked, unit, attribute.value, "folder")


def _sett_agent(checked: Checked, unit: Unit, given: dict[str, nodes.Attribute]) -> None:
    """Look at the command of an agent of a sett, unless an image has it, and at the context of a build."""
    command, build = given.get("command"), given.get("build")
    if command is not None and isinstance(command.value, nodes.ListLiteral) and not {"image", "build"} & given.keys():
        _command(checked, unit, command.value, None)
    script = given.get("bid_script")
    if script is not None and isinstance(script.value, nodes.ListLiteral) and not {"image", "build"} & given.keys():
        _command(checked, unit, script.value, None)
    _build(checked, unit, build)


def _build(checked: Checked, unit: Unit, build: nodes.Attribute | None) -> None:
    """Report a context of a build that is not there, or the Dockerfile that a context does not have. Absolute paths are left alone."""
    entries = build.value.entries if build is not None and isinstance(build.value, nodes.RecordLiteral) else ()
    given = {e.key.id: e.value for e in entries if isinstance(e, nodes.Entry) and isinstance(e.key, nodes.Name)}
    context, file = given.get("context"), given.get("dockerfile")
    if context is not None:
        _place(checked, unit, context, "folder")
    folder = context.value if isinstance(context, nodes.Text) else "."
    if isinstance(file, nodes.Text) and not file.template and not posixpath.isabs(posixpath.join(folder, file.value)):
        base = posixpath.normpath(posixpath.join(posixpath.dirname(unit.path), folder))
        there = checked.world.look(unit, base) is not None
        if there and checked.world.look(unit, posixpath.join(base, file.value)) is None:
            checked.problems.add("missing-path", unit.span(file), what="file", path=file.value)


def _scripted(checked: Checked, unit: Unit, path: nodes.Expr) -> None:
    if not isinstance(path, nodes.Text) or path.template or not path.value:
        return
    if checked.world.look(unit, posixpath.join(posixpath.dirname(unit.path), path.value)) is None:
        checked.problems.add("missing-file", unit.span(path), path=path.value)


def _command(checked: Checked, unit: Unit, words: nodes.ListLiteral, cwd: nodes.Attribute | None) -> None:
    """Look at a command with a slash, from the folder that it is run in."""
    first = words.items[0] if words.items else None
    if not isinstance(first, nodes.Text) or first.template or not first.value:
        return
    if "/" not in first.value:
        _on_path(checked, unit, first)
        return
    if cwd is None:
        _place(checked, unit, first, "command")
    elif isinstance(cwd.value, nodes.Text) and not cwd.value.template:
        _place(checked, unit, first, "command", cwd.value.value)


def _on_path(checked: Checked, unit: Unit, name: nodes.Text) -> None:
    """Report a command that this machine does not have, where that is asked for."""
    has_command = checked.options.has_command
    if has_command is not None and not has_command(name.value):
        checked.problems.add("missing-command", unit.span(name), name=name.value)


def _place(checked: Checked, unit: Unit, node: nodes.Node, what: str, cwd: str = "") -> None:
    """Report a path that leads nowhere from the folder of the spec, and from the folder of the check.

    A command in a folder that is not there either is left alone: another command makes it, as it makes `target/debug/app`.
    """
    if not isinstance(node, nodes.Text) or node.template or not node.value:
        return
    if posixpath.isabs(node.value) or node.value.startswith("~"):
        return
    if any(t.value != node.value and node.value in t.value.split() for t in unit.all(nodes.Text)):
        return  # a command of the file names it, and may make it
    starts = [posixpath.join(posixpath.dirname(unit.path), cwd), cwd]
    paths = [posixpath.normpath(posixpath.join(start, node.value)) for start in starts]
    if any(checked.world.look(unit, p) is not None for p in paths):
        return
    folders = [posixpath.dirname(p) or "." for p in paths]
    if what != "command" or any(checked.world.look(unit, f) is not None for f in folders):
        checked.problems.add("missing-path", unit.span(node), what=what, path=node.value)
