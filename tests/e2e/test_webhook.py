"""The webhook as the API server meets it: a process, TLS, certificates that change, SIGTERM."""

import asyncio
import base64
import json
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from cryptography import x509

from drainproxy.kube.certificate_keeper import CONFIGURATIONS
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import Process, accepts, ask, started
from tests.kube.api import Api, beside, kubeconfig
from tests.kube.pods import IMAGE, pod, sidecar
from tests.kube.test_admission import patched, review
from tests.kube.tls import Authority, Pair

# Clients at once: some keep their connection, as the API server does, some make a new one for
# every review.
KEEPING, FRESH = 4, 4
# Of each client, between two reviews, in seconds.
PACE = 0.1


class Webhook:
    """A running `drainproxy webhook`."""

    def __init__(self, process: Process, port: int, observe: int, pair: Pair) -> None:
        self.process = process
        self.observe = observe
        self.pair = pair
        self.url = f"https://localhost:{port}"
        self._port = port
        self._trust = pair.authority.client()

    def client(self, keep: bool) -> ClientSession:
        """One that keeps its connection, or makes a new one each time."""
        return ClientSession(
            self.url, connector=TCPConnector(ssl=self._trust, force_close=not keep)
        )

    def serial(self) -> int:
        """The number of the certificate that it shows."""
        shown = ssl.get_server_certificate(("127.0.0.1", self._port))
        return x509.load_pem_x509_certificate(shown.encode()).serial_number


@contextmanager
def webhook(
    folder: Path, *arguments: str, stop_delay: str = "0s", env: dict[str, str] | None = None
) -> Iterator[Webhook]:
    """A webhook that is ready, and at the end of the block ends without a word of error."""
    pair = Authority().pair(folder)
    port, observe = free_ports(2)
    command = [
        *("drainproxy", "webhook", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key)),
        *("--listen", f"127.0.0.1:{port}", "--observe", f"127.0.0.1:{observe}"),
        *("--stop-delay", stop_delay, "--image", IMAGE, *arguments),
    ]
    with started(*command, ready=lambda: _is_ready(observe), env=env) as process:
        yield Webhook(process, port, observe, pair)
        assert process.stop() == 0, process.output
        assert "Traceback" not in process.output


def _is_ready(observe: int) -> bool:
    try:
        return ask(observe, "/readyz")[0] == 200
    except OSError:
        return False


class Load:
    """Reviews, one after the other, by all clients: how many were answered, and what failed."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook
        self.answered = 0
        self.failed: list[str] = []
        self.over = asyncio.Event()

    async def ask(self, keep: bool) -> None:
        """Until it is over."""
        body = review(pod())
        async with self._webhook.client(keep) as client:
            while not self.over.is_set():
                try:
                    async with client.post("/inject", data=body) as answer:
                        assert (await answer.json())["response"]["patch"]
                    self.answered += 1
                    await asyncio.sleep(PACE)
                except Exception as error:  # whatever it is, a pod has no sidecar
                    self.failed.append(repr(error))

    async def go_on(self) -> None:
        """Until fifty more are answered."""
        enough = self.answered + 50
        await self.until(lambda: self.answered >= enough)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Go on until then."""
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(happened):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


@asynccontextmanager
async def load(webhook: Webhook) -> AsyncIterator[Load]:
    """Reviews during the block; none may fail."""
    running = Load(webhook)
    async with asyncio.TaskGroup() as group:
        for keep in [True] * KEEPING + [False] * FRESH:
            group.create_task(running.ask(keep))
        try:
            yield running
        finally:
            running.over.set()
    assert running.failed == []


async def test_a_certificate_that_is_renewed_under_load_loses_no_review(tmp_path: Path) -> None:
    with webhook(tmp_path) as running:
        async with load(running) as busy:
            for _ in range(2):
                before = running.serial()
                running.pair.renew()
                await busy.until(lambda: running.serial() == running.pair.serial)
                assert running.serial() != before
                await busy.go_on()
        assert running.process.output.count("the certificate was reloaded") == 2


async def test_a_webhook_that_leaves_under_load_loses_no_review(tmp_path: Path) -> None:
    with webhook(tmp_path, stop_delay="60s") as running:
        async with load(running) as busy:
            await busy.go_on()
            running.process.send_signal(signal.SIGTERM)
            await busy.until(lambda: ask(running.observe, "/readyz")[0] == 503)
            await busy.go_on()
        # The API server has heard of it now, and asks another one. So it need not wait any longer.
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait() == 0


