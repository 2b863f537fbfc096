"""So much of the Kubernetes API as ConfigMaps need, with resourceVersions that it insists on."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Object = dict[str, Any]
Answer = tuple[int, Object]


class ApiServer:
    """ConfigMaps by namespace and name. `before` is called with the method and path of a request,
    before it is looked at; what it returns is answered in its place."""

    objects: dict[tuple[str, str], Object]
    before: Callable[[str, str], Answer | None]

    def __init__(self) -> None:
        self.url = ""
        self._version = 0
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Nothing is there, and nobody disturbs."""
        self.objects = {}
        self.before = lambda method, path: None

    def put(self, namespace: str, name: str, data: dict[str, str]) -> None:
        """As somebody else would write it."""
        metadata = {"name": name, "namespace": namespace}
        with self._lock:
            self._store(namespace, {"metadata": metadata, "data": data})

    def data(self, namespace: str, name: str) -> dict[str, str] | None:
        found = self.objects.get((namespace, name))
        return found["data"] if found else None

    def answer(self, method: str, path: str, body: Object) -> Answer:
        """The status and the object, or the Status."""
        if (given := self.before(method, path)) is not None:
            return given
        # /api/v1/namespaces/NAMESPACE/configmaps[/NAME]
        _, _, _, _, namespace, kind, *rest = path.partition("?")[0].split("/")
        assert kind == "configmaps"
        with self._lock:
            if method == "POST":
                if (namespace, body["metadata"]["name"]) in self.objects:
                    return status(409, "AlreadyExists")
                return 201, self._store(namespace, body)
            found = self.objects.get((namespace, rest[0]))
            if found is None:
                return status(404, "NotFound")
            if method == "GET":
                return 200, found
            sent = body["metadata"].get("resourceVersion")
            if sent != found["metadata"]["resourceVersion"]:
                return status(409, "Conflict")
            return 200, self._store(namespace, body)

    def _store(self, namespace: str, thing: Object) -> Object:
        self._version += 1
        metadata = thing["metadata"] | {
            "namespace": namespace,
            "resourceVersion": str(self._version),
        }
        kept = {"apiVersion": "v1", "kind": "ConfigMap", **thing, "metadata": metadata}
        self.objects[namespace, metadata["name"]] = kept
        return kept

    def kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """A file that leads here."""
        # It speaks no TLS, and to load authorities that nobody asks takes longer than to ask it.
        server = {"server": self.url, "insecure-skip-tls-verify": True}
        context = {"cluster": "c", "user": "u", "namespace": namespace}
        config = {
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": server}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": context}],
        }
        path.write_text(json.dumps(config))
        return path


def status(code: int, reason: str) -> Answer:
    return code, {"kind": "Status", "code": code, "reason": reason, "message": f"it is {reason}"}


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """One that runs, on a port of its own."""
    api = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one segment: in two, the second waits for an acknowledgement.
        wbufsize = 1 << 16

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            code, thing = api.answer(self.command, self.path, body)
            data = json.dumps(thing).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_GET

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
