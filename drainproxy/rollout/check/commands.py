"""What Jobs and hooks run: the commands of their containers, and the programs that these call."""

import re
from collections.abc import Iterator

from msgspec import Struct

from .environment import Environment, environment, expanded
from .inventory import Inventory
from .place import FieldPlace, Object
from .shell import read


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


class Run(Struct, frozen=True):
    """What a container runs: the place of its command, the name of its image, what its command and
    arguments are when it starts, whether there is a command, and the variables that are known.

    `commands` are the simple commands in these words; the words themselves are the first, unless
    they only say something. `unread` is what is not looked at, in words.
    """

    place: FieldPlace
    image: str
    words: list[str]
    has_command: bool
    environment: Environment
    commands: list[list[str]]
    unread: str

    @property
    def program(self) -> str:
        """The name of the image, where its own program is given the words."""
        return "" if self.has_command else self.image


def runs(each: Object, inventory: Inventory) -> list[Run]:
    """What the containers of a pod run, the init containers first."""
    return inventory.once(_runs, each)


def _runs(each: Object, inventory: Inventory) -> list[Run]:
    return [_run(container, inventory) for container in _containers(each)]


def _run(container: FieldPlace, inventory: Inventory) -> Run:
    known = environment(container, inventory)
    places = (container.at("command"), container.at("args"))
    words = [expanded(word.text, known) for place in places for word in place.items]
    # The image's name is often that of the program that it runs.
    image = container.at("image").text.rpartition("/")[2].partition(":")[0]
    reading = read(words, known)
    return Run(
        place=_place_of(container),
        image=image,
        words=words,
        has_command=places[0].exists,
        environment=known,
        commands=reading.commands,
        unread=reading.unread,
    )


def commands(each: Object, inventory: Inventory) -> Iterator[tuple[FieldPlace, str]]:
    """What the containers of a Job, CronJob or Pod run, each with the place of the command."""
    return ((run.place, " ".join([run.image, *run.words])) for run in runs(each, inventory))


def pod_specs(each: Object) -> tuple[FieldPlace, ...]:
    """Where a Pod, a Job or a CronJob may say what runs in its pod."""
    root = each.root
    return (
        root.at("spec"),
        root.at("spec", "template", "spec"),
        root.at("spec", "jobTemplate", "spec", "template", "spec"),
    )


def _containers(each: Object) -> Iterator[FieldPlace]:
    for spec in pod_specs(each):
        yield from spec.at("initContainers").items
        yield from spec.at("containers").items


def _place_of(container: FieldPlace) -> FieldPlace:
    places = (container.at("args"), container.at("command"))
    return next((place for place in places if place.exists), container)
