"""Options that several commands share, and the settings that they lead to."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cimaise.settings import Loaded, load
from cimaise.settings.parsing import parse_duration

Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG: Final = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A TOML file with settings; environment variables are above it.",
)
DATA_DIR: Final = click.option(
    "--data-dir",
    metavar="DIR",
    help="Folder that holds the database, objects, cache and albums (CIMAISE_DATA_DIR).",
)
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds of ``90m`` and the like."""
        try:
            return parse_duration(str(value))
        except ValueError as fault:
            self.fail(f"expected {fault}", param, ctx)


DURATION: Final = _Duration()


def common(command: Command) -> Command:
    """``--data-dir`` and ``--config``."""
    return DATA_DIR(CONFIG(command))


def load_settings(
    config: Path | None,
    data_dir: str | None = None,
    overrides: Mapping[tuple[str, str], str | int | None] | None = None,
) -> Loaded:
    """Settings of this process: options above the environment, the file and defaults.

    Args:
        config: ``--config``.
        data_dir: ``--data-dir``.
        overrides: Further options by ``(section, name)``; those that are ``None`` were not given.

    Raises:
        SettingsFault: With every fault.
    """
    given = {("data", "dir"): data_dir, **(overrides or {})}
    texts = {key: str(value) for key, value in given.items() if value is not None}
    return load(os.environ, config=config, overrides=texts)
