"""Every route of the running application is behind the door: token, host, origin, fetch metadata."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import websockets
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx import Response
from starlette.routing import WebSocketRoute

from app.api.auth import AccessPolicy
from tests.integration.security.running_app import TOKEN, PolicyServer, Running

EVIL = "https://evil.example"
OPEN = {"/healthz"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and a path for every route, WebSockets as method WS, parameters filled in."""
    for context in iter_route_contexts(app.routes):
        route: Any = context
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        methods = getattr(route, "methods", None)
        if methods is None or isinstance(getattr(context, "route", None), WebSocketRoute):
            yield "WS", path
            continue
        for method in sorted(methods):
            yield method, path


def table(running: Running) -> list[tuple[str, str]]:
    """The whole route table; long enough to be the real one."""
    found = sorted(set(routes(running.app)))
    assert len(found) > 80
    assert ("POST", "/prompt") in found
    assert ("GET", "/api/view") in found
    assert ("WS", "/ws") in found
    return found


async def socket_status(running: Running, path: str, **headers: str) -> int:
    """101 when the socket opens, else the status of the refusal."""
    try:
        async with websockets.connect(
            f"ws://127.0.0.1:{running.port}{path}", additional_headers=headers, proxy=None
        ):
            return 101
    except websockets.InvalidStatus as exc:
        return exc.response.status_code


async def test_without_the_token_every_route_answers_401(exposed: Running) -> None:
    for method, path in table(exposed):
        if method == "WS":
            assert await socket_status(exposed, path) == 401, path
        elif path not in OPEN:
            answer = await exposed.http.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert (
                set(answer.json()["error"]) == {"code", "message", "request_id"} if answer.content else True
            )


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/assets/x.js", "/api/v1/openapi.json", "/view?filename=x"]
)
async def test_unknown_and_static_paths_tell_nothing_either(exposed: Running, path: str) -> None:
    assert (await exposed.http.get(path)).status_code == 401
    assert (await exposed.http.options(path)).status_code == 401


async def test_health_is_open_to_get_and_head_only(exposed: Running) -> None:
    assert (await exposed.http.get("/healthz")).status_code == 200
    assert (await exposed.http.head("/healthz")).status_code == 200
    assert (await exposed.http.get("/healthz", headers={"Host": "any.proxy.example"})).status_code == 200
    assert (await exposed.http.post("/healthz")).status_code == 401


async def test_the_bearer_token_opens_http_and_sockets(exposed: Running) -> None:
    assert (await exposed.http.get("/system_stats", headers=BEARER)).status_code == 200
    assert await socket_status(exposed, "/ws", **BEARER) == 101
    assert await socket_status(exposed, f"/ws?token={TOKEN}") == 101
    assert (await exposed.http.post("/settings", json={"a": 1}, headers=BEARER | {"Origin": EVIL})).is_success


@pytest.mark.parametrize(
    "authorization",
    [TOKEN[:-1], TOKEN + " x", TOKEN + "x", TOKEN.upper(), "-", "x" * 4000, "t\u00f6ken"],
)
async def test_wrong_tokens_are_refused(exposed: Running, authorization: str) -> None:
    header = (b"Authorization", f"Bearer {authorization}".encode())
    answer = await exposed.http.get("/queue", headers=[header])
    assert answer.status_code == 401
    assert TOKEN not in answer.text
    assert authorization == "-" or authorization not in answer.text


async def test_two_credentials_at_once_are_refused(exposed: Running) -> None:
    pair = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")]
    assert (await exposed.http.get("/queue", headers=pair)).status_code == 401
    assert (await exposed.http.get("/queue", headers={"Authorization": f"Basic {TOKEN}"})).status_code == 401


