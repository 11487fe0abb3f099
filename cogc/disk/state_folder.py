"""The place of what is cogc's own: one state folder for each project, outside of all that agents write to.

A *project* is the git repository that the spec lies in, or else the folder that holds the spec. Its state folder is `$XDG_STATE_HOME/cogc/NAME-HASH` (`~/.local/state` where
the variable is not set): NAME is the project's, HASH follows from its real path, so that two clones share nothing.
`--state DIR` and `COGC_STATE` name another folder.

Folders are made with the mode 0700 and files with 0600, whatever the umask. A state folder of another user is refused, and
one that others may enter is tightened. `OwnFiles` says what must be hidden where a command is held in a sandbox.

The file `project` in a state folder records whose it is, so that a project that was moved can be told where its state is. The
file `used-from` has the folders outside of the project from which it was run.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

try:
    from _blake2 import blake2b  # that of hashlib, which loads OpenSSL: as slow as the check of a small file
except ImportError:
    from hashlib import blake2b

from cogc.disk.private import home, touch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    _Record = tuple[str, int, int]

FORMER = ".cogc"
"""The folder of the working directory in which earlier versions kept their state."""
_FORMER = ("runs", "instances", "plans.db", "setts", "queue.db", "questions")
_RECORD = "project"
_USES = "used-from"
_IGNORE, _ALL = ".gitignore", "*\n"
_KEPT = (*_FORMER, "plans", "runtimes", "tests", _RECORD, _USES, _IGNORE)
"""The names of all that a state folder holds. SQLite adds to those of its files (`plans.db-wal`), and a draft has a number behind its name."""
_ADDED = tuple(f"{name}{mark}" for name in _KEPT for mark in ("-", "."))
_MOST_USES = 20
_NAME = 24


class StateFolder:
    """The state folder of one project. It is made when something is first kept in it.

    `project` is empty where the user has named the folder. `say` is handed what the user should know.
    """

    __slots__ = ("path", "project", "say")

    def __init__(self, path: str, project: str = "", say: Callable[[str], object] | None = None) -> None:
        self.path = path
        self.project = project
        self.say = say or _to_stderr

    @property
    def exists(self) -> bool:
        return os.path.isdir(self.path)

    def at(self, *parts: str) -> str:
        """Return a path in the folder, whether it is there or not."""
        return os.path.join(self.path, *parts)

    def make(self, *parts: str) -> str:
        """Return a folder in the state folder, made with all that leads there. OSError if it cannot be, or is not ours."""
        if not self.exists:
            news = self.news()
            _make_private(self.path)
            for line in news:
                self.say(line)
        _own(self.path)
        if not os.path.exists(self.at(_IGNORE)):
            _write(self.at(_IGNORE), _ALL)
        self._record()
        self._note_use()
        place = self.path
        for part in parts:
            place = os.path.join(place, part)
            _make_private(place)
        return place

    def file(self, *parts: str) -> str:
        """Return the path of a file in the state folder; its folder is made."""
        return os.path.join(self.make(*parts[:-1]), parts[-1])

    def news(self) -> list[str]:
        """Return what the user should know about a project that has no state folder yet: where older state of it lies."""
        import shlex  # needed where there is something to say, and not by a check

        found = [
            f"this project was moved from `{old}`; its state is in {place}, and is taken over by "
            f"`cogc where --take-over {shlex.quote(place)}`"
            for old, place in self._moved()
        ]
        found += [
            f"the state of this project is kept apart from that of `{above}`, which is in {place}"
            for above, place in self._above()
        ]
        for former in self._former():
            found.append(
                f"`{former}` has the state of an earlier version, and is not read any more; it is taken over by "
                f"`cogc where --take-over {shlex.quote(former)}`"
            )
        return found

    def take_over(self, folder: str) -> list[str]:
        """Move the state in a folder into the state folder; return the names. FileExistsError for what is there already, ValueError
        if the folder holds anything that is no state of cogc: nothing is moved then."""
        import shutil  # needed by this one alone, and slow to import

        found = sorted(os.listdir(folder))
        foreign = [n for n in found if n not in _KEPT and not n.startswith(_ADDED)]
        if foreign:
            more = f" and {len(foreign) - 1:,} more" if len(foreign) > 1 else ""
            raise ValueError(f"it holds `{foreign[0]}`{more}, which is no state of cogc")
        if os.path.basename(os.path.realpath(folder)) != FORMER and _RECORD not in found and not _is_ignored(folder):
            raise ValueError(f"cogc has not made it: it has no file `{_RECORD}`")
        names = [n for n in found if n not in (_RECORD, _IGNORE)]
        self.make()
        for name in names:
            if os.path.lexists(self.at(name)):
                raise FileExistsError(errno.EEXIST, "it is in the state folder already", name)
        for name in names:
            _tighten(os.path.join(folder, name))
            shutil.move(os.path.join(folder, name), self.at(name))
        return names

    def _record(self) -> None:
        """Write down whose state this is, unless it is written there."""
        found = _identity(self.project)
        if found is not None and _recorded(self.path) != (self.project, *found):
            _write(self.at(_RECORD), f"{found[0]} {found[1]} {self.project}")

    def _note_use(self) -> None:
        """Write down the working directory, if it is outside of the project."""
        where = os.path.realpath(".")
        if not self.project or where == self.project or inside(where, self.project) or where in self.used_from():
            return
        _write(self.at(_USES), "\0".join([*self.used_from()[-_MOST_USES:], where]))

    def used_from(self) -> list[str]:
        """Return the folders outside of the project from which it was run."""
        try:
            with open(self.at(_USES), encoding="utf-8", errors="surrogateescape", newline="") as file:
                return file.read().split("\0")
        except OSError:
            return []

    def _above(self) -> Iterator[tuple[str, str]]:
        """Yield the projects that this one lies in, and their state folders: it may have been a part of one."""
        for place, (project, *_) in _records():
            if inside(self.project, project):
                yield project, place

    def _moved(self) -> Iterator[tuple[str, str]]:
        """Yield the former path of this project and its state folder, where the very folder was elsewhere before."""
        found = _identity(self.project)
        for place, (project, *identity) in _records():
            if tuple(identity) == found and place != self.path and _has_older(self.project, place):
                yield project, place

    def _former(self) -> Iterator[str]:
        """Yield the folders of an earlier version: in the project, and in the working directory."""
        seen = set()
        for folder in (self.project or ".", "."):
            place = os.path.realpath(os.path.join(folder, FORMER))
            if place not in seen and place != os.path.realpath(self.path):
                seen.add(place)
                if any(os.path.exists(os.path.join(place, name)) for name in _FORMER):
                    yield place


class OwnFiles:
    """The files that are cogc's own, and must not be seen in a sandbox: the state folder, and files that the user has named (`files`)."""

    __slots__ = ("files", "state")

    def __init__(self, state: StateFolder | None = None, files: Sequence[str] = ()) -> None:
        self.state = state
        self.files = tuple(os.path.realpath(f) for f in files)

    def inside(self, folder: str) -> list[str]:
        """Return what of it lies in a folder now, as real paths: folders first. `folder` is a real path, too."""
        known = {os.path.realpath(p) for p in (base(), FORMER, os.path.join(folder, FORMER))}
        if self.state is not None:
            known.add(os.path.realpath(self.state.path))
        folders: list[str] = []
        for path in sorted(known):
            if os.path.isdir(path) and inside(path, folder) and not any(inside(path, other) for other in folders):
                folders.append(path)
        files = [f + end for f in self.files for end in ("", "-wal", "-shm", "-journal")]
        apart = [f for f in files if inside(f, folder) and not any(inside(f, other) for other in folders)]
        return folders + [f for f in apart if os.path.isfile(f)]

    def beside(self, folder: str) -> StateFolder:
        """Return the state folder for what a file of a folder declares: that of the run if it was named, else the folder's own."""
        if self.state is not None and not self.state.project:
            return self.state
        return of_project(_project_of(os.path.realpath(folder or ".")))

    def value(self) -> dict[str, object]:
        """Return it as JSON, for another process of the run."""
        state = self.state
        return {"state": None if state is None else [state.path, state.project], "files": list(self.files)}

    @classmethod
    def of_value(cls, value: Any) -> OwnFiles:
        """Return what another process has written."""
        found = value or {"state": None, "files": []}
        return cls(None if found["state"] is None else StateFolder(*found["state"]), found["files"])

    def and_files(self, files: Sequence[str]) -> OwnFiles:
        """Return the same with more files."""
        return OwnFiles(self.state, (*self.files, *files))


