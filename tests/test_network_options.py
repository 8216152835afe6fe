from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.policy.network import Network, checked_proxy

REQUEST = Request("http://example.org/a")


def by_host(request: Request) -> str | None:
    return "http://user:secret@proxy.example" if "example.org" in request.url else None


def test_the_defaults_are_for_the_public_internet_without_a_proxy() -> None:
    network = Network()
    assert (network.allow_private, network.nameservers, network.dns_timeout) == (False, (), 5.0)
    assert network.proxy_for(REQUEST) is None


@pytest.mark.parametrize(
    ("proxy", "normalised"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128/"),
        ("https://proxy.example", "https://proxy.example/"),
        ("HTTP://user:p@ss@PROXY.example:80/", "http://user:p%40ss@proxy.example/"),
        ("http://caf\u00e9:\u00fc@proxy.example", "http://caf%C3%A9:%C3%BC@proxy.example/"),
        ("http://:token@[::1]:8080", "http://:token@[::1]:8080/"),
    ],
)
def test_a_proxy_is_a_url_with_or_without_credentials(proxy: str, normalised: str) -> None:
    assert Network(proxy=proxy).proxy_for(REQUEST) == normalised


@pytest.mark.parametrize(
    "proxy",
    [
        *("", "proxy.example:3128", "socks5://u:secret@proxy.example", "http://u:secret@proxy.example/path"),
        *(
            "http://u:secret@proxy.example/?",
            "http://u%3av:secret@proxy.example",
            "http://u:secret\u65e5@proxy.example",
        ),
        *("http://u:secret@", "http://u:secret@proxy.example:99999", 3128, b"http://u:secret@proxy.example"),
    ],
)
def test_what_is_no_proxy_is_refused_without_its_password(proxy: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^proxy=.*expected a (URL|user name)") as caught:
        Network(proxy=proxy)
    with pytest.raises(ConfigurationError, match=r"^proxy="):
        Network(proxy=lambda _request: proxy).proxy_for(REQUEST)
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret" not in str(error)
        error = error.__cause__


def test_a_proxy_may_be_chosen_for_each_request() -> None:
    network = Network(proxy=by_host)
    assert network.proxy_for(REQUEST) == "http://user:secret@proxy.example/"
    assert network.proxy_for(Request("http://example.net/")) is None


def test_a_password_is_not_shown_with_the_options() -> None:
    assert "secret" not in repr(Network(proxy="http://user:secret@proxy.example"))


def test_the_environment_chooses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert Network().proxy_for(REQUEST) is None


@pytest.mark.parametrize(
    "server", ["192.0.2.1", "127.0.0.1:5353", "2001:db8::1", "::1", "[::1]:53", "[2001:db8::1]:65535", "fe80::1%eth0"]
)
def test_name_servers_are_addresses_with_or_without_a_port(server: str) -> None:
    assert Network(nameservers=(server,)).nameservers == (server,)


@pytest.mark.parametrize(
    "server",
    [
        *("", "dns.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:5x", "192.0.2", "[::1]"),
        *("[::1", "[::1]53", "[192.0.2.1]:53", "2001:db8::1:53:", "192.0.2.1:\u0665", "127.0.0.1,8.8.8.8", 53, None),
    ],
)
def test_what_is_no_name_server_is_refused(server: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^nameservers="):
        Network(nameservers=(server,))


@pytest.mark.parametrize(
    "options",
    [
        {"nameservers": "127.0.0.1"},
        {"dns_timeout": 0},
        {"dns_timeout": float("inf")},
        {"allow_private": "no"},
        {"ca_file": 5},
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Network(**options)


def test_options_survive_pickling() -> None:
    network = Network(True, ("127.0.0.1:53",), 1.0, by_host, Path("ca.pem"))
    assert pickle.loads(pickle.dumps(network)) == network  # noqa: S301  # its own bytes


@given(st.text())
def test_no_text_for_a_proxy_raises_anything_else(text: str) -> None:
    try:
        url = checked_proxy(text)
    except ConfigurationError:
        return
    assert checked_proxy(url) == url
    assert url.startswith(("http://", "https://"))
