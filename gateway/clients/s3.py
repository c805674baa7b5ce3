"""The verbs of one bucket of an S3-compatible object store, their troubles told as ours."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from gateway.clients.s3_client import S3Settings, client_for
from gateway.domain.errors import Damaged, GatewayFault, Misconfigured, Unavailable

_PAGE = 1000
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")  # RFC 9110 14.4
_SHORT = 64 * 1024
_WRONG_SETTINGS = {
    "NoSuchBucket": "payloads.s3_bucket: the object store knows no such bucket",
    "InvalidBucketName": "payloads.s3_bucket: the object store knows no such bucket",
    "AccessDenied": "payloads: the object store does not give the credentials the rights they need",
    "InvalidAccessKeyId": "secret s3-access-key: the object store does not know it",
    "SignatureDoesNotMatch": "secret s3-secret-key: the object store finds it wrong",
    "AuthorizationHeaderMalformed": "payloads.s3_region: the object store is of another region",
    "PermanentRedirect": "payloads.s3_region: the object store is of another region",
}
_NO_UPLOADS = frozenset({"NoSuchUpload", "NotImplemented"})
"""What stores say instead of an empty list of unfinished uploads, or that they keep none."""
_WORDS: Sequence[tuple[type[Exception], str]] = (
    (ReadTimeoutError, "the object store did not answer in time"),
    (ConnectTimeoutError, "the object store could not be reached in time"),
    (EndpointConnectionError, "the object store could not be reached"),
    (SSLError, "the object store's TLS certificate was not accepted"),
    (ResponseParserError, "the object store's answer could not be read"),
)


class Bucket:
    """One bucket; safe to use by several threads, each call bounded in time and attempts.

    Raises:
        Misconfigured: the endpoint is no address, or would be spoken to without TLS and is not allowed.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._name = settings.bucket
        self._client = client_for(settings)

    def put(self, key: str, octets: io.BytesIO) -> None:
        """Store one whole object; it is there, and durable, when this returns."""
        with told():
            _field(self._client.put_object(Bucket=self._name, Key=key, Body=_body(octets)), "ETag")

    def begin(self, key: str) -> str:
        """Begin an upload in parts; its id."""
        with told():
            return str(_field(self._client.create_multipart_upload(Bucket=self._name, Key=key), "UploadId"))

    def put_part(self, key: str, upload: str, number: int, octets: io.BytesIO) -> str:
        """Upload a part, counted from 1; its entity tag."""
        with told():
            answer = self._client.upload_part(
                Bucket=self._name, Key=key, UploadId=upload, PartNumber=number, Body=_body(octets)
            )
            return str(_field(answer, "ETag"))

    def complete(self, key: str, upload: str, tags: Sequence[str]) -> None:
        """Make the parts one object; it is there, and durable, when this returns.

        After Unavailable it may be there all the same: `size` tells.
        """
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        with told():
            answer = self._client.complete_multipart_upload(
                Bucket=self._name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
            _field(answer, "ETag")

    def abort(self, key: str, upload: str) -> bool:
        """Throw an upload's parts away; whether there was such an upload."""
        with told():
            try:
                self._client.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload)
            except self._client.exceptions.NoSuchUpload:
                return False
            return True

    def get(self, key: str, start: int = 0) -> tuple[Any, int]:
        """An object's octets from ``start`` as a stream to be closed, and the size of the whole object.

        Raises:
            Damaged: there is no such object.
        """
        if start:
            return self._range(key, f"bytes={start}-", start)
        with told():
            answer = self._client.get_object(Bucket=self._name, Key=key)
            _field(answer, "ETag")  # without one it is no object but somebody's page
            return answer["Body"], int(_field(answer, "ContentLength"))

    def _range(self, key: str, wanted: str, start: int) -> tuple[Any, int]:
        with told():
            answer = self._client.get_object(Bucket=self._name, Key=key, Range=wanted)
            found = _RANGE.fullmatch(answer.get("ContentRange", ""))
            if found is None or int(found[1]) != start:
                answer["Body"].close()
                raise Unavailable("payload store: the object store gave another part than it was asked for")
            return answer["Body"], int(found[2])

    def size(self, key: str) -> int | None:
        """Octets of an object; None where there is none."""
        try:
            # An answer to HEAD has no words: a missing object would look like a missing bucket.
            body, size = self._range(key, "bytes=0-0", 0)
        except Damaged:
            return None
        with told():
            body.read()
        return size

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is removed already."""
        with told():
            self._client.delete_object(Bucket=self._name, Key=key)

    def keys(self, prefix: str) -> Iterator[tuple[str, datetime, int]]:
        """Every object under a prefix: key, when it was stored, size in octets."""
        for entry in self._listed("list_objects_v2", "Name", "Contents", prefix):
            yield str(_field(entry, "Key")), _utc(_field(entry, "LastModified")), int(_field(entry, "Size"))

    def uploads(self, prefix: str) -> Iterator[tuple[str, str, datetime]]:
        """Every unfinished upload under a prefix: key, upload id, when it was begun.

        None of a store that cannot list them: a rule of the bucket has to end those.
        """
        try:
            for entry in self._listed("list_multipart_uploads", "Bucket", "Uploads", prefix):
                begun = _utc(_field(entry, "Initiated"))
                yield str(_field(entry, "Key")), str(_field(entry, "UploadId")), begun
        except Unavailable as fault:
            if _said(fault) not in _NO_UPLOADS:
                raise

    def check(self) -> None:
        """Ask for one entry of the bucket's list.

        Raises:
            Misconfigured: bucket, region or credentials are not what the store knows.
        """
        try:
            with told():
                _field(self._client.list_objects_v2(Bucket=self._name, MaxKeys=1), "Name")
        except Unavailable as fault:
            if _said(fault) in _WRONG_SETTINGS:
                raise Misconfigured([_WRONG_SETTINGS[_said(fault)]]) from fault
            raise

    def _listed(self, verb: str, mark: str, name: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator(verb).paginate(
            Bucket=self._name, Prefix=prefix, PaginationConfig={"PageSize": _PAGE}
        )
        with told():
            for page in pages:
                _field(page, mark)  # somebody's page would be a list with nothing in it
                yield from page.get(name, ())


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn the object store's troubles into ours, the cause kept; no address and no key is in the words.

    Raises:
        Damaged: an object is not there.
        Unavailable: everything else.
    """
    try:
        yield
    except GatewayFault:
        raise
    except ClientError as error:
        if _code(error) == "NoSuchKey":
            raise Damaged("payload store: No such object") from error
        raise Unavailable(f"payload store: the object store said {_code(error)}") from error
    except (BotoCoreError, ResponseParserError, HTTPError, OSError) as error:
        words = next((words for kind, words in _WORDS if isinstance(error, kind)), None)
        raise Unavailable(f"payload store: {words or 'the connection to the object store broke'}") from error


def _body(octets: io.BytesIO) -> io.BytesIO | bytes:
    """Long octets as a file, which is sent piece by piece: as one piece it would all have to leave within
    the time for making a connection. For short ones the handshake that goes before a file costs more.
    """
    octets.seek(0)
    return octets if octets.getbuffer().nbytes > _SHORT else octets.getvalue()


def _said(fault: Unavailable) -> str:
    """The store's own word for what is the matter; none where it said nothing."""
    return _code(fault.__cause__) if isinstance(fault.__cause__, ClientError) else ""


def _code(error: ClientError) -> str:
    said = str(error.response.get("Error", {}).get("Code", ""))
    return re.sub(r"[^A-Za-z0-9_.-]", "", said)[:40] or "nothing"


def _field(answer: Mapping[str, Any], name: str) -> Any:
    """What an object store's answer must have: a page that some proxy made up has not.

    Raises:
        Unavailable: it is not there.
    """
    if answer.get(name) is None:
        raise Unavailable(f"payload store: the object store's answer has no {name}")
    return answer[name]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
