"""One session with an editor: its life, the open texts, which of them are to be analysed, and who answers which request.

The compiler is imported when a text is open: until then the server has answered `initialize`.

A file is analysed when no message waits, so that a burst of edits costs one analysis. An edit makes those open files stale whose
last analysis has read the edited one, and no others. A request about a text is answered by an analysis of the text as it is then.
"""

from __future__ import annotations

import os
import sys

from cogc import __version__
from cogc.disk.files import read
from cogc.lsp import rpc
from cogc.lsp.documents import Document, offset, path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from cogc.diagnostics.problems import Diagnostic
    from cogc.lsp.workspace import Project, Workspace

    Params: TypeAlias = dict[str, Any]

_CAPABILITIES = {
    "positionEncoding": "utf-16",
    "textDocumentSync": {"openClose": True, "change": 2, "save": True},
    "documentFormattingProvider": True,
    "documentRangeFormattingProvider": True,
    "documentSymbolProvider": True,
    "foldingRangeProvider": True,
    "codeActionProvider": {"codeActionKinds": ["quickfix"]},
    "hoverProvider": True,
    "definitionProvider": True,
    "typeDefinitionProvider": True,
    "referencesProvider": True,
    "documentHighlightProvider": True,
    "renameProvider": {"prepareProvider": True},
    "workspaceSymbolProvider": True,
    "completionProvider": {"triggerCharacters": [".", '"', "/", ":", "|"]},
    "signatureHelpProvider": {"triggerCharacters": ["(", ","]},
    "inlayHintProvider": True,
    "callHierarchyProvider": True,
}


_MISFITS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
"""The exceptions of parameters that are not of the types of the protocol."""


def _can(params: Params, *keys: str) -> bool:
    """Return whether an editor has a capability, which stands below some keys."""
    given: Any = params.get("capabilities")
    for key in keys:
        given = (given or {}).get(key)
    return bool(given)


