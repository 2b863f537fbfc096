"""What the shapes have in common: an end, and --users, --run-time or defaults of their own."""

from locust import LoadTestShape


class Shape(LoadTestShape):
    """Says how many users there are at a time; locust finds shapes, so this one is abstract."""

    abstract = True
    use_common_options = True
    USERS, SECONDS = 100, 300.0

    def tick(self) -> tuple[int, float] | None:
        """(users, users per second), or None at the end."""
        options = self.runner.environment.parsed_options if self.runner else None
        users = (options and options.num_users) or self.USERS
        seconds = (options and options.run_time) or self.SECONDS
        now = self.get_run_time()
        return None if now > seconds else self.at(now, users, seconds)

    def at(self, now: float, users: int, seconds: float) -> tuple[int, float]:
        """(users, users per second) `now` seconds after the beginning of so many in all."""
        raise NotImplementedError
