"""The targets of the nightly fuzzing hold for what Hypothesis thinks of, without atheris."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import TARGETS

SEEDS = [
    b"",
    b"GET / HTTP/1.1\r\nHost: a",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2",
    b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\nGET",
    b"\x81\x85mask\x05\x04\x1f\x07\x0a\x88\x02\x03\xe8",
    b"data: x\r\n\r\ndata: y\n\n",
    b"\x03\x82\x86\x84",
    b"forward: 8080=9000\ndrain-delay: 5s\n",
    b'drainproxy.io/drain-delay="5s"\n',
]
mutated = st.tuples(st.sampled_from(SEEDS), st.binary(max_size=8), st.integers(0, 40)).map(
    lambda told: told[0][: told[2]] + told[1] + told[0][told[2] :]
)


@pytest.mark.parametrize("name", TARGETS)
@given(data=mutated | st.binary(max_size=60))
def test_a_target_takes_whatever_comes(name: str, data: bytes) -> None:
    TARGETS[name](data)
