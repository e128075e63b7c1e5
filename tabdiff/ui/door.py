"""Who may come in: the page that this server itself gave, asked for by a name of this computer.

A page from elsewhere can make a browser send requests to 127.0.0.1, and by rebinding a name of its
own (DNS) even read the answers. Both show: in the ``Host`` that the browser believes it speaks to,
and in the ``Origin`` of what it sends.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page loads nothing from elsewhere, and nobody frames it but itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Door:
    """Lets in what asks for one of ``hosts``, and sends only from there.

    Parameters
    ----------
    app : ASGI application
    hosts : set of str
        With the port, as browsers write them.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reason = self._objection(Headers(scope=scope), scope.get("method", ""))
        if reason or scope["type"] != "http":
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers.update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _objection(self, headers: Headers, method: str) -> str:
        """Why the request is refused; empty if it is not."""
        if headers.getlist("host") == [] or not set(headers.getlist("host")) <= self._hosts:
            return f"This page is at http://{min(self._hosts)} only."
        origins = headers.getlist("origin")
        if any(origin not in {f"http://{host}" for host in self._hosts} for origin in origins):
            return "Other pages have no business here."
        if method not in ("GET", "HEAD") and not origins:
            return "Only the page itself may send something."
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "Other pages have no business here."
        return ""
