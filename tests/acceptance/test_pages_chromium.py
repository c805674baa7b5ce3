"""What a reader really gets, in a real browser: every page, language, width and colour scheme."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from gateway import home as homes
from tests.support.chromium import CHROMIUM, Tab, browser
from tests.support.show import (
    LANGUAGES,
    FakeHub,
    FakeShow,
    busy_show,
    make_app,
    running,
    settings_for,
)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

NARROW, MIDDLE, WIDE = 360, 768, 1280
PAGES = {
    "start": "/",
    "docs": "/docs/",
    "calls": "/docs/api/",
    "call": "/docs/api/inbox.acknowledge",
    "call-letter": "/docs/api/api.follow",
    "guide": "/docs/start",
    "reasons": "/docs/problems/",
    "reason": "/docs/problems/WASL-RTE-001",
    "not-found": "/nothing-here",
    "pki": "/pki/",
    "verify": "/verify",
    "waiting": "/demo",
    "delivered": "/demo?letter=1",
    "other-script": "/demo?letter=2",
    "refused": "/demo?letter=4",
    "said": "/demo?said=repeat",
}

TOO_WIDE = """[...document.body.querySelectorAll("*")]
    .filter(e => !e.closest(".skip, thead, svg"))
    .filter(e => { const box = e.getBoundingClientRect();
                   return box.width && (box.right > innerWidth + 1 || box.left < -1); })
    .map(e => e.tagName + "." + e.className).slice(0, 5)"""

SPILLED = """[...document.body.querySelectorAll("*")]
    .filter(e => !e.closest(".skip, thead, svg") && e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
    .map(e => e.tagName + "." + e.className).slice(0, 5)"""

SMALL = """[...document.querySelectorAll("a, button, summary")]
    .filter(e => !e.closest(".skip") && !e.closest("p"))
    .filter(e => { const box = e.getBoundingClientRect();
                   return box.width && Math.round(box.height) < 44; })
    .map(e => e.outerHTML.slice(0, 80)).slice(0, 5)"""


@dataclass
class Site:
    url: str
    tab: Tab

    def keep_picture(self, name: str) -> None:
        """Keep what the page looks like, for people, in the folder that ``WASL_TEST_PICTURES`` names."""
        folder = os.environ.get("WASL_TEST_PICTURES")
        if folder:
            self.tab.picture(Path(folder) / f"{name}.png")

    def look(self, name: str, path: str, language: str, width: int, scheme: str = "light") -> None:
        """Open a page and keep its picture."""
        self.tab.size(width)
        self.tab.scheme(scheme)
        self.tab.open(f"{self.url}{path}{'&' if '?' in path else '?'}lang={language}")
        self.keep_picture(f"{name}-{language}-{width}-{scheme}")


def served(home: Path, hub: FakeHub) -> Iterator[str]:
    """A web server of its own; its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, make_app(settings_for(home), hub), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeShow, Site]]:
    home = tmp_path_factory.mktemp("home")
    show, hub = busy_show()
    with running(show, home), browser(tmp_path_factory.mktemp("browser")) as tab:
        (home / "demo" / "05-by-hand-envelope.xml").write_text("<Envelope/>")
        homes.testpki().build(home, datetime.now(UTC))
        servers = served(home, hub)
        yield show, Site(next(servers), tab)
        next(servers, None)


