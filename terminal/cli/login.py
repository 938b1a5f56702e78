"""Logs in at Zerodha from a console: by the browser, or by pasting the address that it ended at; secrets go into the keyring.

A terminal that is running takes the new session up by itself.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from engine.clock import ist
from engine.core.errors import AuthenticationError, InvalidOption
from terminal.arming import disarm
from terminal.connection import kite_options
from terminal.settings import Settings, data_folder, make_folder

if TYPE_CHECKING:
    from engine.brokers.zerodha.access import Access


def login(arguments: argparse.Namespace) -> int:
    """Log in, or out; returns the exit code. Raises TradingError that says what to do."""
    folder = make_folder(data_folder(arguments.data_dir))
    settings = Settings.load(folder)
    if arguments.api_key:
        settings.change(api_key=arguments.api_key)
    if not settings["api_key"]:
        raise InvalidOption("Expected the API key of your Kite Connect app, was none; give --api-key KEY.")
    from engine.brokers.base import create_broker
    from engine.brokers.zerodha.broker import ZerodhaBroker

    broker = create_broker("zerodha", **kite_options(settings, folder))
    assert isinstance(broker, ZerodhaBroker)
    access = broker.access
    if arguments.out:
        disarm(folder)
        access.restore()
        access.log_out()
        print("Logged out.")
        return 0
    if arguments.secret or not access.has_secret:
        _keep_secret(access)
    if arguments.again:
        access.drop()
    print(f"The redirect URL of the app must be {access.redirect_url}", file=sys.stderr)
    broker.interactive_login(paste=arguments.paste)
    token = access.require_alive()
    print(f"Logged in as {token.user_name or token.user_id} ({token.user_id}) until {ist(token.expires_ns):%a %H:%M}.")
    return 0


def _keep_secret(access: Access) -> None:
    """Ask for the API secret, unseen, and keep it in the keyring."""
    from engine.brokers.zerodha.secrets import Secret

    typed = getpass.getpass("API secret (it is not shown, and kept in the keyring): ").strip()
    if not typed:
        raise AuthenticationError("Expected an API secret, was none; copy it from the developer console of Kite Connect.")
    access.keep_secret(Secret(typed))
