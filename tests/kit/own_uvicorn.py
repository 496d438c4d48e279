"""``python -m tests.kit.own_uvicorn MODULE:APP --port N``: uvicorn with our protocol class."""

import sys

import uvicorn

from cimaise.server.protocol import http_protocol

if __name__ == "__main__":
    uvicorn.run(
        sys.argv[1], port=int(sys.argv[3]), http=http_protocol(), log_level="critical", ws="none"
    )
