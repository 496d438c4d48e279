"""uvicorn's HTTP protocol, without its loss of bytes that have arrived when a client goes.

uvicorn tells an application that the client is gone before it hands out what came last. For an
upload that can be gone on with these bytes count.
"""


from uvicorn.protocols.http.flow_control import CLOSE_HEADER  # noqa: F401
