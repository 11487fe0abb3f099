"""The table of those who answer requests about a place of a text: functions of the workspace, the path of the file, and an offset in it."""

from __future__ import annotations

from cogc.lsp import calls, completion, hover, navigation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.lsp.workspace import Workspace

AT: dict[str, Callable[[Workspace, str, int], object]] = {
    "textDocument/hover": hover.hover,
    "textDocument/definition": navigation.definition,
    "textDocument/typeDefinition": navigation.type_definition,
    "textDocument/documentHighlight": navigation.highlights,
    "textDocument/prepareRename": navigation.prepare_rename,
    "textDocument/signatureHelp": completion.signature_help,
    "textDocument/prepareCallHierarchy": calls.prepare,
}