async def test_after_ten_wrong_tokens_the_address_has_to_wait(exposed: Running) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    statuses = [(await exposed.http.get("/queue", headers=wrong)).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    answer = await exposed.http.get("/queue", headers=BEARER)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert (await exposed.http.get("/queue")).status_code == 401
    assert (await exposed.http.get("/healthz")).status_code == 200


async def signed_in(exposed: Running) -> str:
    """The cookie header of a browser that opened the address with the token."""
    answer = await exposed.http.get(f"/queue?a=1&token={TOKEN}&b=%20x")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/queue?a=1&b=+x"
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    exposed.http.cookies.clear()
    return cookie.partition(";")[0]


async def test_the_token_in_the_address_becomes_a_cookie(exposed: Running) -> None:
    cookie = await signed_in(exposed)
    assert (await exposed.http.get("/queue", headers={"Cookie": cookie})).status_code == 200
    assert (await exposed.http.get("/queue", headers={"Cookie": cookie + "0"})).status_code == 401
    assert (await exposed.http.get("/queue?token=wrong")).status_code == 401
    assert (await exposed.http.post(f"/settings?token={TOKEN}", json={})).status_code == 401


async def test_cookie_sessions_need_proof_of_the_same_origin(exposed: Running) -> None:
    cookie = {"Cookie": await signed_in(exposed)}

    async def post(**headers: str) -> int:
        return (await exposed.http.post("/settings", json={"a": 1}, headers=cookie | headers)).status_code

    assert await post() == 403
    assert await post(Origin=EVIL) == 403
    assert await post(Origin="null") == 403
    assert await post(Origin=exposed.url) == 200
    assert await post(**{"Sec-Fetch-Site": "same-origin"}) == 200
    assert await post(**{"Sec-Fetch-Site": "same-site"}) == 403
    assert await socket_status(exposed, "/ws", **cookie) == 403
    assert await socket_status(exposed, "/ws", **cookie, Origin=EVIL) == 403
    assert await socket_status(exposed, "/ws", **cookie, Origin=exposed.url) == 101


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "//evil.example/%2e%2e"])
async def test_signing_in_never_leads_to_another_host(exposed: Running, path: str) -> None:
    request = f"GET {path}?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = (await exposed.raw(request.encode())).decode("latin-1")
    location = re.search(r"(?im)^location: (\S+)", answer)
    if location is not None:
        assert re.match(r"/(?![/\\])", location[1])


async def test_people_get_a_page_that_asks_for_the_token(exposed: Running) -> None:
    answer = await exposed.http.get("/", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 401
    assert 'name="token"' in answer.text
    assert "<script" not in answer.text


async def test_a_server_for_named_hosts_refuses_others(serve_with: PolicyServer) -> None:
    policy = AccessPolicy(token=TOKEN, allowed_hosts=frozenset({"art.example"}))
    async with serve_with(policy) as running:

        async def get(host: str) -> int:
            return (await running.http.get("/queue", headers=BEARER | {"Host": host})).status_code

        assert await get("art.example") == 200
        assert await get("ART.example:8188") == 200
        for host in ("art.example.evil", "evil.art.example", "art-example", "art.example."):
            assert await get(host) in (400, 421), host


@pytest.mark.parametrize(
    "host",
    [
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "127.0.0.1:8188@evil.example",
        "",
        "2130706433",
        "0x7f.0.0.1",
        "localhost:0",
        "localhost:99999",
        "[::1",
        "localhost/",
        "127.0.0.1, evil.example",
        "evil.example",
        "0.0.0.0",  # noqa: S104  sent, not bound
    ],
)
async def test_foreign_and_malformed_hosts_are_refused(local: Running, host: str) -> None:
    for path in ("/", "/healthz", "/view?filename=x", "/queue"):
        answer = await local.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert int(answer.split(b" ", 2)[1]) in (400, 403, 421), (host, path)


@pytest.mark.parametrize("headers", ["", "Host: localhost\r\nHost: localhost\r\n"])
async def test_exactly_one_host_is_needed(local: Running, headers: str) -> None:
    answer = await local.raw(f"GET /queue HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] == b"400"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:{port}", "[::1]:{port}", "127.8.9.1", "LOCALHOST"])
async def test_names_of_this_machine_are_answered(local: Running, host: str) -> None:
    answer = await local.http.get("/queue", headers={"Host": host.format(port=local.port)})
    assert answer.status_code == 200


def changing(running: Running) -> list[tuple[str, str]]:
    """The routes that change something."""
    return [each for each in table(running) if each[0] in ("POST", "PUT", "PATCH", "DELETE")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1:99999"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Mode": "cors"},
        {"Referer": f"{EVIL}/page"},
        {"Cookie": "a=b"},
    ],
    ids=str,
)
async def test_foreign_pages_change_nothing(local: Running, headers: dict[str, str]) -> None:
    bodies = ("text/plain", "application/x-www-form-urlencoded", "application/json")
    for method, path in changing(local):
        for kind in bodies:
            answer = await local.http.request(
                method, path, content=b'{"a": 1}', headers={**headers, "Content-Type": kind}
            )
            assert answer.status_code == 403, (method, path, kind)
    assert (await local.http.get("/settings")).json() == {}