@pytest.fixture
def site(stage: tuple[FakeShow, Site]) -> Site:
    return stage[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_at_any_width(site: Site, name: str, language: str) -> None:
    for width in (NARROW, MIDDLE, WIDE):
        site.look(name, PAGES[name], language, width)
        assert site.tab.run("document.documentElement.scrollWidth") <= width
        assert site.tab.run(TOO_WIDE) == []
        assert site.tab.run(SPILLED) == []


def test_the_checks_see_what_sticks_out_and_what_is_small(site: Site) -> None:
    site.look("waiting", PAGES["waiting"], "en", NARROW)
    site.tab.run("document.querySelector('.subject').style.whiteSpace = 'nowrap'")
    site.tab.run("document.querySelector('summary').style.cssText = 'padding: 0; min-height: 0'")
    assert site.tab.run(TOO_WIDE) or site.tab.run(SPILLED)
    assert site.tab.run(SMALL) != []


@pytest.mark.parametrize("name", PAGES)
def test_everything_to_press_is_large_enough(site: Site, name: str) -> None:
    site.look(name, PAGES[name], "fr", NARROW)
    site.tab.run("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert site.tab.run(SMALL) == []


def test_arabic_runs_from_right_to_left_in_its_own_face(site: Site) -> None:
    site.look("delivered", PAGES["delivered"], "ar", WIDE)
    positions = "[...document.querySelectorAll('.stage')].map(e => e.getBoundingClientRect().left)"
    sender, hub, recipients = site.tab.run(positions)
    assert sender > hub > recipients
    assert site.tab.run("document.fonts.check('16px Amiri', 'وصل')") is True
    assert site.tab.run("[...document.fonts].filter(f => f.status === 'loaded').length") >= 1
    reference = "document.querySelector('.number')"
    assert site.tab.run(f"getComputedStyle({reference}).direction") == "ltr"
    assert site.tab.run("getComputedStyle(document.querySelector('.command')).direction") == "ltr"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_page_without_arabic_text_does_not_need_the_arabic_face(site: Site, language: str) -> None:
    site.look("start", PAGES["start"], language, WIDE)
    wanting = "[...document.body.querySelectorAll('*')].map(e => getComputedStyle(e).fontFamily)"
    assert [family for family in site.tab.run(wanting) if "Amiri" in family] == []


def test_latin_pages_run_from_left_to_right(site: Site) -> None:
    site.look("delivered", PAGES["delivered"], "en", WIDE)
    positions = "[...document.querySelectorAll('.stage')].map(e => e.getBoundingClientRect().left)"
    assert site.tab.run(positions) == sorted(site.tab.run(positions))


def test_a_narrow_screen_gets_the_picture_from_top_to_bottom(site: Site) -> None:
    site.look("delivered", PAGES["delivered"], "en", NARROW)
    positions = "[...document.querySelectorAll('.stage')].map(e => e.getBoundingClientRect().top)"
    assert site.tab.run(positions) == sorted(set(site.tab.run(positions)))
    labels = "[...document.querySelectorAll('.letters td')].every(e => e.dataset.label)"
    assert site.tab.run(labels) is True


def test_the_colours_follow_the_readers_scheme(site: Site) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    for language in LANGUAGES:
        site.look("waiting", PAGES["waiting"], language, WIDE, "dark")
        dark = site.tab.run(ground)
        site.look("waiting", PAGES["waiting"], language, WIDE, "light")
        assert (dark, site.tab.run(ground)) == ("rgb(17, 22, 19)", "rgb(243, 245, 242)")


def test_a_keyboard_reaches_the_content_first_and_sees_where_it_is(site: Site) -> None:
    site.look("waiting", PAGES["waiting"], "en", WIDE)
    for kind in ("keyDown", "keyUp"):
        site.tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    focused = "(e => [e.getAttribute('href'), e.getBoundingClientRect().left >= 0])(document.activeElement)"
    assert site.tab.run(focused) == ["#content", True]
    assert site.tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_browser_finds_nothing_against_the_content_policy(site: Site) -> None:
    site.tab.call("Log.enable")
    for path in PAGES.values():
        site.tab.open(f"{site.url}{path}")
        # a blocked style would leave the sheet's custom properties unset
        assert site.tab.run("getComputedStyle(document.body).getPropertyValue('--accent')") == "#0b5d3b"
        assert site.tab.run("document.querySelectorAll('[style], style').length") == 0


def press(site: Site, action: str, arrives: str) -> None:
    site.tab.run(f"document.querySelector('form[action=\"/demo/{action}\"] button').click()")
    site.tab.wait(f"document.readyState === 'complete' && location.href.endsWith({arrives!r})")


def test_buttons_work_from_the_page_itself(stage: tuple[FakeShow, Site]) -> None:
    show, site = stage
    site.look("waiting", PAGES["waiting"], "en", WIDE)
    press(site, "start", "/demo?said=start")
    assert show.commune_running
    assert "runs again" in site.tab.run("document.querySelector('.said').textContent")
    press(site, "stop", "/demo?said=stop")
    assert not show.commune_running


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_verdicts_on_an_altered_receipt_fit_the_page(site: Site, language: str) -> None:
    for width in (WIDE, NARROW):
        site.look("waiting", PAGES["waiting"], language, width)
        press(site, "tamper", "/demo/tamper")
        site.keep_picture(f"verdicts-{language}-{width}")
        assert site.tab.run("document.querySelectorAll('.verdict').length") == 2
        assert site.tab.run("document.documentElement.scrollWidth") <= width


def test_everything_works_without_scripts(stage: tuple[FakeShow, Site]) -> None:
    show, site = stage
    site.look("waiting", PAGES["waiting"], "en", WIDE)
    site.tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        before = show.asked.count("send")
        site.tab.call("Page.reload")
        site.tab.wait("document.readyState === 'complete'")
        press(site, "send", "/demo?said=send")
        assert show.asked.count("send") == before + 1
    finally:
        site.tab.call("Emulation.setScriptExecutionDisabled", value=False)


def test_before_the_first_letter_the_page_is_whole(
    stage: tuple[FakeShow, Site],
) -> None:
    show, site = stage
    letters, show.letters = show.letters, []
    try:
        for language in LANGUAGES:
            for width in (NARROW, WIDE):
                site.look("empty", "/demo", language, width)
                assert site.tab.run("document.querySelectorAll('.empty').length") == 1
                assert site.tab.run("document.documentElement.scrollWidth") <= width
    finally:
        show.letters = letters


def test_the_page_without_its_show_is_whole(stage: tuple[FakeShow, Site], tmp_path: Path) -> None:
    site = stage[1]
    servers = served(tmp_path, FakeHub())
    absent = Site(next(servers), site.tab)
    try:
        for language in LANGUAGES:
            absent.look("absent", "/demo", language, NARROW)
            assert site.tab.run("document.querySelector('.command').textContent") == "make run"
            assert site.tab.run("document.documentElement.scrollWidth") <= NARROW
    finally:
        next(servers, None)
