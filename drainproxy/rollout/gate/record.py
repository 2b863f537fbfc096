"""What the record of migrations allows: the deploy of the new code, and the rollback to the old."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from drainproxy.extras import install_hint
from drainproxy.rollout.migration.decide import CONTRACT_AFTER, Direction, MigrationVerdict, decide
from drainproxy.rollout.migration.state import Damaged, State
from drainproxy.rollout.migration.store import Store

# RFC 1123, as names of namespaces are: it stands in a path of the API server.
_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class MigrationQuestion(Struct, frozen=True):
    """About an app: may code of schema `version` be deployed, and code of `previous` come back?
    Without a `namespace` (None) it is that of the credentials."""

    app: str
    namespace: str | None = ""
    version: int | None = None
    previous: int | None = None


class Answers(Struct, frozen=True):
    """To the parts of a question; None to what was not asked."""

    deploy: MigrationVerdict | None
    rollback: MigrationVerdict | None


class RecordSource(Struct, frozen=True):
    """Where records are: in a file, or in ConfigMaps of the namespace that is asked about."""

    file: Path | None = None
    contract_after: timedelta = CONTRACT_AFTER

    def load(self, question: MigrationQuestion) -> State | Damaged | None:
        """What is recorded of the app. Nothing is raised; it waits for the API server."""
        try:
            store = self._store(question.namespace)
            try:
                return store.load(question.app).state
            finally:
                store.close()
        except ImportError as error:
            return Damaged(f"the record needs {error.name}: {install_hint('kube')}")
        except ValueError as error:
            return Damaged(str(error))

    def answers(
        self, question: MigrationQuestion, state: State | Damaged | None, now: datetime
    ) -> Answers:
        """What is recorded decides; a hold where it cannot be read."""
        asked: Sequence[tuple[Direction, int | None]] = (
            ("deploy", question.version),
            ("rollback", question.previous),
        )
        return Answers(
            *(
                None if version is None else decide(state, to, version, now, self.contract_after)
                for to, version in asked
            )
        )

    def _store(self, namespace: str | None) -> Store:
        if self.file is not None:
            from drainproxy.rollout.migration.store_file import FileStore

            return FileStore(self.file)
        from drainproxy.rollout.migration.store_configmap import ConfigMapStore

        if namespace is not None and not _NAMESPACE.fullmatch(namespace):
            raise ValueError(f"the record is in a namespace, and {namespace!r} is none")
        return ConfigMapStore(namespace)
