"""What every case sees at a port: `python -m tests.e2e.conformance PORT [WORDS OF A NAME]`."""

import sys

from tests.e2e.conformance.catalogue import CASES


def main(port: int, words: str) -> None:
    for case in CASES:
        if words in case.name:
            kind = "legal" if case.rule is None else "illegal"
            print(f"{case.section:18} {kind:8} {case.name}\n{'':28}{case.run(port)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), " ".join(sys.argv[2:]))
