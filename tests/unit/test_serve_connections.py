"""The parts of uvicorn that the service builds on, though they are not its public API."""

import ast
import asyncio
import inspect

import pytest

pytest.importorskip("uvicorn")

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ml_baseline.serve import connections

# What `Connection` extends, and what it reads of a protocol and of a request's cycle.
EXTENDED = {"connection_made", "connection_lost", "data_received", "pause_writing"}
EXTENDED |= {"resume_writing", "shutdown", "on_message_begin", "on_url", "on_header", "on_body"}
EXTENDED |= {"on_headers_complete", "on_message_complete", "on_response_complete"}
EXTENDED |= {"send_400_response"}
OF_PROTOCOL = {"client", "connections", "cycle", "headers", "loop", "pipeline", "scope"}
OF_PROTOCOL |= {"transport", "url"}
OF_CYCLE = {"disconnected", "message_event", "more_body", "response_complete", "response_started"}
OF_CYCLE |= {"scope"}


def test_uvicorn_has_what_connections_use():
    assert set(dir(HttpToolsProtocol)) >= EXTENDED
    loop = asyncio.new_event_loop()
    protocol = HttpToolsProtocol(Config(None), ServerState(), {}, loop)
    loop.close()
    protocol.on_message_begin()
    assert set(dir(protocol)) >= OF_PROTOCOL
    assert protocol.connections is protocol.server_state.connections
    names = inspect.signature(RequestResponseCycle).parameters
    cycle = RequestResponseCycle(**dict.fromkeys(names) | {"scope": protocol.scope})
    assert set(dir(cycle)) >= OF_CYCLE
    assert cycle.scope is protocol.scope


def test_the_names_above_are_all_that_connections_use():
    tree = ast.parse(inspect.getsource(connections))
    (own,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    public = {node.name for node in own.body if isinstance(node, ast.FunctionDef)}
    assert {name for name in public if not name.startswith("_")} == EXTENDED
    used: dict[str, set[str]] = {"self": set(), "cycle": set()}
    for node in ast.walk(own):
        if isinstance(node, ast.Attribute) and not node.attr.startswith("_"):
            of = ast.unparse(node.value).removeprefix("self.")
            used.get("cycle" if of in ("cycle", "c") else of, set()).add(node.attr)
    assert used == {"self": OF_PROTOCOL, "cycle": OF_CYCLE}
