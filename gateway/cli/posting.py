"""A party's way to a hub: the client that proves who it is, and a signed letter sent by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from adapters.contract import Response
from gateway.cli.compose import SignedLetter
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.clients.hub import HubClient
from gateway.clients.hub_refused import IN_TROUBLE, retry_after
from gateway.domain.errors import DeliveryError, Permanent, Temporary
from gateway.exchange.clock import Ambient
from gateway.trust.assertion import make_assertion
from gateway.trust.seal import KeySealer
from gateway.wire.mime import write_related

_PATIENT = HttpLimits(connect_s=10, read_s=120, total_s=3600, answer_bytes=4 * 1024 * 1024)
_TOO_OFTEN = 429


def hub_client(url: str, party: str, sealer: KeySealer) -> HubClient:
    """A client for the hub at ``url`` that proves to be ``party`` when it reads."""
    host = urlsplit(url).hostname or ""
    ambient = Ambient()

    def assertion(address: str) -> str:
        jti = ambient.random_bytes(16).hex()
        return make_assertion(sealer.key, party, address, jti, ambient.now())

    return HubClient(GuardedHttp(HttpSettings(allow=(host,), limits=_PATIENT)), url.rstrip("/"), assertion)


def post(
    client: HubClient,
    letter: SignedLetter,
    language: str = "en",
    accept: str | None = None,
    through: Callable[[Iterator[bytes], int], Iterator[bytes]] | None = None,
) -> Response:
    """Submit a signed letter, with its contents beside it if there are any.

    Args:
        accept: media type of the receipt wanted; None for the letter's own syntax.
        through: what the body goes through on its way, with its length.

    Raises:
        DeliveryError: no answer came; the same letter may be sent again.
    """
    headers = {"Accept-Language": language} | ({"Accept": accept} if accept else {})
    if not letter.parts:
        return client.submit(letter.root, letter.media_type, headers=headers)
    content_type, chunks, length = write_related(letter.root, letter.media_type, letter.parts)
    return client.submit(through(chunks, length) if through else chunks, content_type, length, headers)


def post_patiently(
    client: HubClient,
    letter: SignedLetter,
    waits: Sequence[float],
    sleep: Callable[[float], None],
    language: str = "en",
) -> Response:
    """Submit a signed letter until the hub has answered for it.

    Args:
        waits: seconds before each repeat of the same octets, which the hub never takes for another
            letter; it may ask for more.

    Raises:
        DeliveryError: still no answer; the same letter may be sent again, even days later.
    """
    left = list(waits)
    while True:
        try:
            answer = post(client, letter, language)
            if answer.status < 500 and answer.status != _TOO_OFTEN:
                return answer
            asked = retry_after(answer) or 0.0
            trouble: DeliveryError = Temporary(IN_TROUBLE, f"HTTP {answer.status}", asked)
        except Permanent:
            raise
        except DeliveryError as error:
            trouble, asked = error, 0.0
        if not left:
            raise trouble
        sleep(max(left.pop(0), asked))
