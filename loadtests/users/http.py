"""Short requests on a keep-alive connection, and now and then a slow download."""

from uuid import uuid4

from locust import between, task
from locust.contrib.fasthttp import FastHttpUser

from loadtests.users.patient import PatientUser


class HttpUser(PatientUser, FastHttpUser):
    """Its requests are POSTs where they can be: the client library would send a GET again."""

    weight = 5
    wait_time = between(0.05, 0.15)
    max_retries = 0
    concurrency = 1
    network_timeout = connection_timeout = 10.0
    SIZE = 65_536

    @task(50)
    def echo(self) -> None:
        """A question that the app thinks about for 20 ms."""
        question = uuid4().hex
        with self.client.post(
            "/echo?seconds=0.02", data=question, name="/echo", catch_response=True
        ) as answer:
            if answer.text != question:
                answer.failure("no answer, or somebody else's")

    @task(1)
    def download(self) -> None:
        """64 KiB in a second."""
        with self.client.get(
            f"/download?size={self.SIZE}&seconds=1", name="/download", catch_response=True
        ) as answer:
            if len(answer.content or b"") != self.SIZE:
                answer.failure("not whole")
