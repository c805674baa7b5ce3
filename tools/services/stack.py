"""All the servers of the scaled shape together, and what a hub's environment says of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tools.services.objectstore import ObjectStore
from tools.services.postgres import VOLATILE, PostgreSQL
from tools.services.rabbitmq import RabbitMQ

_LOOPBACK = "127.0.0.1"


@dataclass
class Stack:
    """What a hub in the scaled profile is built on.

    Attributes:
        environment: the variables that say so, beside those that said it before.
        told: one sentence for each server.
        database, broker, objects: those that are ours.
    """

    environment: dict[str, str] = field(default_factory=lambda: {"WASL_PROFILE": "scaled"})
    told: list[str] = field(default_factory=list)
    database: PostgreSQL | None = None
    broker: RabbitMQ | None = None
    objects: ObjectStore | None = None

    def named(self, what: str, variable: str) -> None:
        self.told.append(f"{what}: the one that {variable} names")


@contextmanager
def stack(environ: Mapping[str, str], volatile: bool = False) -> Iterator[Stack]:
    """Everything, started unless ``environ`` names it, for the length of the block.

    Args:
        volatile: the database may lose everything with the machine, and is faster for it.

    Raises:
        NotStarted: something cannot run here; what was started before it has ended again.
    """
    made = Stack()
    with ExitStack() as running:
        _database(made, environ, running, volatile)
        _broker(made, environ, running)
        _objects(made, environ, running)
        allowed = environ.get("WASL_OUTGOING_ALLOW", "")
        made.environment["WASL_OUTGOING_ALLOW"] = ",".join(filter(None, (allowed, _LOOPBACK)))
        yield made


def _database(made: Stack, environ: Mapping[str, str], running: ExitStack, volatile: bool) -> None:
    for variable in ("WASL_DATABASE_URL", "WASL_TEST_DATABASE_URL"):
        if environ.get(variable):
            made.environment["WASL_DATABASE_URL"] = environ[variable]
            return made.named("PostgreSQL", variable)
    made.database = running.enter_context(PostgreSQL(VOLATILE if volatile else None))
    made.environment["WASL_DATABASE_URL"] = made.database.url
    lasting = "commits are not durable" if volatile else "commits are durable"
    return made.told.append(f"PostgreSQL: {made.database.told}; {lasting}")


def _broker(made: Stack, environ: Mapping[str, str], running: ExitStack) -> None:
    for variable in ("WASL_BROKER_URL", "WASL_TEST_BROKER_URL"):
        if environ.get(variable):
            made.environment["WASL_BROKER_URL"] = environ[variable]
            return made.named("RabbitMQ", variable)
    made.broker = running.enter_context(RabbitMQ())
    made.environment["WASL_BROKER_URL"] = made.broker.url
    return made.told.append(f"RabbitMQ: {made.broker.told}")


def _objects(made: Stack, environ: Mapping[str, str], running: ExitStack) -> None:
    made.environment["WASL_PAYLOADS_KIND"] = "s3"
    if environ.get("WASL_PAYLOADS_S3_ENDPOINT"):
        return made.named("object store", "WASL_PAYLOADS_S3_ENDPOINT")
    if environ.get("WASL_TEST_S3_URL"):
        parts = urlsplit(environ["WASL_TEST_S3_URL"])
        url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        bucket = _new_bucket(url, parts.username or "", parts.password or "")
        made.environment |= _of_objects(url, bucket, parts.username or "", parts.password or "")
        return made.told.append(f"object store: a new bucket {bucket} in the one that WASL_TEST_S3_URL names")
    store = made.objects = running.enter_context(ObjectStore())
    made.environment |= _of_objects(store.url, store.bucket, store.access_key, store.secret_key)
    return made.told.append(f"object store: {store.told}; what lies there ends with it")


def _of_objects(url: str, bucket: str, access_key: str, secret_key: str) -> dict[str, str]:
    return {
        "WASL_PAYLOADS_S3_ENDPOINT": url,
        "WASL_PAYLOADS_S3_BUCKET": bucket,
        "WASL_SECRET_S3_ACCESS_KEY": access_key,
        "WASL_SECRET_S3_SECRET_KEY": secret_key,
    }


def _new_bucket(url: str, access_key: str, secret_key: str) -> str:
    import boto3  # only who names a store needs it

    name = f"wasl-{secrets.token_hex(8)}"
    boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    ).create_bucket(Bucket=name)  # fmt: skip
    return name