async def test_while_the_api_server_is_away_the_names_of_ports_decide_and_readiness_says_so(
    tmp_path: Path,
) -> None:
    (nobody,) = free_ports(1)
    env = {"KUBECONFIG": str(kubeconfig(tmp_path, f"http://127.0.0.1:{nobody}"))}
    with webhook(tmp_path, "--watch-services", "on", env=env) as running:
        async with running.client(keep=True) as client:
            answer = await client.post("/inject", data=review(pod()))
            after = patched(pod(), (await answer.json())["response"])
        assert [each["name"] for each in after["spec"]["initContainers"]] == ["drainproxy"]
        status, body = ask(running.observe, "/readyz")
        assert status == 200
        assert "cannot watch Services" in body["reason"]
        assert "ports are captured by their names" in body["reason"]
        failures = 'drainproxy_webhook_api_failures_total{resource="services"}'
        assert failures in ask(running.observe, "/metrics")[1]
        assert "cannot watch Services" in running.process.output


async def test_a_webhook_without_a_certificate_makes_one_that_the_api_server_trusts(
    tmp_path: Path,
) -> None:
    api = Api()
    api.put("/api/v1/namespaces/system/secrets", "tls")
    api.put("/api/v1/services", "web", "shop", spec={"selector": {"app": "web"}})
    api.put("/api/v1/namespaces", "shop")
    port, observe = free_ports(2)
    command = [
        *("drainproxy", "webhook", "--tls-secret", "system/tls", "--tls-host", "localhost"),
        *("--webhook-configuration", "ours", "--watch-services", "on", "--events", "on"),
        *("--image", "registry.example/drainproxy:1"),
        *("--listen", f"127.0.0.1:{port}", "--observe", f"127.0.0.1:{observe}"),
        *("--stop-delay", "0s"),
    ]
    with beside(api) as url:
        env = {"KUBECONFIG": str(kubeconfig(tmp_path, url))}
        with started(*command, ready=lambda: accepts(observe), env=env) as process:
            status, body = ask(observe, "/readyz")
            assert (status, "no certificate yet" in body["reason"]) == (503, True)
            hook = {"name": "pod.inject", "clientConfig": {}}
            api.put(CONFIGURATIONS, "ours", webhooks=[hook])
            process.until(lambda: ask(observe, "/readyz")[0] == 200)
            process.until(lambda: accepts(port))
            (hook,) = api.objects[CONFIGURATIONS]["/ours"]["webhooks"]
            trusted = base64.b64decode(hook["clientConfig"]["caBundle"]).decode()
            connector = TCPConnector(ssl=ssl.create_default_context(cadata=trusted))
            async with ClientSession(connector=connector) as client:
                url = f"https://localhost:{port}/inject"
                async with client.post(url, data=review(pod())) as answer:
                    assert sidecar(patched(pod(), (await answer.json())["response"]))
            assert process.stop() == 0, process.output
            assert "Traceback" not in process.output


@pytest.mark.parametrize("form", [pytest.param("text", marks=pytest.mark.slow), "json"])
async def test_a_pod_is_injected_as_the_defaults_say_and_the_log_tells(
    tmp_path: Path, form: str
) -> None:
    defaults = tmp_path / "defaults.yaml"
    defaults.write_text('drain-delay: 3s\ndrainproxy.io/cpu-request: "100m"\n')
    flags = ("--defaults", str(defaults), "--image", "r.example/d:7", "--log-format", form)
    with webhook(tmp_path, *flags) as running:
        async with running.client(keep=True) as client:
            answer = await client.post("/inject", data=review(pod()))
            after = patched(pod(), (await answer.json())["response"])
            assert (await client.post("/inject", data=b"{}")).status == 400

        assert sidecar(after)["image"] == "r.example/d:7"
        assert sidecar(after)["resources"]["requests"]["cpu"] == "100m"
        assert after["metadata"]["annotations"]["drainproxy.io/drain-delay"] == "3s"
        metrics = ask(running.observe, "/metrics")[1]
        assert 'drainproxy_webhook_reviews_total{outcome="injected"} 1.0' in metrics
        assert 'drainproxy_webhook_reviews_total{outcome="malformed"} 1.0' in metrics
        (line,) = (each for each in running.process.output.splitlines() if "injected" in each)
    if form == "json":
        assert json.loads(line)["namespace"] == "shop"
    else:
        assert "namespace=shop" in line