def of_spec(spec: str, given: str | None = None) -> StateFolder:
    """Return the state folder of the project that a spec belongs to; `given` is that of the command line."""
    return _named(given) or of_project(_project_of(os.path.realpath(os.path.dirname(os.path.abspath(spec)))))


def here(given: str | None = None) -> StateFolder:
    """Return the state folder of the project that the working directory belongs to."""
    return _named(given) or of_project(_project_of(os.path.realpath(".")))


def near() -> list[StateFolder]:
    """Return the state folders of the projects below the working directory or run from it, by their paths."""
    top = os.path.realpath(".")
    known = [StateFolder(place, project) for place, (project, *_) in _records() if os.path.isdir(project)]
    return sorted((s for s in known if inside(s.project, top) or top in s.used_from()), key=lambda s: s.project)


def all_folders() -> list[StateFolder]:
    """Return the state folders of all projects of this user."""
    return [StateFolder(place, project) for place, (project, _, _) in _records()]


def _project_of(folder: str) -> str:
    """Return the git repository that a folder lies in, by its top, or else the folder itself."""
    place = folder
    while not os.path.lexists(os.path.join(place, ".git")):
        if place == os.path.dirname(place):
            return folder
        place = os.path.dirname(place)
    return place


def of_project(project: str) -> StateFolder:
    """Return the state folder of a project, by its real path."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in os.path.basename(project))
    digest = blake2b(os.fsencode(project), digest_size=6).hexdigest()
    return StateFolder(os.path.join(base(), f"{name.lstrip('.')[:_NAME] or 'root'}-{digest}"), project)


def base() -> str:
    """Return the folder in which the state folders of all projects lie."""
    top = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(top):  # a relative one is to be ignored, says the standard
        top = os.path.join(home(), ".local", "state")
    return os.path.join(top, "cogc")


def refuse_workspace(state: StateFolder, workspace: str) -> str:
    """Return what is wrong with a workspace: a state folder that it is, or lies in; nothing if all is well.

    Where the state lies in the workspace it is made, so that every sandbox can hide it.
    """
    place, top = os.path.realpath(workspace), os.path.realpath(base())
    for path in (os.path.realpath(state.path), top):
        if place == path or inside(place, path):
            return f"the workspace `{place}` lies in the state folder `{path}`, which no agent may see"
    if inside(top, place):
        _make_private(top)
    if inside(os.path.realpath(state.path), place):
        state.make()
        state.say(
            f"warning: the state folder {state.path} lies in the workspace; it is hidden from agents in a sandbox, "
            "and from those alone"
        )
    return ""


def inside(path: str, folder: str) -> bool:
    """Return whether a real path is below a folder."""
    return path.startswith(folder.rstrip("/") + "/")


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a file so that it appears with all of its text or not at all, and nobody else may read it."""
    _write(os.fspath(path), text, "strict")


