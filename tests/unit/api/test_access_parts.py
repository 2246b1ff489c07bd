"""The parts of the door that need no server: token file, policy, failure limit, host and origin parsing."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.security.addresses import Authority, parse_authority, same_origin
from app.api.security.decide import Admission, Asked, Refusal, decide
from app.api.security.failures import FailureLimit
from app.api.security.policy import AccessPolicy, BadPolicy
from app.api.security.sign_in import local_address, split_token
from app.api.security.token_file import BadToken, read_or_make_token


def test_a_token_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = read_or_make_token(path)
    assert len(token) >= 43  # 256 bits in base 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_make_token(path) == token
    assert read_or_make_token(tmp_path / "other") != token


@pytest.mark.parametrize("content", ["", "short", "two words of enough length here", "x" * 300])
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(BadToken, match="remove the file"):
        read_or_make_token(path)


@pytest.mark.parametrize(
    ("listen", "demanded"),
    [
        (["127.0.0.1"], False),
        (["localhost", "::1"], False),
        (["127.0.0.1", "0.0.0.0"], True),  # noqa: S104  not bound
        (["::"], True),
        (["192.168.1.5"], True),
        (["art.example"], True),
    ],
)
def test_any_address_but_this_machine_demands_the_token(
    tmp_path: Path, listen: list[str], demanded: bool
) -> None:
    policy = AccessPolicy.for_bind(listen=listen, token_file=tmp_path / "token")
    assert (policy.token is not None) is demanded
    assert (tmp_path / "token").exists() is demanded


def test_a_server_behind_a_proxy_demands_the_token(tmp_path: Path) -> None:
    policy = AccessPolicy.for_bind(listen=["127.0.0.1"], token_file=tmp_path / "token", demand_token=True)
    assert policy.token is not None


@pytest.mark.parametrize("origins", ["*", "null", "https://a.example, *"])
def test_open_cross_origin_access_is_refused(tmp_path: Path, origins: str) -> None:
    with pytest.raises(BadPolicy, match="exact origins"):
        AccessPolicy.for_bind(listen=["127.0.0.1"], token_file=tmp_path / "token", cors_origin=origins)


def test_sessions_belong_to_one_token() -> None:
    policy, other = AccessPolicy(token="a" * 30), AccessPolicy(token="b" * 30)
    session = policy.new_session()
    assert policy.is_session(session)
    assert policy.new_session() != session
    for wrong in (
        "",
        ".",
        session[:-1],
        session + "0",
        session.replace(".", ""),
        "x." + session.partition(".")[2],
    ):
        assert not policy.is_session(wrong)
    assert not other.is_session(session)
    assert not AccessPolicy().is_session(session)


def test_the_lock_out_counts_per_address_and_ends_by_itself() -> None:
    now = [0.0]
    limit = FailureLimit(clock=lambda: now[0])
    for second in range(10):
        now[0] = float(second)
        assert limit.wait_s("1.2.3.4") == 0
        limit.failed("1.2.3.4")
    assert limit.wait_s("1.2.3.4") == 51
    assert limit.wait_s("1.2.3.5") == 0
    now[0] = 60.0
    assert limit.wait_s("1.2.3.4") == 0
    limit.failed("1.2.3.4")
    assert limit.wait_s("1.2.3.4") == 1


def test_one_ipv6_network_counts_as_one_address() -> None:
    limit = FailureLimit(clock=lambda: 0.0)
    for number in range(10):
        limit.failed(f"2001:db8::{number}")
    assert limit.wait_s("2001:db8::ffff") > 0
    assert limit.wait_s("2001:db8:0:1::1") == 0


def test_the_failure_table_is_bounded() -> None:
    limit = FailureLimit(clock=lambda: 0.0)
    for _ in range(10):
        limit.failed("first")
    for number in range(5000):
        limit.failed(f"address{number}")
    assert limit.wait_s("first") == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:8188", Authority("localhost", 8188)),
        ("LOCALHOST", Authority("localhost", None)),
        ("[::1]:80", Authority("::1", 80)),
        ("[0:0:0:0:0:0:0:1]", Authority("::1", None)),
        ("a_b.example", Authority("a_b.example", None)),
        ("localhost.", None),
        ("localhost:", None),
        ("localhost:0", None),
        ("localhost:65536", None),
        ("::1", None),
        ("[::1", None),
        ("a@b", None),
        ("a b", None),
        ("", None),
        ("bücher.example", None),
    ],
)
def test_hosts_are_parsed_strictly(text: str, expected: Authority | None) -> None:
    assert parse_authority(text) == expected


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "proxied", "same"),
    [
        ("http://localhost:8188", "localhost:8188", "http", False, True),
        ("http://localhost:8189", "localhost:8188", "http", False, False),
        ("http://127.0.0.1:8188", "localhost:8188", "http", False, False),
        ("http://art.example", "art.example", "http", False, True),
        ("http://art.example:80", "art.example", "http", False, True),
        ("https://art.example", "art.example", "http", False, False),
        ("https://art.example", "art.example", "http", True, True),
        ("https://art.example", "art.example", "https", False, True),
        ("https://art.example:444", "art.example", "https", True, False),
        ("https://art.example.evil", "art.example", "https", True, False),
        ("http://a@art.example", "art.example", "http", True, False),
        ("ftp://art.example", "art.example", "http", True, False),
        ("null", "art.example", "http", True, False),
        ("http://art.example/", "art.example", "http", True, False),
    ],
)
def test_an_origin_is_ours_only_exactly(
    origin: str, host: str, scheme: str, proxied: bool, same: bool
) -> None:
    authority = parse_authority(host)
    assert authority is not None
    assert same_origin(origin, authority, scheme=scheme, proxied=proxied) is same


@given(
    st.dictionaries(
        st.sampled_from(["host", "origin", "cookie", "authorization", "sec-fetch-site", "forwarded"]),
        st.lists(st.text(max_size=30), max_size=3).map(tuple),
    ),
    st.sampled_from(["GET", "POST", "OPTIONS", "get", "\0"]),
    st.one_of(st.none(), st.text(max_size=20)),
)
def test_no_request_without_the_token_is_let_in(
    headers: dict[str, tuple[str, ...]], method: str, query_token: str | None
) -> None:
    policy = AccessPolicy(token="correct-token-of-some-length")  # noqa: S106  made up
    asked = Asked(
        kind="http", method=method, scheme="http", path="/queue", headers=headers, query_token=query_token
    )
    assert isinstance(decide(policy, asked), Refusal)


@given(st.text(max_size=40), st.sampled_from(["GET", "POST", "DELETE"]))
def test_on_loopback_only_names_of_this_machine_are_answered(host: str, method: str) -> None:
    asked = Asked(kind="http", method=method, scheme="http", path="/queue", headers={"host": (host,)})
    verdict = decide(AccessPolicy(), asked)
    if isinstance(verdict, Admission):
        assert verdict.host is not None
        assert verdict.host.name == "localhost" or verdict.host.name.startswith(("127.", "::1"))


@pytest.mark.parametrize(
    ("query", "token", "rest"),
    [
        (b"", None, b""),
        (b"a=1&b=2", None, b"a=1&b=2"),
        (b"mytoken=1", None, b"mytoken=1"),
        (b"token=x", "x", b""),
        (b"a=1&token=x&b=&token=y", "y", b"a=1&b="),
        (b"token=", "", b""),
        (b"&".join([b"token=x"] * 200), "", b""),
    ],
)
def test_the_token_leaves_the_query(query: bytes, token: str | None, rest: bytes) -> None:
    assert split_token(query) == (token, rest)


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_a_redirect_never_leads_to_another_host(path: bytes, query: bytes) -> None:
    address = local_address(path, query)
    assert address.startswith("/")
    assert not address.startswith(("//", "/\\"))
