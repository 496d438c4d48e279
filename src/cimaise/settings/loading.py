"""Environment over TOML file over defaults; every fault is found before any is reported."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from cimaise.settings.sections import Knob, Settings, knobs

PREFIX: Final = "CIMAISE_"
CONFIG_VARIABLE: Final = "CIMAISE_CONFIG"


class SettingsFault(Exception):
    """Some settings are wrong. ``faults`` has a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for ``(section, name)`` where each that is no default came from."""

    settings: Settings
    origins: Mapping[tuple[str, str], str]


def environment_name(section: str, name: str) -> str:
    """The variable that sets ``name`` of ``section``."""
    return f"{PREFIX}{section}_{name}".upper()


def load(
    environment: Mapping[str, str],
    *,
    config: Path | None = None,
    overrides: Mapping[tuple[str, str], str] | None = None,
) -> Loaded:
    """Read all settings.

    Args:
        environment: The process's variables; only names that begin with ``CIMAISE_`` count.
        config: A TOML file with a table for each section; otherwise ``CIMAISE_CONFIG`` names it.
        overrides: Options of the command line, by ``(section, name)``, above everything.

    Raises:
        SettingsFault: With every fault: unknown names, values out of form or bounds.
    """
    faults: list[str] = []
    known = {(section, name): knob for section, name, knob, _ in knobs()}
    named = environment.get(CONFIG_VARIABLE, "")
    file = config or (Path(named) if named else None)
    texts: dict[tuple[str, str], tuple[str, str]] = {}
    if file is not None:
        texts |= _from_file(file, known, faults)
    texts |= _from_environment(environment, known, faults)
    texts |= {key: (text, "command line") for key, text in (overrides or {}).items()}
    values: dict[tuple[str, str], object] = {}
    for key, (text, origin) in texts.items():
        try:
            values[key] = _value(known[key], text)
        except ValueError as fault:
            faults.append(f"{_name_at(key, origin)}: expected {fault}")
    if faults:
        raise SettingsFault(sorted(faults))
    return Loaded(_assemble(values), {key: origin for key, (_, origin) in texts.items()})


def _from_environment(
    environment: Mapping[str, str], known: Mapping[tuple[str, str], Knob], faults: list[str]
) -> dict[tuple[str, str], tuple[str, str]]:
    names = {environment_name(*key): key for key in known}
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE or text == "":
            continue
        if variable in names:
            found[names[variable]] = (text, variable)
        else:
            faults.append(f"{variable}: there is no such setting")
    return found


def _from_file(
    file: Path, known: Mapping[tuple[str, str], Knob], faults: list[str]
) -> dict[tuple[str, str], tuple[str, str]]:
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        faults.append(f"{file}: cannot be read as TOML ({fault})")
        return {}
    found = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            faults.append(f"{file}: {section}: expected a table, such as [{section}]")
            continue
        for name, value in table.items():
            if (section, name) in known:
                found[section, name] = (_toml_text(value), str(file))
            else:
                faults.append(f"{file}: [{section}] {name}: there is no such setting")
    return found


def _toml_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name_at(key: tuple[str, str], origin: str) -> str:
    section, name = key
    if origin.startswith(PREFIX):
        return origin
    return f"{origin}: [{section}] {name}"


def _value(knob: Knob, text: str) -> object:
    value = knob.parse(text)
    if knob.choices and value not in knob.choices:
        raise ValueError("one of " + ", ".join(knob.choices))
    if isinstance(value, int | float) and not isinstance(value, bool):
        if knob.low is not None and value < knob.low:
            raise ValueError(f"at least {knob.low:g}, not {value:g}")
        if knob.high is not None and value > knob.high:
            raise ValueError(f"at most {knob.high:g}, not {value:g}")
    return value


def _assemble(values: Mapping[tuple[str, str], object]) -> Settings:
    sections: dict[str, Any] = {}
    for section in fields(Settings):
        kind: Any = section.default_factory
        sections[section.name] = kind(
            **{name: value for (where, name), value in values.items() if where == section.name}
        )
    return Settings(**sections)
