"""An app that tells each client where it comes from: `python -m tests.e2e.peer_app HOST PORT`."""

import socket
import sys


def main(host: str, port: str) -> None:
    """Until it is killed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, int(port)), family=family) as listener:
        while True:
            connection, peer = listener.accept()
            with connection:
                connection.sendall(f"{peer[0]}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
