"""What Jobs and hooks run: the commands of their containers, and the programs that these call."""

import re
from collections.abc import Iterator

from msgspec import Struct

from .place import FieldPlace, Object


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


def commands(each: Object) -> Iterator[tuple[FieldPlace, str]]:
    """What the containers of a Job, CronJob or Pod run, each with the place of the command."""
    return ((place, " ".join(words)) for place, words in commands_in_words(each))


def pod_specs(each: Object) -> tuple[FieldPlace, ...]:
    """Where a Pod, a Job or a CronJob may say what runs in its pod."""
    root = each.root
    return (
        root.at("spec"),
        root.at("spec", "template", "spec"),
        root.at("spec", "jobTemplate", "spec", "template", "spec"),
    )


def commands_in_words(each: Object) -> Iterator[tuple[FieldPlace, list[str]]]:
    """The same, word by word."""
    for container in containers(each):
        # The image's name is often that of the program that it runs.
        yield _place_of(container), [image_name(container), *given_words(container)]


def containers(each: Object) -> Iterator[FieldPlace]:
    """Those of its pod, the init containers first."""
    for spec in pod_specs(each):
        yield from spec.at("initContainers").items
        yield from spec.at("containers").items


def image_name(container: FieldPlace) -> str:
    """The last part of its image's name, without the tag."""
    return container.at("image").text.rpartition("/")[2].partition(":")[0]


def given_words(container: FieldPlace) -> list[str]:
    """Its command and arguments."""
    places = (container.at("command"), container.at("args"))
    return [word.text for place in places for word in place.items]


def _place_of(container: FieldPlace) -> FieldPlace:
    places = (container.at("args"), container.at("command"))
    return next((place for place in places if place.exists), container)
