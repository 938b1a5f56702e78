"""Prints a token of the REST API for a script of the same user: `curl -H "Authorization: Bearer $(shikra token)" ...`."""

from __future__ import annotations

import argparse

from terminal.api.tokens import Tokens, scope_named
from terminal.settings import data_folder, make_folder


def token(arguments: argparse.Namespace) -> int:
    """Print the token of a scope, made anew with --rotate; or make all of them worthless."""
    tokens = Tokens(make_folder(data_folder(arguments.data_dir)))
    if arguments.revoke:
        tokens.revoke()
        print("No token is worth anything any more.")
        return 0
    scope = scope_named(arguments.scope)
    print(tokens.rotate(scope) if arguments.rotate else tokens.get(scope))
    return 0
