"""Options for the network: private addresses, the proxy, certificates and name servers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.cli.value_file import lines_of, named_file
from crawler.errors import ConfigurationError
from crawler.policy.network import Network

_option = partial(typer.Option, rich_help_panel="Network")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How hosts are found and reached."""

    allow_private: Annotated[
        bool, _option("--allow-private", metavar="", help="Let links lead into your own networks, too.")
    ] = False
    proxy: Annotated[
        str | None, _option("--proxy", metavar="URL", help="An http(s) proxy; @FILE: the URL in FILE.")
    ] = None
    ca_file: Annotated[
        str | None, _option("--ca-file", metavar="FILE", help="Trust these certificates (PEM), too.")
    ] = None
    nameserver: Annotated[
        list[str] | None,
        _option("--nameserver", metavar="ADDRESS", help="Name server to ask instead of the system's; repeatable."),
    ] = None

    def applied_to(self, network: Network) -> Network:
        """Return ``network``, changed by these options.

        Raises:
            ConfigurationError: The value of an option is invalid.
        """
        changes = given(
            allow_private=self.allow_private or None,
            proxy=self._proxy(),
            ca_file=self.ca_file,
            nameservers=self.nameserver,
        )
        return replace(network, **changes)

    def _proxy(self) -> str | None:
        file = named_file(self.proxy or "")
        if file is None:
            return self.proxy
        lines = list(lines_of(file, is_secret=True))
        if len(lines) != 1:
            raise ConfigurationError(f"--proxy: {file!r} has {len(lines)} lines; write one, the URL of the proxy")
        return lines[0].text
