"""An app behind one of the servers that read much as HTTP: `python -m tests.e2e.lenient_app SERVER
PORT` prints the path of each request that it serves."""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    print("served", environ["PATH_INFO"], flush=True)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def serve(server: str, port: int) -> None:
    """Until it is killed. Which server it is tells the module that has it."""
    module, address = import_module(server), ("127.0.0.1", port)
    if server == "cheroot.wsgi":
        module.Server(address, app).start()
    elif server == "eventlet.wsgi":
        module.server(import_module("eventlet").listen(address), app, log_output=False)
    elif server == "gevent.pywsgi":
        module.WSGIServer(address, app, log=None).serve_forever()
    elif server == "waitress":
        module.serve(app, host=address[0], port=port)
    else:
        import_module("logging").disable()
        module.run_simple(*address, app, threaded=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
