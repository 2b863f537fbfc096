"""`locust -f loadtests/locustfile.py`: all users, and what they may lose. README.md says more."""

import sys
from pathlib import Path

# locust puts this folder on the path, not the one above.
sys.path.insert(0, str(Path(__file__).parents[1]))

import loadtests.thresholds  # noqa: F401 - listens to locust's events
from loadtests.users.grpc_calls import GrpcUser
from loadtests.users.http import HttpUser
from loadtests.users.sse import EventsUser
from loadtests.users.websocket import WebSocketUser

__all__ = ["EventsUser", "GrpcUser", "HttpUser", "WebSocketUser"]
