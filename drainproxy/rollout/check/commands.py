"""What Jobs and hooks run: the commands of their containers, and the programs that these call."""

import re
from collections.abc import Iterator

from msgspec import Struct

from .place import Object, Place


class Call(Struct, frozen=True):
    """A program, and what it is asked for behind its name.

    Two patterns and not one with `.*` between them, which takes quadratic time on hostile text.
    """

    program: re.Pattern[str]
    verb: re.Pattern[str]

    def found_in(self, text: str) -> str | None:
        """The call, shortened; None if there is none."""
        called = self.program.search(text)
        asked = called and self.verb.search(text, called.end())
        return f"{called[0]} ... {asked[0]}" if called and asked else None


def call(program: str, verb: str) -> Call:
    """A call of programs for verbs, both regular expressions of whole words."""
    patterns = (rf"(?<![\w-])(?:{each})(?![\w-])" for each in (program, verb))
    return Call(*(re.compile(each, re.IGNORECASE) for each in patterns))


def commands(each: Object) -> Iterator[tuple[Place, str]]:
    """What the containers of a Job, CronJob or Pod run, each with the place of the command."""
    return ((place, " ".join(words)) for place, words in commands_in_words(each))


def pod_specs(each: Object) -> tuple[Place, ...]:
    """Where a Pod, a Job or a CronJob may say what runs in its pod."""
    root = each.root
    return (
        root.at("spec"),
        root.at("spec", "template", "spec"),
        root.at("spec", "jobTemplate", "spec", "template", "spec"),
    )


def commands_in_words(each: Object) -> Iterator[tuple[Place, list[str]]]:
    """The same, word by word."""
    for spec in pod_specs(each):
        for container in [*spec.at("initContainers").items, *spec.at("containers").items]:
            yield _command(container)


def _command(container: Place) -> tuple[Place, list[str]]:
    """Behind the image's name, which is often that of the program that it runs."""
    places = [container.at("command"), container.at("args")]
    image = container.at("image").text.rpartition("/")[2].partition(":")[0]
    words = [image, *(word.text for place in places for word in place.items)]
    given = [place for place in places if place.exists]
    return (given or [container])[-1], words
