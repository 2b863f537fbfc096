"""`python -m drainproxy` is the `drainproxy` command."""

from drainproxy.cli import main

main()
