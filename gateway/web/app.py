"""The Flask application: doors, problem documents and headers put together."""

from __future__ import annotations

import time

from flask import Flask, Response

from gateway.exchange.evidence.trust_package import TrustPackage
from gateway.i18n import CountryPack
from gateway.settings import Settings
from gateway.web import (
    api,
    attachments,
    batches,
    bundles,
    cancel,
    correlation,
    demo,
    directory,
    docs,
    error_pages,
    feed,
    files,
    health,
    inbox,
    ledger,
    letter_list,
    oauth,
    pages,
    pki,
    problems,
    reports,
    retiring,
    soap,
    verify,
    webhooks,
)
from gateway.web.access import Access
from gateway.web.clients import ClientCertificates
from gateway.web.flood import Flood
from gateway.web.layout import Layout
from gateway.web.services import Services

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'",
}

SMALL_BODY = 64 * 1024
"""Octets of a form or of any other body that is no letter."""


def create_app(
    settings: Settings, services: Services, languages: tuple[str, ...], pack: CountryPack | None = None
) -> Flask:
    """The WSGI application over the given services; pages speak as ``pack``'s country expects."""
    app = Flask("gateway.web", static_folder=None)
    # every door's bodies are small; only `reading.submission` lifts this for letters
    app.config["MAX_CONTENT_LENGTH"] = SMALL_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = SMALL_BODY
    app.config["MAX_FORM_PARTS"] = 20
    app.json.sort_keys = False  # type: ignore[attr-defined]
    correlation.install(app)
    retiring.install(app)
    web = settings.web
    certificates = ClientCertificates(web.client_certificate_header, web.trusted_proxies)
    access = Access(services.tokens, services.callers, certificates)
    problems.install(app, languages)
    app.register_blueprint(api.blueprint(services, settings.limits, access))
    app.register_blueprint(feed.blueprint(services.feed, access))
    app.register_blueprint(bundles.blueprint(services.bundles, access))
    app.register_blueprint(cancel.blueprint(services.cancelling, access, languages))
    app.register_blueprint(directory.blueprint(services.directory, settings.limits, access))
    app.register_blueprint(letter_list.blueprint(services.listing, services.looking, access))
    app.register_blueprint(batches.blueprint(services.intake, settings.limits, access, languages))
    app.register_blueprint(attachments.blueprint(services.uploads, access))
    app.register_blueprint(inbox.blueprint(services.inbox, access))
    app.register_blueprint(reports.blueprint(services.reporting, access, languages))
    app.register_blueprint(soap.blueprint(services, settings, access, languages))
    pings = Flood(settings.webhooks.pings_per_minute, max(1, settings.web.threads // 2), time.monotonic)
    app.register_blueprint(webhooks.blueprint(services.webhooks, access, languages, pings))
    app.register_blueprint(oauth.blueprint(services.tokens))
    app.register_blueprint(health.blueprint(services.health))
    app.register_blueprint(ledger.blueprint(services.ledger))
    layout = Layout(settings, languages, pack)
    error_pages.install(app, layout)
    app.register_blueprint(files.blueprint())
    app.register_blueprint(pages.blueprint(settings, layout))
    app.register_blueprint(docs.blueprint(settings.hub, layout))
    app.register_blueprint(verify.blueprint(settings, services.ledger, layout))
    app.register_blueprint(pki.blueprint(TrustPackage(settings.trust.directory), settings.hub, layout))
    if settings.hub.demonstration:
        app.register_blueprint(demo.blueprint(settings, services.looking, layout))

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app
