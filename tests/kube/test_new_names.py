"""The name that the app's port gets where the sidecar takes its own."""

from tests.kube.test_batch import DEPLOYMENT, POLICY, SERVICE, bodies, inject, join


def test_a_new_name_is_none_that_a_service_or_a_policy_means() -> None:
    """They mean other pods by it, and would lead to the app of these, past the sidecar."""
    by_name = SERVICE.replace("8080", "http")
    other = by_name.replace("{name: web}", "{name: other}").replace("http", "app-http")
    policy = POLICY.replace("8080", "app1-http")
    done = inject(join(DEPLOYMENT, by_name, other, policy))

    (container,) = bodies(done)["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "app2-http", "containerPort": 8080}]
    assert "Service other targets app-http, which no container declares" in done.report.text()
    assert inject(done.text).text == done.text
