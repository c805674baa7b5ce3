"""The pages of the documentation: complete in every language, made of one truth, with nobody's markup."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask import Flask

from gateway.assets import guides_dir, xsd_dir
from gateway.web.guides import GUIDES, guide, read_guide
from tests.support.show import LANGUAGES, make_app, settings_for

LINK = re.compile(r'href="(/[^"#?]*)')


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return make_app(settings_for(tmp_path_factory.mktemp("home")))


def test_every_guide_exists_in_every_language_and_no_other_file_lies_there() -> None:
    wanted = {f"{name}.{language}.md" for name in GUIDES for language in LANGUAGES}
    assert {path.name for path in guides_dir().iterdir()} == wanted


@pytest.mark.parametrize("name", GUIDES)
def test_the_languages_of_a_guide_say_the_same(name: str) -> None:
    shapes = set()
    for language in LANGUAGES:
        text = (guides_dir() / f"{name}.{language}.md").read_text("utf-8")
        commands = "\n".join(line for line in text.splitlines() if line.startswith("    "))
        marks = (len(re.findall(r"^#+ ", text, re.M)), len(re.findall(r"^- ", text, re.M)))
        targets = tuple(
            sorted(re.sub(r"\.[a-z]{2}\.md", "", one) for one in re.findall(r"\]\((.+?)\)", text))
        )
        shapes.add((commands, marks, targets))
    assert len(shapes) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_is_shown_in_the_readers_language(app: Flask, name: str, language: str) -> None:
    answer = app.test_client().get(f"/docs/{name}?lang={language}")
    assert answer.status_code == 200
    found = guide(name, language)
    assert found.language == language
    assert html.escape(found.title) in answer.text or found.title in answer.text
    assert f'<article class="prose" lang="{language}">' in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("start", ["/docs/", "/docs/api/", *(f"/docs/{name}" for name in GUIDES)])
def test_every_link_of_the_documentation_leads_somewhere(app: Flask, start: str, language: str) -> None:
    client = app.test_client()
    links = set(LINK.findall(client.get(f"{start}?lang={language}").text))
    assert len(links) > 8
    known = {"/demo", "/pki/"}  # pages of what this application does not have
    broken = [one for one in sorted(links - known) if client.get(one, buffered=True).status_code != 200]
    assert broken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_call_has_a_page_with_everything_that_the_description_tells(app: Flask, language: str) -> None:
    client = app.test_client()
    told = client.get(f"/api/v1/openapi.json?lang={language}").json
    index = client.get(f"/docs/api/?lang={language}").text
    for path, methods in told["paths"].items():
        for method, call in methods.items():
            address = f"/docs/api/{call['operationId']}"
            assert f'href="{address}"' in index
            page = html.unescape(client.get(f"{address}?lang={language}").text)
            assert f"{method.upper()} {path}" in page
            assert call["summary"] in page
            assert call.get("description", "").split("\n\n")[0] in page
            names = [one["name"] for one in call["parameters"] if "$ref" not in one]
            assert [name for name in names if f'<code dir="ltr">{name}</code>' not in page] == []
            assert [status for status in call["responses"] if f">{status}<" not in page] == []


def test_members_are_named_by_their_way(app: Flask) -> None:
    page = app.test_client().get("/docs/api/api.follow?lang=en").text
    for way in ("reference", "deliveries", "deliveries[].state", "deliveries[].events[].at"):
        assert f'<code dir="ltr">{way}</code>' in page
    assert "HANDED_OVER" in page


def test_what_a_signature_covers_leads_to_its_published_schema(app: Flask) -> None:
    page = app.test_client().get("/docs/api/api.submit?lang=en").text
    assert 'href="/docs/schemas/envelope-1.0.schema.json"' in page


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("envelope-1.0.xsd", "application/xml"),
        ("receipt-1.0.schema.json", "application/json"),
        ("examples/envelope-letter.xml", "application/xml"),
    ],
)
def test_published_schemas_are_served_as_they_are(app: Flask, path: str, media_type: str) -> None:
    answer = app.test_client().get(f"/docs/schemas/{path}", buffered=True)
    assert (answer.mimetype, answer.data) == (media_type, (xsd_dir() / path).read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "build.py", "README.md", "example_values.py", "../setup.cfg", "..%2fsetup.cfg", "%2e%2e/x.json",
        "examples",
        "__pycache__/example_values.cpython-311.pyc", "nothing.json", "x" * 3000 + ".xml",
        "a%00.json",
    ],
)  # fmt: skip
def test_nothing_else_is_served(app: Flask, path: str) -> None:
    assert app.test_client().get(f"/docs/schemas/{path}").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "start.en.md", "..", "%2e%2e", "START", "x" * 3000, "‮start"])
def test_other_names_are_no_guides_and_no_calls(app: Flask, name: str) -> None:
    for folder in ("/docs/", "/docs/api/"):
        assert app.test_client().get(f"{folder}{name}").status_code == 404


def test_a_guide_lets_no_markup_through_and_no_script_be_linked() -> None:
    text = "# A title\n\n<script>alert(1)</script> [x](javascript:alert(1)) ![y](data:text/html,z) <b>b</b>\n"
    body = str(read_guide(text, "en").body)
    assert "<script" not in body
    assert "<b>" not in body
    assert "href=" not in body
    assert "<img" not in body


def test_code_in_a_guide_runs_from_left_to_right_and_guides_lead_to_each_other() -> None:
    found = read_guide("# T\n\n`a` [other](versions.ar.md)\n\n    curl\n", "ar")
    body = str(found.body)
    assert body.count('dir="ltr"') == 2
    assert 'href="/docs/versions"' in body
    assert found.title == "T"


def test_a_language_without_a_translation_gets_the_original_and_is_told() -> None:
    assert guide("start", "es").language == "en"


def test_the_footer_of_every_page_leads_to_the_documentation(app: Flask) -> None:
    footer = app.test_client().get("/verify?lang=en").text.partition("<footer")[2]
    assert 'href="/docs/"' in footer


def test_guides_lie_where_the_repository_and_the_wheel_have_them() -> None:
    assert guides_dir() == Path(__file__).resolve().parents[3] / "docs" / "guides"