async def test_foreign_pages_open_no_socket(local: Running) -> None:
    assert await socket_status(local, "/ws", Origin=EVIL) == 403
    assert await socket_status(local, "/ws", Origin="null") == 403
    assert await socket_status(local, "/ws", Origin=local.url) == 101
    assert await socket_status(local, "/ws") == 101


async def test_foreign_pages_read_nothing_but_links_work(local: Running) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await local.http.get("/queue", headers={"Origin": EVIL})).status_code == 403
    assert (await local.http.get("/queue", headers=cross | {"Sec-Fetch-Mode": "no-cors"})).status_code == 403
    followed = await local.http.get("/", headers=cross | {"Sec-Fetch-Mode": "navigate"})
    assert followed.status_code == 200


async def test_the_editors_own_page_works(local: Running) -> None:
    own = {"Origin": local.url, "Sec-Fetch-Site": "same-origin", "Cookie": "a=b", "Referer": local.url}
    assert (await local.http.post("/settings", json={"a": 1}, headers=own)).status_code == 200


async def test_plain_scripts_work_whatever_content_type_they_send(local: Running) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await local.http.post("/settings", content=b'{"a": 1}', headers=form)).status_code == 200
    assert (await local.http.get("/settings")).json() == {"a": 1}
    answer = await local.http.post("/prompt", content=b"{}", headers=form)
    assert answer.json()["error"]["type"] == "no_prompt"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
async def test_a_proxy_in_front_of_a_server_without_login_is_refused(local: Running, name: str) -> None:
    answer = await local.http.get("/queue", headers={name: "for=127.0.0.1"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "proxy_without_login"


async def test_preflights_of_foreign_pages_get_no_permission(
    local: Running, serve_with: PolicyServer
) -> None:
    asking = {"Access-Control-Request-Method": "POST"}

    def permission(answer: Response) -> str | None:
        return answer.headers.get("Access-Control-Allow-Origin")

    refused = await local.http.options("/prompt", headers=asking | {"Origin": EVIL})
    assert (refused.status_code, permission(refused)) == (403, None)
    good = "https://good.example"
    async with serve_with(AccessPolicy(cors_origins=frozenset({good}))) as running:
        for origin in (f"{good}.evil.example", "null", "https://good.example:444", "http://good.example"):
            answer = await running.http.options("/prompt", headers=asking | {"Origin": origin})
            assert permission(answer) is None, origin
        allowed = await running.http.options("/prompt", headers=asking | {"Origin": good})
        assert (allowed.status_code, permission(allowed)) == (200, good)
        assert (await running.http.get("/queue", headers={"Origin": good})).status_code == 200


async def test_security_headers_are_on_every_answer(local: Running) -> None:
    wanted = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
    }
    for path, host in (
        ("/", ""),
        ("/nowhere", ""),
        ("/queue", ""),
        ("/queue", "evil.example"),
        ("/view", ""),
    ):
        answer = await local.http.get(path, headers={"Host": host} if host else None)
        assert wanted.items() <= dict(answer.headers).items(), path
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe-eval" not in policy
        for rule in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'self'"):
            assert rule in policy


async def test_methods_and_oversized_parts_are_refused(local: Running) -> None:
    for method in ("TRACE", "PROPFIND", "FOO"):
        assert (await local.get_path("/queue", method))[0] == 405, method
    override = {"X-HTTP-Method-Override": "DELETE"}
    assert (await local.http.get("/userdata/x", headers=override)).status_code == 404
    assert (await local.http.get("/queue", headers={"X-Long": "x" * 20_000})).status_code in (400, 431)
    many = {f"X-{number}": "x" * 300 for number in range(50)}
    assert (await local.http.get("/queue", headers=many)).status_code in (200, 400, 431)
    assert (await local.http.options("/prompt")).status_code == 200
    head = await local.http.head("/features")
    assert (head.status_code, head.content) == (200, b"")


async def test_bodies_over_the_limit_are_refused(local: Running) -> None:
    declared = f"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1:{local.port}\r\nContent-Length: 10737418240\r\n\r\n"
    assert b" 413 " in (await local.raw(declared.encode()))[:20]

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 100_000

    for path in ("/prompt", "/userdata/x", "/settings"):
        with_limit = await asyncio.wait_for(local.http.post(path, content=endless()), 20)
        assert with_limit.status_code == 413, path
    assert not (local.folders.user / "default" / "x").exists()
