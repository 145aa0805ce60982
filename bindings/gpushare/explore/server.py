"""The server of the page, on loopback only: whoever has its token may ask, nobody else."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core import Error
from ..extras import extra
from ..scenario.profiles import profile_names
from ..scenario.scenario import Scenario
from ..yaml_text import yaml_text
from . import MOST_REQUESTS
from .answers import answer, board_of, card, told_error
from .knobs import knobs
from .page import page
from .questions import Questions, Superseded
from .state import Base, document_of

__all__ = ["Explorer"]

_HOST = "127.0.0.1"
_NAMES = ("127.0.0.1", "localhost", "[::1]")
#: No document of a page is larger.
_MOST_BYTES = 4_000_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Explorer:
    """Serves the page of a scenario.

    Parameters
    ----------
    scenario : Scenario
        What it begins with.
    port : int
        Of this machine; 0 for any that is free.
    token : str, optional
        By default 32 random bytes: what the address must carry.
    most_requests : float
        Runs of more are refused, with what shortens them; 0: none is.

    Attributes
    ----------
    url : str
        With the token.

    Raises
    ------
    ImportError
        When starlette or uvicorn are not installed, with what installs them.
    OSError
        When the port is taken.
    """

    def __init__(
        self,
        scenario: Scenario,
        port: int = 0,
        token: str | None = None,
        most_requests: float = MOST_REQUESTS,
    ) -> None:
        with extra("explore", "the page needs"):
            import starlette.applications
            import uvicorn  # noqa: F401 - told here, before a port is taken
        self._starlette = starlette.applications
        self._base = Base(scenario)
        self._most_requests = most_requests
        self._questions = Questions()
        self.token = token if token is not None else secrets.token_urlsafe(32)
        self._socket = socket.create_server((_HOST, port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{_HOST}:{self.port}/?token={self.token}"
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<Explorer of {self._base.name} on port {self.port}>"  # the token is nobody else's

    def run(self) -> None:
        """Serves until Ctrl-C, which ends what is being simulated too."""
        import uvicorn

        config = uvicorn.Config(
            self._guarded(self._routes()),
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = _server_class(uvicorn, self._questions.withdraw_all)(config)
        with suppress(KeyboardInterrupt):  # uvicorn has ended cleanly, and says so by raising it again
            self._server.run(sockets=[self._socket])
        self._questions.withdraw_all()
        self._socket.close()

    def start(self) -> Explorer:
        """Serves on a thread of its own."""
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends what `start` began."""
        while self._server is None and self._thread is not None and self._thread.is_alive():
            self._thread.join(0.01)
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(10)

    def _routes(self) -> Any:
        from starlette.responses import HTMLResponse, Response
        from starlette.routing import Route

        here = Path(__file__).resolve().parent
        report = here.parent / "report"
        script = (here / "explore.js").read_text(encoding="utf-8")
        style = (report / "page.css").read_text(encoding="utf-8") + (here / "explore.css").read_text(
            encoding="utf-8"
        )

        def shown(_: Any) -> Any:
            return HTMLResponse(page(self._base.document.get("name", self._base.name)))

        def posted(path: str, reply: Callable[[Mapping[str, Any]], Any]) -> Any:
            async def endpoint(request: Any) -> Any:
                return await _replied(request, reply)

            return Route(path, endpoint, methods=["POST"])

        return self._starlette.Starlette(
            routes=[
                Route("/", shown),
                Route("/explore.js", lambda _: Response(script, media_type="text/javascript")),
                Route("/explore.css", lambda _: Response(style, media_type="text/css")),
                posted("/start", lambda _: self._start()),
                posted("/card", lambda told: card(str(told.get("gpu")))),
                posted("/ask", self._ask),
                posted("/progress", lambda told: self._questions.progress(str(told.get("page")))),
                posted("/stop", lambda told: self._questions.withdraw(str(told.get("page")))),
                posted("/place", self._place),
                posted(
                    "/yaml",
                    lambda told: {"text": yaml_text([document_of(self._base, told.get("state", {}))])},
                ),
            ]
        )

    def _start(self) -> dict[str, Any]:
        document = self._base.document
        return {
            "name": document.get("name", self._base.name),
            "file": self._base.name,
            "services": list(document["services"]),
            "knobs": [knob.to_dict() for knob in knobs(document)],
            "gpu": document.get("gpu", ""),
            "gpus": profile_names(),
            "modes": self._base.modes,
            "objectives": self._base.bounds,
        }

    def _ask(self, told: Mapping[str, Any]) -> dict[str, Any]:
        name = str(told.get("page"))
        question = self._questions.begin(name)
        try:
            return answer(self._base, told.get("state", {}), question, self._most_requests)
        finally:
            self._questions.end(name, question)

    def _place(self, told: Mapping[str, Any]) -> dict[str, Any]:
        return {"board": board_of(self._base, told.get("state", {}), str(told.get("mode")))}

    def _guarded(self, app: Any) -> Any:
        """Only requests that name this machine, and only with the token; with headers that let nothing out."""
        allowed = {f"{name}:{self.port}" for name in _NAMES}

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            send = _with_headers(send)
            if headers.get("host") not in allowed:
                await _refuse(
                    send, 403, "this page answers only by the address of the machine that it runs on"
                )
            elif not self._has_token(scope, headers):
                await _refuse(
                    send, 403, "the token is missing or wrong: open the address that gpushare explore said"
                )
            else:
                await app(scope, receive, send)

        return guarded

    def _has_token(self, scope: Any, headers: Mapping[str, str]) -> bool:
        """In the address of the page, in the header of what it asks; script and style are no secret."""
        if scope["path"] in ("/explore.js", "/explore.css"):
            return True
        if scope["method"] == "GET":
            given = dict(
                part.partition("=")[::2] for part in scope["query_string"].decode("latin-1").split("&")
            )
            return secrets.compare_digest(given.get("token", "").encode(), self.token.encode())
        return secrets.compare_digest(
            headers.get("authorization", "").encode(), f"token {self.token}".encode()
        )


async def _replied(request: Any, reply: Callable[[Mapping[str, Any]], Any]) -> Any:
    """What is told as JSON, and the reply to it; errors with their own text."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse

    if int(request.headers.get("content-length", _MOST_BYTES + 1)) > _MOST_BYTES:
        return JSONResponse({"error": f"more than {_MOST_BYTES:,} bytes"}, 413)
    try:
        told = json.loads(await request.body() or b"{}")
        if not isinstance(told, dict) or not isinstance(told.get("state", {}), dict):
            raise ValueError("expected a JSON object")
        return JSONResponse(await run_in_threadpool(reply, told))
    except Superseded:
        return JSONResponse({"superseded": True})  # no error: nobody waits for it
    except (Error, ValueError, OSError) as error:
        return JSONResponse(told_error(error), 422)


async def _refuse(send: Any, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    more = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent


def _server_class(uvicorn: Any, before_end: Callable[[], None]) -> Any:
    """A server that withdraws its questions first, for which it would wait otherwise."""

    class Server(uvicorn.Server):  # type: ignore[misc]
        async def shutdown(self, sockets: Any = None) -> None:
            before_end()
            await super().shutdown(sockets=sockets)

    return Server
