"""Files and folders that a spec names: those that are missing, as far as the files at hand tell.

Replies of a scripted model lie beside the spec, so that a missing file is an error. A command with a slash, a folder to
work in and a build context are looked up where the run happens, which may be elsewhere: a missing one is a warning.
"""

from __future__ import annotations

import posixpath

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def outside_files(checked: Checked) -> None:
    """Report files and folders that are named and are not there."""
    for unit in checked.world.roots:
        if any(d.severity == "error" and d.span.source is unit.source for d in checked.problems.found):
            continue  # a file that is being written is not held against what lies beside it
        for model in unit.all(nodes.Model):
            if model.provider.id == "scripted":
                _scripted(checked, unit, model.argument)
        for executor in unit.all(nodes.Executor):
            if executor.kind.id == "shell" and isinstance(executor.argument, nodes.ListLiteral):
                _command(checked, unit, executor.argument)
        for attribute in unit.all(nodes.Attribute):
            if attribute.key.id == "command" and isinstance(attribute.value, nodes.ListLiteral):
                _command(checked, unit, attribute.value)
            elif attribute.key.id == "cwd":
                _place(checked, unit, attribute.value, "folder")
        for entry in unit.all(nodes.Entry):
            if isinstance(entry.key, nodes.Name) and entry.key.id == "context":
                _place(checked, unit, entry.value, "folder")


def _scripted(checked: Checked, unit: Unit, path: nodes.Expr) -> None:
    if not isinstance(path, nodes.Text) or path.template or not path.value:
        return
    if checked.world.look(unit, posixpath.join(posixpath.dirname(unit.path), path.value)) is None:
        checked.problems.add("missing-file", unit.span(path), path=path.value)


def _command(checked: Checked, unit: Unit, words: nodes.ListLiteral) -> None:
    if words.items and isinstance(words.items[0], nodes.Text) and "/" in words.items[0].value:
        _place(checked, unit, words.items[0], "command")


def _place(checked: Checked, unit: Unit, node: nodes.Node, what: str) -> None:
    """Report a path that leads nowhere from the folder of the spec, and from the folder of the check."""
    if not isinstance(node, nodes.Text) or node.template or not node.value or posixpath.isabs(node.value):
        return
    if any(t.value != node.value and node.value in t.value.split() for t in unit.all(nodes.Text)):
        return  # a command of the file names it, and may make it
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(unit.path), node.value))
    if all(checked.world.look(unit, p) is None for p in (beside, posixpath.normpath(node.value))):
        checked.problems.add("missing-path", unit.span(node), what=what, path=node.value)
