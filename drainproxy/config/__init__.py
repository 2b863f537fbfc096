"""Settings: one table, from which flags, environment, file keys, annotations and docs are read.

`load` (or `Sources.load`, then `Sources.reload` whenever the annotations have changed) turns texts
into `Settings`. This room does no I/O: whoever calls it has read the files.
"""

from .apps import counts, located, pod_ip_problems
from .docs import SettingRow, as_json, markdown, table
from .json_schema import as_json_schema
from .kinds import format_duration, parse_duration, parse_percent
from .mistakes import ConfigError, Mistake
from .readers import (
    CONFIG_ENVIRONMENT,
    IMAGE_ENVIRONMENT,
    INJECTOR_ANNOTATIONS,
    RELEASE_ANNOTATIONS,
)
from .sections import SECTIONS
from .setting_meta import setting
from .settings import Settings
from .sources import Sources, load
from .table import ANNOTATION_PREFIX, BY_NAME, ENVIRONMENT_PREFIX, TABLE, Setting, rows
from .values import Address, AppHealth, Forward, Secret, UnixSocket
from .yaml_text import ConfigFile

__all__ = [
    "ANNOTATION_PREFIX",
    "BY_NAME",
    "CONFIG_ENVIRONMENT",
    "ENVIRONMENT_PREFIX",
    "IMAGE_ENVIRONMENT",
    "INJECTOR_ANNOTATIONS",
    "RELEASE_ANNOTATIONS",
    "SECTIONS",
    "TABLE",
    "Address",
    "AppHealth",
    "ConfigError",
    "ConfigFile",
    "Forward",
    "Mistake",
    "Secret",
    "Setting",
    "SettingRow",
    "Settings",
    "Sources",
    "UnixSocket",
    "as_json",
    "as_json_schema",
    "counts",
    "format_duration",
    "load",
    "located",
    "markdown",
    "parse_duration",
    "parse_percent",
    "pod_ip_problems",
    "rows",
    "setting",
    "table",
]