class Server:
    """One session with an editor. `project` gives the settings for the path of a file."""

    def __init__(self, channel: rpc.Channel, project: Callable[[str], Project] | None = None) -> None:
        self.channel = channel
        self.documents: dict[str, Document] = {}
        self.folders: list[str] = []
        self.reached: dict[str, set[str]] = {}
        """For each open file the files that its last analysis has read."""
        self.found: dict[str, list[Diagnostic]] = {}
        self.stale: dict[str, None] = {}
        self.initialized = self.shut_down = False
        self.snippets = False
        """True if the editor fills in the holes of a snippet."""
        self.watches = False
        """True if the editor can be asked to tell of files that change on disk."""
        self._project = project
        self._workspace: Workspace | None = None
        self.requests: dict[str, Callable[[Params], object]] = {
            "initialize": self._initialize,
            "shutdown": self._shutdown,
            "textDocument/formatting": self._formatting,
            "textDocument/rangeFormatting": self._range_formatting,
            "textDocument/documentSymbol": self._symbols,
            "textDocument/foldingRange": self._folds,
            "textDocument/codeAction": self._actions,
            "textDocument/references": self._references,
            "textDocument/rename": self._rename,
            "textDocument/completion": self._completion,
            "textDocument/semanticTokens/full": self._tokens,
            "textDocument/semanticTokens/range": self._tokens,
            "textDocument/inlayHint": self._hints,
            "textDocument/codeLens": self._lenses,
            "callHierarchy/incomingCalls": self._incoming,
            "callHierarchy/outgoingCalls": self._outgoing,
            "workspace/symbol": self._workspace_symbols,
        }
        self.notifications: dict[str, Callable[[Params], None]] = {
            "initialized": self._watch,
            "textDocument/didOpen": self._opened,
            "textDocument/didChange": self._changed,
            "textDocument/didSave": self._saved,
            "textDocument/didClose": self._closed,
            "workspace/didChangeWatchedFiles": self._watched,
            "workspace/didChangeConfiguration": self._configured,
            "workspace/didChangeWorkspaceFolders": self._folders_changed,
        }

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            from cogc.lsp.workspace import Workspace

            self._workspace = Workspace(self._read, self._project)
            self._workspace.folders = self.folders
        return self._workspace

    def run(self) -> int:
        """Serve until the editor ends the session. Return the exit code that the protocol wants."""
        while not self.channel.ended:
            message = self.channel.next(wait=not self.stale)
            if message is None:
                self._analyse_next()
            elif message.get("method") == "exit":
                break
            else:
                self.handle(message)
        if not self.shut_down:
            sys.stderr.write("cogc: the editor has gone without `shutdown`\n")
        return 0 if self.shut_down else 1

    # ---- messages --------------------------------------------------------------------------------------------

    def handle(self, message: rpc.Message) -> None:
        method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
        if "id" not in message:
            handler = self.notifications.get(str(method))
            if handler is not None and self.initialized:
                self._noticed(handler, params)
            return
        if method is None:  # the answer to our only request, which changes nothing
            return
        if id in self.channel.cancelled:
            self.channel.cancelled.discard(id)
            self.channel.error(id, rpc.CANCELLED, "cancelled")
            return
        try:
            self.channel.result(id, self._answer(str(method), params))
        except rpc.Failure as failure:
            self.channel.error(id, failure.code, str(failure))

    def _answer(self, method: str, params: Params) -> object:
        if self.shut_down:
            raise rpc.Failure(rpc.INVALID_REQUEST, "the server is shut down")
        if method != "initialize" and not self.initialized:
            raise rpc.Failure(rpc.NOT_INITIALIZED, "`initialize` comes first")
        try:
            handler = self.requests.get(method)
            return self._at(method, params) if handler is None else handler(params)
        except _MISFITS as error:
            raise rpc.Failure(rpc.INVALID_PARAMS, f"{method}: {type(error).__name__}: {error}") from error
        except (AssertionError, RecursionError) as error:  # the session goes on
            raise rpc.Failure(rpc.INTERNAL_ERROR, f"{method}: {type(error).__name__}: {error}") from error

    def _noticed(self, handler: Callable[[Params], None], params: Params) -> None:
        try:
            handler(params)
        except _MISFITS as error:
            self.channel.notify(
                "window/logMessage", {"type": 1, "message": f"a notification is not understood: {error}"}
            )

    def _initialize(self, params: Params) -> object:
        if self.initialized:
            raise rpc.Failure(rpc.INVALID_REQUEST, "`initialize` comes once")
        folders = [f["uri"] for f in params.get("workspaceFolders") or ()]
        root = params.get("rootUri")
        paths = [path_of(uri) for uri in folders or ([root] if root else ())]
        self.snippets = _can(params, "textDocument", "completion", "completionItem", "snippetSupport")
        self.watches = _can(params, "workspace", "didChangeWatchedFiles", "dynamicRegistration")
        editor = params.get("processId")
        if isinstance(editor, int):
            self.channel.follow(editor)
        self.folders += dict.fromkeys(paths)
        self.initialized = True
        from cogc.lsp.legend import LEGEND

        tokens = {"semanticTokensProvider": {"legend": LEGEND, "full": True, "range": True}}
        options = params.get("initializationOptions")
        lenses: dict[str, object] = (
            {"codeLensProvider": {}} if isinstance(options, dict) and options.get("lenses") else {}
        )
        return {
            "capabilities": {**_CAPABILITIES, **tokens, **lenses},
            "serverInfo": {"name": "cogc", "version": __version__},
        }

    def _shutdown(self, params: Params) -> None:
        self.shut_down = True

    def _watch(self, params: Params) -> None:
        """Ask the editor to tell of files that change on disk: a spec may name any file, and a folder."""
        if self.watches:
            options = {"watchers": [{"globPattern": "**/*"}]}
            asked = {"id": "watch", "method": "workspace/didChangeWatchedFiles", "registerOptions": options}
            self.channel.request("watch", "client/registerCapability", {"registrations": [asked]})

    # ---- texts -----------------------------------------------------------------------------------------------

    def _opened(self, params: Params) -> None:
        given = params["textDocument"]
        document = Document(given["uri"], given.get("version"), given["text"])
        self.documents[document.path] = document
        self._touch(document.path)

    def _changed(self, params: Params) -> None:
        document = self._document(params)
        for change in params["contentChanges"]:
            document.change(change)
        document.version = params["textDocument"].get("version")
        self._touch(document.path)

    def _saved(self, params: Params) -> None:
        self._touch(path_of(params["textDocument"]["uri"]))

    def _watched(self, params: Params) -> None:
        """Take note of files that have changed on disk, those of the settings among them."""
        for change in params["changes"]:
            path = path_of(change["uri"])
            holds = any(opened.startswith(path + os.sep) for opened in self.documents)  # a folder, with its settings
            if holds or os.path.basename(path) in ("cogc.toml", "pyproject.toml"):
                self._configured(params)
            self._touch(path)

    def _configured(self, params: Params) -> None:
        self.workspace.forget()
        self.stale.update(dict.fromkeys(self.documents))

    def _folders_changed(self, params: Params) -> None:
        event = params["event"]
        gone = {path_of(f["uri"]) for f in event.get("removed", ())}
        self.folders[:] = [f for f in self.folders if f not in gone]
        self.folders += [p for f in event.get("added", ()) if (p := path_of(f["uri"])) not in self.folders]

    def _closed(self, params: Params) -> None:
        path = path_of(params["textDocument"]["uri"])
        document = self.documents.pop(path, None)
        for table in (self.stale, self.found, self.reached):
            table.pop(path, None)
        if document is not None:
            self.channel.notify("textDocument/publishDiagnostics", {"uri": document.uri, "diagnostics": []})
        self._touch(path)

    def _touch(self, path: str) -> None:
        """Make those open files stale whose analysis has to do with a file, or with one in a folder."""
        below = path + os.sep
        for other in self.documents:
            reached = self.reached.get(other, ())
            if other == path or path in reached or any(name.startswith(below) for name in reached):
                self.stale[other] = None

    def _document(self, params: Params) -> Document:
        document = self.documents.get(path_of(params["textDocument"]["uri"]))
        if document is None:
            raise ValueError("the file is not open")
        return document

    def _read(self, path: str) -> bytes:
        """Return an open text, else the bytes of the file."""
        document = self.documents.get(os.path.normpath(path))
        return read(path) if document is None else document.text.encode("utf-8", "replace")

    # ---- diagnostics -----------------------------------------------------------------------------------------

    def _analyse_next(self) -> None:
        """Analyse a stale file. A mistake of cogc itself in this is shown to the user, and the session goes on."""
        path = next(iter(self.stale), None)
        try:
            self.analyse_one()
        except Exception as error:
            message = f"cogc could not check {path}, which is a mistake of cogc: {type(error).__name__}: {error}"
            self.channel.notify("window/showMessage", {"type": 1, "message": message})

    def analyse_one(self) -> None:
        path = next(iter(self.stale), None)
        if path is None:
            return
        from cogc.lsp import answers

        del self.stale[path]
        analysis = self.workspace.analysis(path)
        self.found[path] = analysis.diagnostics
        self.reached[path] = set(analysis.read)
        document = self.documents[path]
        given: dict[str, object] = {"uri": document.uri, "diagnostics": [answers.shown(d) for d in self.found[path]]}
        if document.version is not None:
            given["version"] = document.version
        self.channel.notify("textDocument/publishDiagnostics", given)

    def _actions(self, params: Params) -> list[object]:
        """Return the edits of the diagnostics that a range touches."""
        from cogc.lsp import answers

        document = self._document(params)
        if document.path in self.stale:
            self._analyse_one_of(document.path)
        return answers.actions(self.found.get(document.path, []), params["range"])

    def _analyse_one_of(self, path: str) -> None:
        """Analyse one stale file before the others."""
        others = {p: None for p in self.stale if p != path}
        self.stale = {path: None, **others}
        self.analyse_one()

    # ---- names -----------------------------------------------------------------------------------------------

    def _at(self, method: str, params: Params) -> object:
        """Answer a request about a place of a text."""
        from cogc.lsp.asked import AT

        if method not in AT:
            raise rpc.Failure(rpc.METHOD_NOT_FOUND, f"`{method}` is not known here")
        document, at = self._place(params)
        return AT[method](self.workspace, document.path, at)

    def _place(self, params: Params) -> tuple[Document, int]:
        document = self._document(params)
        return document, offset(document.source(), params["position"])

    def _references(self, params: Params) -> object:
        from cogc.lsp import navigation

        document, at = self._place(params)
        declaration = bool(params.get("context", {}).get("includeDeclaration"))
        return navigation.references(self.workspace, document.path, at, declaration)

    def _completion(self, params: Params) -> object:
        from cogc.lsp import completion

        document, at = self._place(params)
        return completion.completion(self.workspace, document.path, at, self.snippets)

    def _rename(self, params: Params) -> object:
        from cogc.lsp import navigation

        document, at = self._place(params)
        return navigation.rename(self.workspace, document.path, at, str(params["newName"]))

    def _workspace_symbols(self, params: Params) -> object:
        from cogc.lsp import navigation

        return navigation.workspace_symbols(self.workspace, list(self.documents), str(params.get("query", "")))

    # ---- marks in a text, who hears whom -----------------------------------------------------------------------

    def _tokens(self, params: Params) -> object:
        from cogc.lsp import hints

        return hints.semantic_tokens(self.workspace, self._document(params).path, params.get("range"))

    def _hints(self, params: Params) -> object:
        from cogc.lsp import hints

        return hints.inlay_hints(self.workspace, self._document(params).path, params["range"])

    def _lenses(self, params: Params) -> object:
        from cogc.lsp import hints

        return hints.code_lenses(self.workspace, self._document(params).path)

    def _incoming(self, params: Params) -> object:
        from cogc.lsp import calls

        return calls.incoming(self.workspace, params["item"])

    def _outgoing(self, params: Params) -> object:
        from cogc.lsp import calls

        return calls.outgoing(self.workspace, params["item"])

    # ---- texts as a whole ------------------------------------------------------------------------------------

    def _formatting(self, params: Params) -> object:
        from cogc.lsp import answers

        return answers.formatting(self._document(params).source())

    def _range_formatting(self, params: Params) -> object:
        from cogc.lsp import answers

        return answers.range_formatting(self._document(params).source(), params["range"])

    def _symbols(self, params: Params) -> object:
        from cogc.lsp import answers

        return answers.symbols(self._document(params).source())

    def _folds(self, params: Params) -> object:
        from cogc.lsp import answers

        return answers.folds(self._document(params).source())
