"""Records in ConfigMaps of a namespace, and the schema floors that admission compares with.

One ConfigMap per app holds its record; the API server refuses the second of two concurrent writers
by resourceVersion. One more for all apps holds the contracted versions, `app: "7"`: the parameter
of deploy/policy/schema-floor.yaml. It is derived from the records, written after them, and only
ever raised.
"""

import re
from typing import Any, Final

from .state import Damaged, State, read, write
from .store import Conflict, Loaded, StoreError

FLOORS: Final = "drainproxy-schema-floors"
PREFIX: Final = "drainproxy-migration-"

_LABELS: Final = {"app.kubernetes.io/managed-by": "drainproxy"}
# Other apps write the floors too, each its own: who comes too late looks again.
_ATTEMPTS: Final = 10

_NOT_FOUND, _CONFLICT = 404, 409
_FLOOR = re.compile(r"[0-9]{1,9}")


class ConfigMapStore:
    """The records in `namespace`, by default that of the credentials (needs lightkube).

    Whatever goes wrong with the cluster or the credentials is found out by `load`.
    """

    def __init__(self, namespace: str | None = None, client: Any = None) -> None:
        self._namespace = namespace
        self._connected = client

    def load(self, app: str) -> Loaded:
        """The record of `app`."""
        try:
            stored, floors = self._get(PREFIX + app), self._get(FLOORS)
        except StoreError as error:
            return Loaded(Damaged(str(error)))
        state = read(stored.data or {}) if stored else None
        floor = _text(floors, app)
        loaded = _contradiction(state, floor, app) or state
        return Loaded(loaded, (stored, floor), _lost_floor(loaded, floor, app))

    def save(self, app: str, loaded: Loaded, state: State) -> None:
        """Put `state` in the place of `loaded`; StoreError if that is not surely done."""
        stored = loaded.stamp[0]
        data = {name: str(value) for name, value in write(state).items()}
        if not self._put(PREFIX + app, stored, data):
            raise Conflict(f"somebody else has written the ConfigMap {PREFIX}{app}")
        if state.floor is not None:
            self._raise_floor(app, state.floor)

    def close(self) -> None:
        """End the connections to the API server."""
        if self._connected is not None:
            self._connected.close()

    def _raise_floor(self, app: str, floor: int) -> None:
        for _ in range(_ATTEMPTS):
            stored = self._get(FLOORS)
            data = dict((stored.data if stored else None) or {})
            known = _number(data.get(app))
            if known is not None and known >= floor:
                return
            if self._put(FLOORS, stored, data | {app: str(floor)}):
                return
        raise StoreError(
            f"the record of {app} is written, but the ConfigMap {FLOORS} is not: others write it"
            " all the time. Run the same command again"
        )

    def _get(self, name: str) -> Any:
        """The ConfigMap, or None if there is none."""
        from lightkube.core.exceptions import ApiError
        from lightkube.resources.core_v1 import ConfigMap

        try:
            return self._client().get(ConfigMap, name, namespace=self._namespace)
        except ApiError as error:
            if error.status.code == _NOT_FOUND:
                return None
            raise _failure(f"the ConfigMap {name} cannot be read", error) from None
        except Exception as error:  # of the network, TLS or the answer: lightkube wraps none
            raise _failure(f"the ConfigMap {name} cannot be read", error) from None

    def _put(self, name: str, stored: Any, data: dict[str, str]) -> bool:
        """Whether it was created, or replaced as it was read; if not, somebody else has done so."""
        from lightkube.core.exceptions import ApiError
        from lightkube.models.meta_v1 import ObjectMeta
        from lightkube.resources.core_v1 import ConfigMap

        try:
            if stored is None:
                metadata = ObjectMeta(name=name, namespace=self._namespace, labels=_LABELS)
                self._client().create(ConfigMap(metadata=metadata, data=data))
            else:
                stored.data = data
                self._client().replace(stored)
        except ApiError as error:
            if error.status.code == _CONFLICT:
                return False
            raise _failure(f"the ConfigMap {name} cannot be written", error) from None
        except Exception as error:  # as above; it may have been written all the same
            raise _failure(f"it is unknown whether {name} was written", error) from None
        return True

    def _client(self) -> Any:
        if self._connected is None:
            from lightkube import Client

            self._connected = Client(namespace=self._namespace)
        if self._namespace is None:
            self._namespace = self._connected.namespace
        return self._connected


def _text(stored: Any, key: str) -> str | None:
    return (stored.data or {}).get(key) if stored else None


def _contradiction(state: State | Damaged | None, floor: str | None, app: str) -> Damaged | None:
    """Where the floors know more than the record, somebody has edited or lost one of them.

    That they know less damages no record (`_lost_floor`).
    """
    if floor is None or isinstance(state, Damaged):
        return None
    number = _number(floor)
    if number is None:
        return Damaged(f"the ConfigMap {FLOORS} is corrupt: {app} is {floor[:20]!r}, no version")
    recorded = state.floor if state else None
    if recorded is None or number > recorded:
        return Damaged(
            f"the ConfigMap {FLOORS} says that schema {number} of {app} is contracted, its record"
            f" {f'says {recorded}' if state else 'is missing'}: one of them was changed or lost"
        )
    return None


def _lost_floor(state: State | Damaged | None, floor: str | None, app: str) -> str:
    """What the floors do not say and admission would need to know; empty if they say it.

    A writer who was interrupted leaves that behind, and whoever has deleted the ConfigMap: the next
    write mends it.
    """
    if not isinstance(state, State) or state.floor is None:
        return ""
    number = _number(floor)
    if number is not None and number >= state.floor:
        return ""
    return (
        f"schema {state.floor} of {app} is contracted, but the ConfigMap {FLOORS}"
        f" {'does not name it' if number is None else f'says {number}'}: the API server lets older"
        " code pass. What writes the record writes it again: repeat the last `begin` or `complete`"
    )


def _number(text: str | None) -> int | None:
    """A floor as the policy reads it."""
    return int(text) if text and _FLOOR.fullmatch(text) else None


def _failure(what: str, error: Exception) -> StoreError:
    return StoreError(f"{what}: {str(error) or type(error).__name__}")
