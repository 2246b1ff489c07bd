"""The page that asks a person for the token, and the address without it; used by app.api.auth."""

from urllib.parse import parse_qsl, urlencode

SIGN_IN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Comfy Creator</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;margin:1rem}
form{display:flex;gap:.5rem;flex-wrap:wrap}
input{flex:1;min-width:16rem}input,button{font:inherit;padding:.4rem .7rem}
</style></head><body><main>
<h1>Comfy Creator</h1>
<p>This server needs its token. It was printed when the server first started.
On the server's computer <code>comfy-creator token</code> shows it again,
with the server's <code>--base-directory</code> if it was given one.</p>
<form method="get" action="/"><label for="token" hidden>Token</label>
<input id="token" name="token" type="password" required autocomplete="current-password" placeholder="Token">
<button>Open</button></form>
</main></body></html>
"""


def split_token(query: bytes) -> tuple[str | None, bytes]:
    """The value of `token` (the last one given) and the query without it."""
    if b"token=" not in query:
        return None, query
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return "", b""
    tokens = [value for name, value in pairs if name == "token"]
    if not tokens:
        return None, query
    rest = urlencode([pair for pair in pairs if pair[0] != "token"])
    return tokens[-1], rest.encode("latin-1")


def local_address(raw_path: bytes, query: bytes) -> str:
    """Path and query as a redirect target that cannot lead to another host."""
    path = raw_path.partition(b"?")[0].decode("latin-1").replace("\\", "%5C")
    address = "/" + path.lstrip("/")
    return f"{address}?{query.decode('latin-1')}" if query else address
