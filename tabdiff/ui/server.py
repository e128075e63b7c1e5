"""The page over HTTP, on the loopback address alone."""

from __future__ import annotations

import errno
import json
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from tabdiff.ui.door import Door
from tabdiff.ui.jobs import DEFECT, explained, listening
from tabdiff.ui.limits import Limits
from tabdiff.ui.reading import RefusedError, check_name
from tabdiff.ui.workbench import Workbench
from tabdiff.ui.workshop import UnknownTableError, Workshop

ADDRESS = "127.0.0.1"
_PAGE = Path(__file__).parent / "page"
_MEDIA = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_MOST_JSON = 1_000_000  # bytes of what the page asks
# The report has a policy of its own in the page; here it is kept from acting as the page around it.
_REPORT_POLICY = "sandbox allow-scripts; frame-ancestors 'self'"

Endpoint = Callable[[Request], Awaitable[Response]]


def application(workshop: Workshop, port: int) -> Door:
    """The page of a workshop, for requests to this port of this computer.

    Parameters
    ----------
    workshop : Workshop
    port : int
    """
    routes = [
        *(Route(f"/{'' if name == 'index.html' else name}", _file(name, workshop.limits))
          for name in _MEDIA),
        Route("/tables", _answering(_open), methods=["POST"]),
        Route("/tables/{secret}", _answering(_state), methods=["GET"]),
        Route("/tables/{secret}", _answering(_forget), methods=["DELETE"]),
        Route("/tables/{secret}/report", _answering(_report), methods=["GET"]),
        Route("/tables/{secret}/rows", _answering(_rows), methods=["GET"]),
        Route("/tables/{secret}/model", _answering(_model), methods=["GET"]),
        Route("/tables/{secret}/{verb}", _answering(_ask), methods=["POST"]),
    ]  # fmt: skip
    app = Starlette(routes=routes)
    app.state.workshop = workshop
    hosts = {ADDRESS, "localhost"}
    names = {f"{host}:{port}" for host in hosts} | (hosts if port == 80 else set())
    return Door(app, frozenset(names))


def serve(port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C or SIGTERM; then what it kept is removed.

    Parameters
    ----------
    port : int
        0 takes any that is free.
    say : callable
        Is told where the page is.

    Raises
    ------
    OSError
        If the port is taken, or not allowed.
    """
    with _bound(port) as listener, listening(), Workshop() as workshop:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            application(workshop, port),
            log_level="warning",
            access_log=False,
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        say(f"tabdiff is at http://{ADDRESS}:{port}, for this computer only. Ctrl-C ends it.")
        uvicorn.Server(config).run(sockets=[listener])


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "taken" if error.errno == errno.EADDRINUSE else "not allowed"
        raise OSError(
            f"Port {port} is {why}. Choose another one with --port; --port 0 takes any."
        ) from error


def _file(name: str, limits: Limits) -> Endpoint:
    """What gives one of the files that make the page."""
    text = (_PAGE / name).read_text("utf-8")
    text = text.replace("{{limits}}", str(limits)).replace("{{bytes}}", str(limits.bytes))

    async def give(request: Request) -> Response:
        return Response(text, media_type=_MEDIA[name])

    return give


def _answering(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose errors are told as the library tells them."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except UnknownTableError as error:
            return JSONResponse({"problem": str(error)}, status_code=404)
        except Exception as error:
            problem = explained(error)
            status = 500 if problem == DEFECT else 400
            return JSONResponse({"problem": problem}, status_code=status)

    return answer


async def _open(request: Request) -> Response:
    """Take in a file: its name is in the query, its bytes are the body."""
    workshop, name = _workshop(request), request.query_params.get("name", "")
    name = Path(name.replace("\\", "/")).name
    check_name(name)
    folder = workshop.new_folder()
    try:
        await _receive(request, folder / f"table{Path(name).suffix.lower()}", workshop.limits)
    except BaseException:
        shutil.rmtree(folder)
        raise
    secret = await run_in_threadpool(workshop.open, folder, name)
    return JSONResponse({"secret": secret}, status_code=201)


async def _receive(request: Request, path: Path, limits: Limits) -> None:
    n_bytes = 0
    with path.open("wb") as file:
        async for piece in request.stream():
            n_bytes += len(piece)
            if n_bytes > limits.bytes:
                raise RefusedError(f"The file is too large: the page takes {limits}.")
            file.write(piece)


async def _state(request: Request) -> Response:
    return JSONResponse(_bench(request).state())


async def _forget(request: Request) -> Response:
    await run_in_threadpool(_workshop(request).forget, request.path_params["secret"])
    return Response(status_code=204)


async def _report(request: Request) -> Response:
    return _given(_bench(request), "report.html", {"Content-Security-Policy": _REPORT_POLICY})


async def _rows(request: Request) -> Response:
    bench = _bench(request)
    return _given(bench, "rows.csv", {}, f"{Path(bench.name).stem}-synthetic.csv")


async def _model(request: Request) -> Response:
    bench = _bench(request)
    return _given(bench, "model.tabdiff", {}, f"{Path(bench.name).stem}.tabdiff")


def _given(
    bench: Workbench, name: str, headers: dict[str, str], called: str | None = None
) -> Response:
    path = bench.folder / name
    if not path.is_file():
        raise UnknownTableError(f"There is no {name} of {bench.name} yet, or no longer.")
    return FileResponse(path, headers=headers, filename=called)


async def _ask(request: Request) -> Response:
    """Do what the page asks for, and answer with the state that comes of it."""
    bench, asked = _bench(request), await _object(request)
    match request.path_params["verb"]:
        case "kinds":
            await run_in_threadpool(bench.choose, _texts(asked.get("kinds")))
        case "fit":
            minutes = _number(asked.get("minutes"), "Minutes")
            await run_in_threadpool(bench.fit, minutes, asked.get("set_aside") is True)
        case "stop":
            bench.stop()
        case "report":
            bench.judge(asked.get("target") or None)
        case "rows":
            rows, seed = (_number(asked.get(name), name) for name in ("rows", "seed"))
            wanted, drawn_from = _whole(rows, "Rows"), _whole(seed, "The seed")
            if wanted is None:
                raise RefusedError("How many rows? Write a number.")
            await run_in_threadpool(
                bench.draw, wanted, str(asked.get("conditions", "")), drawn_from
            )
        case other:
            raise UnknownTableError(f"There is nothing called {other!r} to ask for.")
    return JSONResponse(bench.state())


async def _object(request: Request) -> dict[str, Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_JSON:
            raise RefusedError("The conditions are too long.")
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"No JSON: {error}.") from error
    if not isinstance(asked, dict):
        raise RefusedError("Ask with a JSON object.")
    return asked


def _texts(given: object) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise RefusedError("Kinds are an object of column to kind.")
    return given


def _number(given: object, name: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise RefusedError(f"{name} must be a number. Got {given!r:.40}.")
    return given


def _whole(number: float | None, name: str) -> int | None:
    if number is None:
        return None
    if number != number // 1 or number < 0:
        raise RefusedError(f"{name} must be a whole number, at least 0. Got {number}.")
    return int(number)


def _workshop(request: Request) -> Workshop:
    return request.app.state.workshop


def _bench(request: Request) -> Workbench:
    return _workshop(request).bench(request.path_params["secret"])
