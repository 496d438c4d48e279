"""The secrets that every signature of this server is made with."""

import os
import secrets
from pathlib import Path
from typing import Final

_LEAST_BYTES: Final = 16


def server_secrets(setting: tuple[str, ...], data_dir: Path) -> tuple[bytes, ...]:
    """The setting, or one made once and kept beside the data for its owner alone.

    The first signs; what was signed with another is still good.

    Raises:
        ValueError: The file that should hold it holds none.
    """
    if setting:
        return tuple(one.encode() for one in setting)
    file = data_dir / "secret.key"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return (_kept(file),)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(secrets.token_hex(32))
    return (_kept(file),)


def _kept(file: Path) -> bytes:
    secret = file.read_bytes().strip()
    if len(secret) < _LEAST_BYTES:
        raise ValueError(f"{file} holds no secret: delete it to have a new one made")
    return secret
