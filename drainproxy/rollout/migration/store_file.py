"""Records in a JSON file that several apps and processes may share.

A writer holds a lock, compares the record with the one it has read, and replaces the file
atomically after it is on disk: a reader sees the old file or the new one, whole.
"""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import msgspec
from msgspec import Raw, Struct

from .state import Damaged, State, read, write
from .store import Conflict, Loaded, StoreError

# Seconds. Whoever has the lock needs milliseconds.
_PATIENCE = 5.0
_POLL = 0.01


class _File(Struct, forbid_unknown_fields=True):
    """Records by app, each as its text: one that is corrupt is no reason to doubt the others."""

    apps: dict[str, Raw]


class FileStore:
    """The records in one file; a link is followed. Beside it lies its lock, FILE.lock."""

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        self._path = Path(os.path.realpath(path))
        self._patience = patience

    def load(self, app: str) -> Loaded:
        """The record of `app`."""
        try:
            file = self._read()
        except StoreError as error:
            return Loaded(Damaged(str(error)))
        if file is None or app not in file.apps:
            return Loaded(None)
        try:
            return Loaded(read(msgspec.json.decode(file.apps[app])))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return Loaded(Damaged(f"{self._path}: the record of {app} is corrupt: {error}"))

    def save(self, app: str, loaded: Loaded, state: State) -> None:
        """Put `state` in the place of `loaded`; StoreError if that is not surely done."""
        try:
            with self._locked():
                if self.load(app) != loaded:
                    raise Conflict(f"{self._path}: somebody else has written the record of {app}")
                file = self._read() or _File({})
                file.apps[app] = Raw(msgspec.json.encode(write(state)))
                self._replace(msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written: {_why(error)}") from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _read(self) -> _File | None:
        """None if there is no file."""
        try:
            mode = self._path.stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                # A pipe or a device may never end, nor can it be replaced.
                raise StoreError(f"{self._path}: is no regular file")
            text = self._path.read_bytes()
            found = msgspec.json.decode(text, type=_File)
            json.loads(text, object_pairs_hook=_without_doubles)
            return found
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be read: {_why(error)}") from None
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise StoreError(f"{self._path}: is corrupt: {error}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock is on a file of its own, since the other one is replaced."""
        deadline = monotonic() + self._patience
        with open(f"{self._path}.lock", "ab") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if monotonic() > deadline:
                        raise Conflict(
                            f"{self._path}: somebody else has held {lock.name} for"
                            f" {self._patience:g} s"
                        ) from None
                    sleep(_POLL)
            yield

    def _replace(self, data: bytes) -> None:
        folder = self._path.parent
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".drainproxy-", delete=False) as new:
            try:
                os.fchmod(new.fileno(), self._mode())
                new.write(data)
                new.flush()
                os.fsync(new.fileno())
                os.replace(new.name, self._path)
            except BaseException:
                os.unlink(new.name)
                raise
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _mode(self) -> int:
        try:
            return self._path.stat().st_mode & 0o777
        except FileNotFoundError:
            return 0o644


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON; of two equal keys each reader would take another one."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
