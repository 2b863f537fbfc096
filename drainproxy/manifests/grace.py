"""Seconds of a pod's termination that both the injector and the checks reckon with."""

from typing import Final

# What the app has for its own end, when the drain is over.
MARGIN: Final = 5
# The last seconds of a drain, in which everything is cut.
CUTTING: Final = 2
