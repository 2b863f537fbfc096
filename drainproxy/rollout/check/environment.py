"""The environment of a container, and what Kubernetes puts in the place of `$(NAME)` before it
starts one (Kubernetes, "Define Environment Variables for a Container" and "Define Dependent
Environment Variables")."""

import re
from typing import Final

from .inventory import Inventory
from .place import FieldPlace

# `$$` is a dollar, and what neither refers to a variable nor escapes one stays with the character
# behind it.
_REFERENCE: Final = re.compile(r"\$(?:(?P<escape>\$)|\((?P<name>[^)]*)\)|[\s\S])")
_ESCAPE: Final = re.compile(r"\$(?:(?P<escape>\$)|[\s\S])")
# References to references may double with each variable. Linux starts no program with much more
# (execve(2), E2BIG).
_LONGEST: Final = 1 << 20

Environment = dict[str, str]


def environment(container: FieldPlace, inventory: Inventory) -> Environment:
    """Its variables whose values the input shows: `env` as it stands there and from ConfigMaps,
    over `envFrom`."""
    known: Environment = {}
    for source in container.at("envFrom").items:
        for key, text in _data(source.at("configMapRef"), inventory).items():
            known[source.at("prefix").text + key] = text.text
    left = _LONGEST
    for each in container.at("env").items:
        name, value = each.at("name").text, each.at("value")
        selected = each.at("valueFrom", "configMapKeyRef")
        if value.text or not each.at("valueFrom").exists:
            found = expanded(value.text, known, left)
            left -= len(found) - len(value.text)
        elif (key := selected.at("key").text) in (data := _data(selected, inventory)):
            found = data[key].text
        else:
            known.pop(name, None)  # what it is stands elsewhere
            continue
        known[name] = found
    return known


def expanded(text: str, known: Environment, most: int = _LONGEST) -> str:
    """A text with the values of its variables; one that is not known stays as it is. So do all
    behind the first that would make it longer than `most` by them."""
    # A parenthesis that does not end is none, and there is none behind the last.
    end = text.rfind(")") + 1
    parts, at = [], 0
    for found in (*_REFERENCE.finditer(text, 0, end), *_ESCAPE.finditer(text, end)):
        name = found.groupdict().get("name")
        value = found["escape"] or (found[0] if name is None else known.get(name, found[0]))
        most -= len(value) - len(found[0])
        if most < 0:
            break
        parts += [text[at : found.start()], value]
        at = found.end()
    return "".join([*parts, text[at:]])


def _data(source: FieldPlace, inventory: Inventory) -> dict[str, FieldPlace]:
    """What is in the ConfigMap that is named there, if it is in the input."""
    name = source.at("name").text
    found = inventory.named("ConfigMap", name, source.object) if name else None
    return found.root.at("data").entries if found else {}
