"""What the pods of Jobs, hooks and workloads run: the commands of their containers, and the scripts
and programs that these call."""

import re
from collections.abc import Iterator

from msgspec import Struct

from .environment import Environment, environment, expanded
from .inventory import Inventory
from .mounted import MountedFile, NamedFiles, mounted, pod_specs
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
    arguments are when it starts, whether there is a command, and the variables that are known. Of a
    script that it calls, from a file that it mounts, there are no words and no image.

    `commands` are the simple commands in these words; the words themselves are the first, unless
    they only say something. `unread` is what is not looked at, in words. `is_first`: it runs and
    ends before the containers of the pod start.
    """

    place: FieldPlace
    image: str
    words: list[str]
    has_command: bool
    environment: Environment
    commands: list[list[str]]
    unread: str
    is_first: bool

    @property
    def program(self) -> str:
        """The name of the image, where its own program is given the words."""
        return "" if self.has_command else self.image


def runs(each: Object, inventory: Inventory) -> list[Run]:
    """What the containers of a pod run, the init containers first, and what the scripts do that
    they call, and the scripts that those call."""
    return inventory.once(_runs, each)


def _runs(each: Object, inventory: Inventory) -> list[Run]:
    found = [_run(*container, inventory) for container in _containers(each)]
    scripts = [file for file in mounted(each, inventory) if file.is_script]
    # Several containers may run one script, each with variables of its own.
    seen: set[tuple[object, ...]] = set()
    for run in found:  # which grows
        named, known = NamedFiles(run.commands), frozenset(run.environment.items())
        for script in scripts:
            if (
                script in named
                and (key := (script.name, id(script.place.object), known)) not in seen
            ):
                seen.add(key)
                found.append(_called(script, run))
    return found


def _called(script: MountedFile, by: Run) -> Run:
    reading = read(["sh", "-c", script.text], by.environment)
    return Run(
        place=script.place,
        image="",
        words=[],
        has_command=True,
        environment=by.environment,
        commands=reading.commands,
        unread=reading.unread,
        is_first=by.is_first,
    )


def _run(container: FieldPlace, is_first: bool, inventory: Inventory) -> Run:
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
        is_first=is_first,
    )


def commands(each: Object, inventory: Inventory) -> Iterator[tuple[FieldPlace, str]]:
    """What the containers of a Job, CronJob or Pod run, each with the place of the command."""
    found = (run for run in runs(each, inventory) if run.image or run.words)
    return ((run.place, " ".join([run.image, *run.words])) for run in found)


def _containers(each: Object) -> Iterator[tuple[FieldPlace, bool]]:
    """Each, and whether the others wait for its end."""
    for spec in pod_specs(each):
        for container in spec.at("initContainers").items:
            yield container, container.at("restartPolicy").text != "Always"
        yield from ((container, False) for container in spec.at("containers").items)


def _place_of(container: FieldPlace) -> FieldPlace:
    places = (container.at("args"), container.at("command"))
    return next((place for place in places if place.exists), container)
