"""The door for WSGI servers: ``gunicorn 'gateway.wsgi:create()'``."""

from __future__ import annotations

import os

from flask import Flask

from gateway.bootstrap import build
from gateway.logs import configure
from gateway.settings import load
from gateway.web.app import create_app


def create() -> Flask:
    """The application for the settings in the environment.

    Raises:
        Misconfigured: everything that is wrong with them.
    """
    settings = load(os.environ)
    configure(settings.log)
    gateway = build(settings)
    return create_app(settings, gateway.services, gateway.languages, gateway.pack)
