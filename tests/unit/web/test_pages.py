"""Pages speak the reader's language, name their world, and load nothing from elsewhere."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from gateway.domain.errors import Refused, Unavailable
from gateway.domain.evidence.reasons import Actor, catalogue
from gateway.i18n import Translator
from gateway.web.access import public
from gateway.web.files import FOLDER, FONTS
from gateway.web.layout import own_name
from gateway.web.pages import AREAS, area_of
from tests.support.show import LANGUAGES, make_app, settings_for

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = (
    "/",
    "/verify",
    "/docs/",
    "/docs/api/",
    "/docs/api/api.submit",
    "/docs/api/inbox.redirect",
    "/docs/start",
    "/docs/versions",
    "/docs/changes",
    "/docs/problems/",
    "/docs/problems/WASL-RTE-001",
    "/nothing-here",
    "/demo",
    "/pki/",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return make_app(settings_for(tmp_path_factory.mktemp("home")))


@pytest.fixture
def broken(tmp_path: Path) -> Flask:
    """An application with views that fail."""

    @public
    def ours() -> None:
        raise Unavailable("the database is out", retry_after=7)

    @public
    def refused() -> None:
        raise Refused.because("WASL-REQ-010", "<script>alert(1)</script>")

    app = make_app(settings_for(tmp_path))
    app.add_url_rule("/ours", view_func=ours)
    app.add_url_rule("/api/v1/refused", "a", refused)
    app.add_url_rule("/health/refused", "b", refused)
    app.add_url_rule("/refused", "c", refused)
    return app


class Outline(HTMLParser):
    """What a page is made of."""

    VOID = frozenset({"meta", "link", "input", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}>"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def outline(app: Flask, path: str, **headers: str) -> Outline:
    return Outline(app.test_client().get(path, headers=BROWSER | headers).text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_its_language_and_its_direction(app: Flask, path: str, language: str) -> None:
    page = outline(app, f"{path}?lang={language}")
    assert page.open == []
    (html,) = page.all("html")
    assert html == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_only_what_the_hub_itself_has(app: Flask, path: str) -> None:
    page = outline(app, path)
    loaded = [attributes.get("src") or attributes.get("href") or "" for attributes in page.all("link")]
    loaded += [attributes["src"] or "" for attributes in page.all("script")]
    assert loaded
    for address in loaded:
        assert app.test_client().get(address, buffered=True).status_code == 200
    assert all(address.startswith("/static/") for address in loaded)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_on_a_page_needs_a_looser_content_policy(app: Flask, path: str) -> None:
    page = outline(app, path)
    assert not page.all("style")
    assert all(script.get("src") for script in page.all("script"))
    for _, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_one_heading_and_a_way_past_the_menu(app: Flask, path: str) -> None:
    page = outline(app, path)
    assert len(page.all("h1")) == 1
    assert page.all("a")[0]["href"] == "#content"
    assert page.all("main")[0]["id"] == "content"


def test_the_language_follows_the_browser_unless_somebody_chose_one(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/", headers={"Accept-Language": "fr-MA, ar;q=0.5"}).headers["Content-Language"] == "fr"
    assert client.get("/", headers={"Accept-Language": "zz"}).headers["Content-Language"] == "ar"
    assert client.get("/?lang=en", headers={"Accept-Language": "fr"}).headers["Content-Language"] == "en"
    remembered = client.get("/docs/problems/", headers={"Accept-Language": "fr"})
    assert remembered.headers["Content-Language"] == "en"
    assert {"Accept-Language", "Cookie"} <= set(remembered.vary)


def test_a_language_that_is_not_offered_is_passed_over(app: Flask) -> None:
    answer = app.test_client().get("/?lang=%3Cscript%3E", headers={"Accept-Language": "fr"})
    assert answer.headers["Content-Language"] == "fr"
    assert "Set-Cookie" not in answer.headers
    assert "<script>" not in answer.text


def test_the_choice_of_languages_keeps_what_else_was_asked(app: Flask) -> None:
    page = outline(app, "/docs/problems/?area=%22x%22&lang=fr")
    switch = {a["hreflang"]: a["href"] for a in page.all("a") if a.get("hreflang")}
    assert switch["ar"] == "/docs/problems/?area=%22x%22&lang=ar"
    current = [a["hreflang"] for a in page.all("a") if a.get("hreflang") and a.get("aria-current")]
    assert current == ["fr"]


def test_languages_are_offered_under_their_own_names() -> None:
    assert [own_name(tag) for tag in ("ar", "fr", "en", "zz-zz-zz", "qqq")] == [
        "العربية",
        "Français",
        "English",
        "Zz-zz-zz",
        "Qqq",
    ]


@pytest.mark.parametrize(
    ("environment", "bar"),
    [
        ({}, "world-demonstration"),
        ({"WASL_HUB_DEMONSTRATION": "false"}, "world-test"),
    ],
)
def test_every_page_names_its_world(tmp_path: Path, environment: dict[str, str], bar: str) -> None:
    app = make_app(settings_for(tmp_path, **environment))
    for path in PAGES:
        classes = [p.get("class") or "" for p in outline(app, path).all("p")]
        assert [name for name in classes if name.startswith("world")] == [f"world {bar}"]


def test_a_production_hub_has_no_bar_and_no_demonstration(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, WASL_HUB_DEMONSTRATION="false")
    hub = dataclasses.replace(settings.hub, production=True)
    app = make_app(dataclasses.replace(settings, hub=hub))
    assert 'class="world' not in app.test_client().get("/").text
    assert app.test_client().get("/demo").status_code == 404


def test_the_start_page_says_where_letters_are_received(tmp_path: Path) -> None:
    app = make_app(settings_for(tmp_path, WASL_HUB_PUBLIC_URL="http://hub.example"))
    assert "POST http://hub.example/api/v1/envelopes" in app.test_client().get("/").text


def test_pages_carry_the_headers_that_protect_them(app: Flask) -> None:
    headers = app.test_client().get("/").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


# Reasons


def test_every_area_of_the_catalogue_has_a_title() -> None:
    assert {area_of(reason) for reason in catalogue().values()} == set(AREAS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_links_to_the_page_of_every_reason(app: Flask, language: str) -> None:
    page = outline(app, f"/docs/problems/?lang={language}")
    links = {a["href"] for a in page.all("a")}
    assert {f"/docs/problems/{code}" for code in catalogue()} <= links


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(catalogue()))
def test_every_reason_has_a_page_that_says_who_must_do_what(app: Flask, code: str, language: str) -> None:
    answer = app.test_client().get(f"/docs/problems/{code}?lang={language}")
    assert answer.status_code == 200
    reason, reader = catalogue()[code], Translator(language)
    assert reader.term(reason.act) in answer.text
    assert f"urn:wasl:problem:{code}" in answer.text
    if reason.http:
        assert f">{reason.http}<" in answer.text


def test_the_page_of_a_reason_leaves_a_gap_for_what_only_a_case_knows(app: Flask) -> None:
    page = app.test_client().get("/docs/problems/WASL-REQ-001?lang=en").text
    assert "The media type … is not taken here." in page


def test_the_page_of_a_reason_has_the_other_languages_too(app: Flask) -> None:
    page = outline(app, "/docs/problems/WASL-REQ-001?lang=fr")
    others = [d["lang"] for d in page.all("div") if d.get("lang")]
    assert others == ["ar", "en"]


def test_a_reason_of_deliveries_says_that_it_has_no_status(app: Flask) -> None:
    code = next(code for code, reason in catalogue().items() if reason.http is None)
    page = app.test_client().get(f"/docs/problems/{code}?lang=en").text
    assert "None: it concerns a delivery, not a request." in page


def test_every_actor_is_reached_by_some_reason() -> None:
    assert {reason.act for reason in catalogue().values()} == set(Actor)


@pytest.mark.parametrize("code", ["WASL-REQ-999", "wasl-req-001", "..%2F", "x" * 300])
def test_an_unknown_code_is_not_found(app: Flask, code: str) -> None:
    answer = app.test_client().get(f"/docs/problems/{code}?lang=en", headers=BROWSER)
    assert answer.status_code == 404
    assert "There is nothing here that you may see." in answer.text


# Errors


def test_a_browser_gets_the_same_words_as_a_page(broken: Flask) -> None:
    answer = broken.test_client().get("/ours?lang=en", headers=BROWSER)
    assert answer.status_code == 503
    assert answer.mimetype == "text/html"
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert "The hub cannot take letters right now." in answer.text
    assert "/docs/problems/WASL-HUB-002" in answer.text


@pytest.mark.parametrize("path", ["/api/v1/refused", "/health/refused", "/api", "/oauth2/token", "/api/x"])
def test_the_doors_of_programs_answer_problem_documents_to_anybody(broken: Flask, path: str) -> None:
    answer = broken.test_client().get(path, headers=BROWSER)
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/problem+json, text/html"])
def test_a_program_that_asks_for_a_page_that_is_not_there_gets_a_problem_document(
    app: Flask, accept: str | None
) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = app.test_client().get("/nothing-here", headers=headers)
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_what_the_caller_sent_is_shown_as_text(broken: Flask) -> None:
    answer = broken.test_client().get("/refused?lang=en", headers=BROWSER)
    assert answer.status_code == 422
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>" not in answer.text


def test_a_wrong_method_keeps_its_allow_header_on_the_page(app: Flask) -> None:
    answer = app.test_client().post("/docs/problems/", headers=BROWSER)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    switch = re.findall(r'href="([^"]+)" lang=', answer.text)
    assert switch == ["/?lang=ar", "/?lang=fr", "/?lang=en"]


# Files


def test_a_file_is_kept_for_long_only_under_an_address_that_changes_with_it(app: Flask) -> None:
    client = app.test_client()
    (sheet,) = (link["href"] or "" for link in outline(app, "/").all("link") if link["rel"] == "stylesheet")
    kept = client.get(sheet, buffered=True)
    assert kept.mimetype == "text/css"
    assert "immutable" in kept.headers["Cache-Control"]
    assert client.get("/static/site.css", buffered=True).headers["Cache-Control"] == "no-cache"
    assert client.get("/static/site.css?v=old", buffered=True).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["../pages.py", "fonts/../../site.css", "none.css", "fonts/OFL.txt", "."])
def test_only_the_files_of_pages_are_served(app: Flask, path: str) -> None:
    assert app.test_client().get(f"/static/{path}").status_code == 404


def test_the_fonts_that_the_stylesheet_names_are_served(app: Flask) -> None:
    sheet = (FOLDER / "site.css").read_text("utf-8")
    fonts = re.findall(r'url\("([^"]+)"\)', sheet)
    assert len(fonts) == 2
    for font in fonts:
        answer = app.test_client().get(f"/static/{font}", buffered=True)
        assert answer.mimetype == "font/ttf"
        assert answer.data == (FONTS / Path(font).name).read_bytes()
        assert "immutable" in answer.headers["Cache-Control"]


def test_the_stylesheet_has_no_left_and_right_that_direction_must_turn() -> None:
    sheet = (FOLDER / "site.css").read_text("utf-8")
    assert (
        re.findall(r"(?:margin|padding|border)-(?:left|right)|text-align:\s*(?:left|right)|float:", sheet)
        == []
    )
    assert re.findall(r"url\((?!\"fonts/)|@import|https?:", sheet) == []


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def tokens(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\n *\}", (FOLDER / "site.css").read_text("utf-8"), re.DOTALL)
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light))
    return found | (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", dark)) if scheme == "dark" else {})


TEXT_ON = [
    *(
        (ink, ground)
        for ink in ("ink", "quiet", "accent", "error", "warning", "success")
        for ground in ("paper", "ground", "accent-tint")
    ),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent-strong", "accent-tint"),
    ("success", "success-tint"),
    ("error", "error-tint"),
    ("ink", "success-tint"),
    ("ink", "error-tint"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(scheme: str) -> None:
    # WCAG 2.2, 1.4.3 and 1.4.11
    colours = tokens(scheme)
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT_ON}
    assert {pair: round(found, 2) for pair, found in weak.items() if found < 4.5} == {}
    edges = [contrast(colours["edge"], colours[ground]) for ground in ("paper", "ground")]
    assert min(edges) >= 3
    assert min(contrast(colours["focus"], colours[ground]) for ground in ("paper", "ground")) >= 3
    assert contrast("#ffffff", colours["world-demonstration"]) >= 4.5
    assert contrast("#ffffff", colours["world-test"]) >= 4.5