def touch_database(path: str) -> str:
    """Make the file of a database of the mode 0600 unless it is there: SQLite gives its log the mode of its file."""
    if os.path.lexists(path):
        return path
    return touch(path)


# ---- folders and files of ours --------------------------------------------------------------------------------


def _named(given: str | None) -> StateFolder | None:
    found = given or os.environ.get("COGC_STATE")
    return StateFolder(os.path.abspath(found)) if found else None


def _make_private(path: str) -> None:
    """Make a folder, and those above it that are missing, with the mode 0700 whatever the umask."""
    missing = []
    while not os.path.isdir(path) and path not in ("", "/"):
        missing.append(path)
        path = os.path.dirname(path)
    for place in reversed(missing):
        try:
            os.mkdir(place, 0o700)
        except FileExistsError:
            if not os.path.isdir(place):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place) from None
        os.chmod(place, 0o700)


def _own(path: str) -> None:
    """Refuse a folder of another user (PermissionError), and close one that others may enter."""
    status = os.stat(path)
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "the state folder belongs to another user", path)
    if stat.S_IMODE(status.st_mode) != 0o700:
        os.chmod(path, 0o700)


def _is_ignored(folder: str) -> bool:
    """Return whether a folder tells git to ignore all of it, as a state folder does."""
    try:
        with open(os.path.join(folder, _IGNORE), encoding="utf-8") as file:
            return file.read(len(_ALL) + 1) == _ALL
    except (OSError, ValueError):
        return False


def _tighten(path: str) -> None:
    """Remove the permissions of all but the owner from a file, or from a folder and its contents."""
    if os.path.islink(path):
        return
    if not os.path.isdir(path):
        os.chmod(path, 0o600)
        return
    os.chmod(path, 0o700)
    for entry in os.scandir(path):
        _tighten(entry.path)


def _write(path: str, text: str, errors: str = "surrogateescape") -> None:
    """Write a file of the mode 0600, whole or not at all. OSError with its path if that cannot be done."""
    draft = f"{path}.{os.getpid()}"
    try:
        with open(touch(draft), "w", encoding="utf-8", errors=errors, newline="") as file:
            file.write(text)
        os.replace(draft, path)
    except OSError as error:  # that of a write names no file
        if os.path.isfile(draft):
            os.unlink(draft)
        raise OSError(error.errno, error.strerror, path) from None


def _identity(project: str) -> tuple[int, int] | None:
    """Return what stays of a folder when it is moved: its device and inode."""
    try:
        status = os.stat(project)
    except OSError:  # it is not there any more, or the user has named the state folder
        return None
    return status.st_dev, status.st_ino


def _has_older(project: str, place: str) -> bool:
    """Return whether a folder has entries that are older than the record of a state folder: the number of an inode is used
    again when a folder is removed, and the entries of one that was moved stay as they are."""
    recorded = os.stat(os.path.join(place, _RECORD)).st_mtime_ns
    with os.scandir(project) as entries:
        return any(e.stat(follow_symlinks=False).st_ctime_ns < recorded for e in entries)


def _records() -> Iterator[tuple[str, _Record]]:
    """Yield the state folders of this user's projects, and their records."""
    top = base()
    try:
        names = sorted(os.listdir(top))
    except OSError:
        return
    for name in names:
        found = _recorded(os.path.join(top, name))
        if found is not None:
            yield os.path.join(top, name), found


def _recorded(place: str) -> _Record | None:
    """Return the record of a state folder, or None if it has none that can be read."""
    try:
        with open(os.path.join(place, _RECORD), encoding="utf-8", errors="surrogateescape", newline="") as file:
            device, inode, project = file.read().split(" ", 2)
        return project, int(device), int(inode)
    except (OSError, ValueError):
        return None


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"cogc: {line}\n")
