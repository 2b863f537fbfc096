"""What is known of a setting beside its type and its default."""

from drainproxy.config import kinds
from drainproxy.config.setting_meta import setting


def test_what_is_known_of_a_setting_is_kept_beside_its_type() -> None:
    meta = setting(kinds.COUNT, "How many.", reload=True, later="counting", ge=1, le=9)

    assert (meta.description, meta.ge, meta.le) == ("How many.", 1, 9)
    assert meta.extra == {
        "kind": kinds.COUNT,
        "reload": True,
        "annotation": True,
        "later": "counting",
        "default": "",
    }
