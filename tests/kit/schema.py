"""An empty database that has the schema: made once for a process, and copied from then on."""

import functools
import tempfile
from pathlib import Path
from typing import Final

from cimaise.database.engine import open_database
from cimaise.database.migrate import migrate

FILE: Final = "cimaise.db"
"""What the server calls it in its data folder."""


@functools.cache
def sqlite_with_schema() -> bytes:
    """The file. Making it takes longer than all the rest of a start."""
    with tempfile.TemporaryDirectory() as folder:
        filled = open_database("", data_dir=Path(folder))
        migrate(filled)
        filled.close()
        return (Path(folder) / FILE).read_bytes()


def plant_schema(data_dir: Path) -> None:
    """Give a data folder a database with the schema, where it has none."""
    file = data_dir / FILE
    if data_dir.is_dir() and not file.exists():
        file.touch(0o600)
        file.write_bytes(sqlite_with_schema())
