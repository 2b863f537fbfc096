"""Scalars: read as kubectl reads them, written so that all read them alike."""

import json
import math
from io import StringIO
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from drainproxy.manifests.scalars import key_text, number_of, quoted, resolve, tagged, written

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["yes", "0644", "1e3", "12:30", "~", "", "a: b", "a #b", "- a", "a:", "null", "=", "<<", "0x1"]
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("true", "True", "yes", "Yes", "on", "ON", "y", "Y")),
        *((text, False) for text in ("false", "FALSE", "no", "off", "Off", "n")),
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, text) for text in ("yEs", "nil", "12:30", "2026-01-02", "1.2.3", "0x", "1e", "+")),
        *((text, text) for text in (".inf", ".nan", "1e999", "9" * 5000, "e5", "-", "..", "0b2")),
        *(("0", 0), ("-7", -7), ("+7", 7), ("0644", 420), ("0o17", 15), ("0x1F90", 8080)),
        *(("0b101", 5), ("8_080", 8080), ("-0x10", -16), ("08", 8), ("1.50", 1.5), (".5", 0.5)),
        *(("1e3", 1000), ("5.0", 5), ("-0.0", 0), ("1e20", 10**20), ("1e21", 1e21)),
    ],
)
def test_a_plain_scalar_is_what_kubectl_takes_it_for(text: str, value: Any) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"), [("5.0", 5), ("8e1", 80), ("1e-1", 0.1), ("1e21", 1e21), ("1e999", math.inf)]
)
def test_a_number_of_json_without_a_fraction_is_an_integer(text: str, value: Any) -> None:
    assert number_of(text) == value
    assert type(number_of(text)) is type(value)


def test_tags_decide_where_there_are_some() -> None:
    assert tagged("12", "tag:yaml.org,2002:str") == "12"
    assert tagged("12", "tag:yaml.org,2002:int") == 12
    assert tagged("12", "tag:yaml.org,2002:float") == 12
    assert tagged("", "tag:yaml.org,2002:null") is None
    assert tagged("12", "!Own") == "12"


def test_keys_are_texts() -> None:
    assert [key_text(key) for key in ("a", 1, True, None, 0.5)] == ["a", "1", "true", "null", "0.5"]


@given(text=_TEXTS, quote=st.sampled_from(["", "'", '"']), in_flow=st.booleans())
def test_whatever_is_written_every_reader_reads(text: str, quote: str, in_flow: bool) -> None:
    line = written(text, quote, in_flow)
    line = f"a: [{line}, {line}]\n" if in_flow else f"a: {line}\n"
    value: Any = [text, text] if in_flow else text

    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)
    assert old.load(StringIO(line)) == {"a": value}
    assert YAML(typ="safe", pure=True).load(StringIO(line)) == {"a": value}
    assert yaml.safe_load(line) == {"a": value}


@given(text=_TEXTS)
def test_double_quotes_are_those_of_json(text: str) -> None:
    assert json.loads(quoted(text)) == text
