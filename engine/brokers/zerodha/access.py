"""The session at Zerodha: logged in or not, as whom, until when; and how one logs in and out.

A request token is worth a session once. A session's token is dead at six in the morning, known beforehand, or earlier when the broker
says so.
"""

from __future__ import annotations

import logging
import webbrowser
from collections.abc import Callable
from threading import Thread

from engine.brokers.zerodha.login import PAGE, PORT, WAITS_S, Doorway, login_url, redirect_url, request_token_of
from engine.brokers.zerodha.orders import to_ns
from engine.brokers.zerodha.outcome import LOG_IN
from engine.brokers.zerodha.rest import KiteRest
from engine.brokers.zerodha.secrets import Keyring, Secret, Token, Vault, expiry_ns
from engine.clock import Clock
from engine.core.errors import AuthenticationError, BrokerError

log = logging.getLogger(__name__)


class Access:
    """One account's session."""

    def __init__(
        self,
        rest: KiteRest,
        clock: Clock,
        api_key: str,
        api_secret: Secret,
        *,
        keyring: Keyring | None = None,
        page: str = PAGE,
        port: int = PORT,
        open_browser: Callable[[str], object] = webbrowser.open,
    ) -> None:
        """`api_secret` may be empty: then the keyring's is taken. `port`: of the redirect URL that is registered for the app."""
        self.api_key = api_key
        self.token: Token | None = None
        """The living session; None while logged out."""
        self._rest, self._clock = rest, clock
        self._secret = api_secret
        rest.spoken.add(api_secret.value)
        self._vault = Vault(api_key, keyring)
        self._page, self._port = page, port
        self._open_browser = open_browser
        self._door: Doorway | None = None

    @property
    def redirect_url(self) -> str:
        """Return what must be registered as the app's redirect URL."""
        return redirect_url(self._port)

    @property
    def has_secret(self) -> bool:
        """Tell whether the API secret is known, here or in the keyring."""
        try:
            return bool(self._secret or self._vault.api_secret)
        except AuthenticationError:
            return False

    def access_token(self) -> str:
        """Return the access token; raises AuthenticationError while logged out."""
        if self.token is None:
            raise AuthenticationError(f"Expected a session with Zerodha, was none; {LOG_IN}.")
        return self.token.access.value

    def keep_secret(self, secret: Secret) -> None:
        """Keep the API secret in the keyring; raises AuthenticationError when there is none."""
        self._vault.keep_api_secret(secret)
        self._secret = secret

    def restore(self) -> bool:
        """Take up the session that the keyring has, if it is alive and another than the dead one; tells whether there is one now."""
        if self.token is None:
            try:
                self._use(self._vault.token(self._clock.now_ns()))
            except AuthenticationError as error:
                log.info("no session is taken up: %s", error)
        return self.token is not None

    def require_alive(self) -> Token:
        """Return the session; raises AuthenticationError when there is none, or when it is past six in the morning."""
        if self.token is not None and self._clock.now_ns() >= self.token.expires_ns:
            raise AuthenticationError(f"Zerodha ends every session at 06:00; {LOG_IN}.")
        if self.token is None:
            raise AuthenticationError(f"Expected a session with Zerodha, was none; {LOG_IN}.")
        return self.token

    def log_in_by_browser(self, timeout_s: float = WAITS_S) -> Token:
        """Open the login page and wait for the browser to come back; for a worker thread where there is a loop.

        Raises AuthenticationError for everything that keeps one from logging in.
        """
        self._require_secret()
        door = self._door = Doorway(self._clock, self._port)
        try:
            # Beside the waiting: a browser that runs in the foreground comes back only to a door at which somebody stands.
            address = login_url(self.api_key, door.state, self._page)
            Thread(target=self._open_browser, args=(address,), name="browser", daemon=True).start()
            return self.log_in_with(door.wait(timeout_s))
        finally:
            self._door = None

    def cancel(self) -> None:
        """Wait for the browser no longer; from any thread."""
        if (door := self._door) is not None:
            door.close()

    def log_in_by_hand(self, ask: Callable[[str], str]) -> Token:
        """Show the login page's address and take what is pasted; raises AuthenticationError."""
        self._require_secret()
        url = login_url(self.api_key, "", self._page)
        return self.log_in_with(ask(f"Log in at {url}\nand paste here the address that the browser ends at: "))

    def log_in_with(self, pasted: str) -> Token:
        """Turn a request token, or the address that holds it, into a session; raises AuthenticationError or another BrokerError."""
        request_token, secret = request_token_of(pasted), self._require_secret()
        for spoken in (request_token, secret.value):
            self._rest.spoken.add(spoken)
        try:
            said = self._rest.ask_now("generate_session", request_token, secret.value)
        except AuthenticationError as error:
            raise AuthenticationError(_reason(str(error), self.api_key)) from None
        except BrokerError as error:
            raise AuthenticationError(f"Not logged in: {error}") from None
        login_ns = to_ns(said.get("login_time")) or self._clock.now_ns()
        name = str(said.get("user_name") or said.get("user_shortname") or "")
        token = Token(Secret(str(said["access_token"])), str(said.get("user_id") or ""), name, expiry_ns(login_ns))
        self._use(token)
        try:
            self._vault.keep_token(token)
        except AuthenticationError as error:
            log.info("the session is not kept for the next start: %s", error)
        return token

    def log_out(self) -> None:
        """End the session at the broker and forget it here; waits for the broker. A session that is dead already is only forgotten."""
        token = self.token
        if token is not None:
            try:
                self._rest.ask_now("invalidate_access_token", token.access.value)
            except BrokerError as error:
                log.info("the session could not be ended at the broker: %s", error)
        self.drop()

    def drop(self) -> None:
        """Forget the session: it is dead."""
        self._use(None)
        try:
            self._vault.forget_token()
        except AuthenticationError as error:
            log.info("the keyring could not be asked to forget the session: %s", error)

    def _use(self, token: Token | None) -> None:
        self.token = token
        self._rest.use_token(token.access if token is not None else None)

    def _require_secret(self) -> Secret:
        secret = self._secret or self._vault.api_secret
        if not secret or not self.api_key:
            raise AuthenticationError(
                "Expected an API key and its secret, was none; both come from your app in the developer console of Kite Connect."
            )
        return secret


def _reason(said: str, api_key: str) -> str:
    """Say why a request token was not worth a session."""
    words = said.lower()
    if "checksum" in words:
        return f"Expected the API secret of the key {api_key}, was another; copy it anew from the developer console of Kite Connect."
    if "api_key" in words:
        return f"Expected an API key that Kite Connect knows, was {api_key}; copy it anew from the developer console."
    return "The request token was used before, or is older than a few minutes; log in again."
