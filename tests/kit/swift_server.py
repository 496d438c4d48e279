"""OpenStack Swift with its S3 door, all of it in one process.

Run as a program with a folder of its own: ``python swift_server.py FOLDER``. It prints its port
once it accepts requests, and ends when its standard input is closed, so also when whoever
started it dies. The folder must be on a file system with extended attributes.
"""

import eventlet

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True, os=False)

import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import eventlet.wsgi  # noqa: E402
import swift.common.utils as swift_utils  # noqa: E402
from swift.common import storage_policy  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring.builder import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

KINDS = ("object", "container", "account")
ORIGIN = "http://localhost:3023"

SWIFT_CONF = """\
[swift-hash]
swift_hash_path_suffix = cimaise
swift_hash_path_prefix = cimaise

[storage-policy:0]
name = gold
default = yes
"""

STORAGE_CONF = """\
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = {kind}
[app:{kind}]
use = egg:swift#{kind}
"""

PROXY_CONF = """\
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck fakecache listing_formats s3api tempauth copy slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:fakecache]
paste.filter_factory = {module}:cache_factory
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_upload_part_num = 10000
cors_preflight_allow_origin = {origin}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_other = secret .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
cors_allow_origin = {origin}
cors_expose_headers = ETag,Content-Range
"""


class Cache:
    """What the rest of the pipeline expects of memcached."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str, *_: Any, **__: Any) -> Any:
        return self._values.get(key)

    def set(self, key: str, value: Any, *_: Any, **__: Any) -> None:
        self._values[key] = value

    def incr(self, key: str, delta: int = 1, *_: Any, **__: Any) -> int:
        self._values[key] = int(self._values.get(key, 0)) + delta
        return int(self._values[key])

    def decr(self, key: str, delta: int = 1, *_: Any, **__: Any) -> int:
        return self.incr(key, -delta)

    def delete(self, key: str, *_: Any, **__: Any) -> None:
        self._values.pop(key, None)


def cache_factory(_: Any, **__: Any) -> Any:
    """A filter that puts a :class:`Cache` where memcached would be."""
    cache = Cache()

    def with_cache(app: Any) -> Any:
        def call(env: dict[str, Any], start_response: Any) -> Any:
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return with_cache


def configure(folder: Path) -> None:
    """Swift reads one global file, whose place it has no setting for."""
    conf = folder / "swift.conf"
    conf.write_text(SWIFT_CONF)
    for module in list(sys.modules.values()):
        if module.__name__.startswith("swift") and hasattr(module, "SWIFT_CONF_FILE"):
            module.__dict__["SWIFT_CONF_FILE"] = str(conf)
    swift_utils.validate_hash_conf()
    storage_policy.reload_storage_policies()


def make_rings(folder: Path, ports: dict[str, int]) -> None:
    """One device on one server for each kind."""
    (folder / "devices" / "sda").mkdir(parents=True)
    for kind in KINDS:
        where = {"ip": "127.0.0.1", "port": ports[kind]}
        device = {
            "id": 0,
            "region": 1,
            "zone": 1,
            "device": "sda",
            "weight": 1,
            "replication_ip": where["ip"],
            "replication_port": where["port"],
        }
        builder = RingBuilder(4, 1, 1)
        builder.add_dev(device | where)
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


def serve(conf: Path, listener: Any) -> None:
    """One WSGI server in a green thread."""
    quiet = logging.getLogger("quiet")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    app = loadapp(str(conf))
    eventlet.spawn(
        eventlet.wsgi.server, listener, app, quiet, protocol=SwiftHttpProtocol, log_output=False
    )


def main(folder: Path) -> None:
    """Start everything and wait for the end of standard input."""
    configure(folder)
    listeners = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in (*KINDS, "proxy")}
    ports = {kind: listener.getsockname()[1] for kind, listener in listeners.items()}
    make_rings(folder, ports)
    for kind in (*KINDS, "proxy"):
        conf = folder / f"{kind}.conf"
        text = PROXY_CONF if kind == "proxy" else STORAGE_CONF
        conf.write_text(
            text.format(folder=folder, kind=kind, module=Path(__file__).stem, origin=ORIGIN)
        )
        serve(conf, listeners[kind])
    print(ports["proxy"], flush=True)  # noqa: T201
    eventlet.tpool.execute(sys.stdin.buffer.read)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
