"""The door of the server: every HTTP request and socket is judged here before any route sees it.

Plain ASGI around the whole application, so that nothing (error pages, static files, sockets) escapes it.
"""

import json
import logging
import uuid
from collections.abc import MutableMapping
from typing import Any, cast

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.security.decide import Admission, Asked, Refusal, decide
from app.api.security.failures import FailureLimit
from app.api.security.headers import add_cache_control, add_cors_headers, add_security_headers
from app.api.security.limits import LimitedBody, body_limit, declared_length, drain
from app.api.security.policy import AccessPolicy
from app.api.security.policy import BadPolicy as BadPolicy
from app.api.security.sign_in import SIGN_IN_PAGE, local_address, split_token
from app.api.security.token_file import BadToken as BadToken
from app.api.security.token_file import read_or_make_token as read_or_make_token

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 100 * 1024 * 1024
SESSION_S = 30 * 24 * 3600
"""Seconds a browser stays signed in."""


def install(app: FastAPI, policy: AccessPolicy, *, max_upload_bytes: int = MAX_UPLOAD_BYTES) -> None:
    """Put the access check around everything; call it after all routes and middleware are in place."""
    app.middleware_stack = AccessCheck(
        app.build_middleware_stack(), policy, max_upload_bytes=max_upload_bytes
    )


class AccessCheck:
    """Judges each request by the policy, limits its body, and adds the headers that every answer carries."""

    def __init__(
        self, app: ASGIApp, policy: AccessPolicy, *, max_upload_bytes: int = MAX_UPLOAD_BYTES
    ) -> None:
        self._app = app
        self._policy = policy
        self._failures = FailureLimit()
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        cast("dict[str, Any]", scope.setdefault("state", {}))["request_id"] = request_id
        asked = self._asked(scope)
        verdict = decide(self._policy, asked)
        answer = _Answer(send, asked, verdict, private=self._policy.token is not None, request_id=request_id)
        if isinstance(verdict, Admission):
            await self._admit(verdict, asked, scope, receive, answer)
            return
        if verdict.counts:
            self._failures.failed(_address(scope))
        log.warning("refused: %s %r (%s) from %s", asked.method, asked.path, verdict.code, _address(scope))
        await _refuse(verdict, asked, scope, receive, answer)

    def _asked(self, scope: Scope) -> Asked:
        token, rest = split_token(scope["query_string"])
        if self._policy.token is not None:
            scope["query_string"] = rest  # in place: what logs the request later never sees the token
        else:
            token = None
        return Asked(
            kind="http" if scope["type"] == "http" else "websocket",
            method=str(scope.get("method", "GET")),
            scheme=str(scope.get("scheme", "http")),
            path=str(scope["path"]),
            headers=_headers(scope),
            query_token=token,
            blocked_s=self._failures.wait_s(_address(scope)),
        )

    async def _admit(
        self, verdict: Admission, asked: Asked, scope: Scope, receive: Receive, answer: "_Answer"
    ) -> None:
        if asked.kind == "websocket":
            await self._app(scope, receive, answer)
        elif verdict.sign_in:
            await self._sign_in(scope)(scope, receive, answer)
        elif asked.method == "OPTIONS":
            await Response()(scope, receive, answer)
        else:
            limit = body_limit(asked.path, self._max_upload_bytes)
            refusal = _body_refusal(asked, limit)
            if refusal is not None:
                await drain(receive)
                await _refuse(refusal, asked, scope, receive, answer)
                return
            method = "GET" if asked.method == "HEAD" else asked.method
            await self._app({**scope, "method": method}, LimitedBody(receive, limit), answer)

    def _sign_in(self, scope: Scope) -> Response:
        response = RedirectResponse(local_address(_raw_path(scope), scope["query_string"]), status_code=303)
        response.set_cookie(
            self._policy.cookie_name,
            self._policy.new_session(),
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
        )
        response.headers["Cache-Control"] = "no-store"
        return response


class _Answer:
    """A `send` that completes headers and leaves the body of answers to HEAD out."""

    def __init__(
        self, send: Send, asked: Asked, verdict: Admission | Refusal, *, private: bool, request_id: str
    ) -> None:
        self._send = send
        self._asked = asked
        self._cors_origin = verdict.cors_origin if isinstance(verdict, Admission) else None
        self._host = asked.header("host") if isinstance(verdict, Admission) and verdict.host else None
        self._private = private
        self._request_id = request_id

    async def __call__(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self._complete(message)
        elif message["type"] == "http.response.body" and self._asked.method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    def _complete(self, message: MutableMapping[str, Any]) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Request-Id"] = self._request_id
        add_security_headers(headers, self._host)
        add_cache_control(headers, self._asked.path, message["status"], private=self._private)
        if self._cors_origin:
            add_cors_headers(headers, self._cors_origin)


async def _refuse(refusal: Refusal, asked: Asked, scope: Scope, receive: Receive, answer: "_Answer") -> None:
    if asked.kind == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await answer({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    response = _refusal_body(refusal, asked, scope["state"]["request_id"])
    response.headers["Cache-Control"] = "no-store"
    response.headers["Connection"] = "close"  # the body, if there is one, is not read
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    await response(scope, receive, answer)


def _refusal_body(refusal: Refusal, asked: Asked, request_id: str) -> Response:
    navigation = asked.method == "GET" and asked.header("sec-fetch-mode") in (None, "navigate")
    if refusal.status == 401 and navigation and "text/html" in (asked.header("accept") or ""):
        return HTMLResponse(SIGN_IN_PAGE, status_code=401)
    error = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
    return Response(
        json.dumps({"error": error}),
        status_code=refusal.status,
        media_type="application/json; charset=utf-8",
    )


def _body_refusal(asked: Asked, limit: int) -> Refusal | None:
    try:
        length = declared_length(asked.headers.get("content-length", ()))
    except ValueError:
        return Refusal(status=400, code="bad_length", message="The request's Content-Length is malformed.")
    if length is not None and length > limit:
        return Refusal(
            status=413, code="body_too_large", message=f"The request's body is larger than {limit} bytes."
        )
    return None


def _headers(scope: Scope) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in cast("list[tuple[bytes, bytes]]", scope["headers"]):
        key = name.decode("latin-1").lower()
        found[key] = (*found.get(key, ()), value.decode("latin-1"))
    return found


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _raw_path(scope: Scope) -> bytes:
    return cast("bytes", scope.get("raw_path")) or str(scope["path"]).encode("utf-8")
