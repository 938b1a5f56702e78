"""Messages to afar: to a real server on this machine, beside the loop; addresses are in the keyring and nowhere else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine.alerts import remote
from engine.alerts.channels import CHANNELS, Message
from engine.alerts.remote import Addresses, RemoteChannel
from engine.core.alerts import Level
from engine.core.errors import AuthenticationError, InvalidOption
from engine.keyrings import MemoryKeyring
from engine.tasks import Tasks

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Mailbox:
    """A server that takes notifications as JSON; it answers as the test says."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.holds = threading.Event()
        self.holds.set()
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                box.holds.wait(10)
                box.got.append(json.loads(body))
                self.send_response(box.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def address(self) -> str:
        return f"json://user:s3cret@127.0.0.1:{self.server.server_port}/box"

    def close(self) -> None:
        self.holds.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    yield made
    made.close()


def sending(address: str, *texts: str, until: int, patience_s: float = 20.0) -> Callable[[], Any]:
    """Send texts to an address, and return what became of each."""

    async def play() -> list[str]:
        tasks, outcomes, done = Tasks(), [], asyncio.Event()
        addresses = Addresses(MemoryKeyring())
        addresses.add(address)
        channel = RemoteChannel(tasks, addresses)

        def on_outcome(problem: str) -> None:
            outcomes.append(problem)
            if len(outcomes) == until:
                done.set()

        channel.on_outcome = on_outcome
        for text in texts:
            channel.send(Message(Level.CRITICAL, text))
        await asyncio.wait_for(done.wait(), 20)
        await tasks.close()
        return outcomes

    return play  # type: ignore[return-value]


def test_messages_arrive_in_order_and_the_loop_does_not_wait(mailbox: Mailbox, loop_run: Any) -> None:
    assert loop_run(sending(mailbox.address, "one", "two", until=2)()) == ["", ""]
    assert [(note["title"], note["message"], note["type"]) for note in mailbox.got] == [
        ("Shikra", "one", "failure"),
        ("Shikra", "two", "failure"),
    ]


def test_what_is_refused_is_named_by_its_kind_only(mailbox: Mailbox, loop_run: Any, caplog: pytest.LogCaptureFixture) -> None:
    mailbox.status = 500
    outcomes = loop_run(sending(mailbox.address, "one", until=1)())
    assert outcomes == ["json did not take the message."]
    assert "s3cret" not in caplog.text + str(outcomes)


def test_a_server_that_does_not_answer_is_given_up(mailbox: Mailbox, loop_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE_S", 0.05)
    mailbox.holds.clear()

    async def play() -> Any:
        outcomes = await sending(mailbox.address, "one", until=1)()
        mailbox.holds.set()
        return outcomes

    assert loop_run(play()) == ["there was no answer within 0.05 s."]


def test_addresses_lie_in_the_keyring_and_show_only_their_kind() -> None:
    ring = MemoryKeyring()
    addresses = Addresses(ring)
    assert addresses.kinds() == []
    addresses.add("json://user:s3cret@127.0.0.1/box")
    addresses.add("mailto://someone:pa55@example.com")
    assert addresses.kinds() == ["json://…", "mailto://…"]
    assert "s3cret" not in repr(addresses.read())
    again = Addresses(ring)
    again.remove(0)
    assert Addresses(ring).kinds() == ["mailto://…"]
    for wrong in ("nonsense", "pigeon://coop", "tgram://"):
        with pytest.raises(InvalidOption, match="Expected an address"):
            addresses.add(wrong)


def test_without_addresses_nothing_is_sent_and_a_locked_keyring_is_told(loop_run: Any) -> None:
    class Locked(MemoryKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            raise AuthenticationError("Expected a keyring that opens; unlock it.")

    async def play(ring: MemoryKeyring) -> str:
        return await RemoteChannel(Tasks(), Addresses(ring))._send_one(Message(Level.INFO, "hello"))

    assert loop_run(play(MemoryKeyring())) == ""
    assert "unlock it" in loop_run(play(Locked()))
    assert [name for name, _ in CHANNELS.items()][:1] == ["window"]


@pytest.mark.parametrize("kept", ["no list", "7", "null"])
def test_what_the_keyring_has_instead_of_addresses_is_told_and_stops_nothing(loop_run: Any, kept: str) -> None:
    ring = MemoryKeyring()
    ring.set_password(remote.SERVICE, remote.NAME, kept)

    async def send() -> str:
        return await RemoteChannel(Tasks(), Addresses(ring))._send_one(Message(Level.INFO, "hello"))

    assert "Expected a list of addresses in the keyring" in loop_run(send())
