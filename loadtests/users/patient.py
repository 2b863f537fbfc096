"""Users that end between two tasks and never inside of one."""

from locust import User
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING


class PatientUser(User):
    """What is asked for is waited for, or locust and the sidecars count differently.

    locust kills a user that waits between two tasks; one that is about to wake up has begun its
    next request when the kill arrives.
    """

    abstract = True

    def stop(self, force: bool = False) -> bool:
        """End after the task under way, or after the wait: who wakes up looks at its state."""
        if not force and self._state == LOCUST_STATE_WAITING:
            self._state = LOCUST_STATE_STOPPING
            return False
        return bool(super().stop(force))
