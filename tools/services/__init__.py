"""The programs of the scaled shape, started from installed binaries for the length of a command or a test.

Each is a class with ``start``, ``stop``, ``stop_abruptly`` (as if its machine had failed; what it had made
durable is there again after the next ``start``, under the same address) and ``close``, which also removes
what it kept. None touches a server of the same kind that runs on the machine already.
"""

from tools.services.objectstore import ObjectStore
from tools.services.postgres import PostgreSQL
from tools.services.rabbitmq import RabbitMQ
from tools.services.service import NotStarted, Service
from tools.services.tls import Tls

__all__ = ["NotStarted", "ObjectStore", "PostgreSQL", "RabbitMQ", "Service", "Tls"]
