"""A report in a real browser: at every width, by keyboard, in print, dark and light, and by the rules of axe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gpushare as gs
import pytest

pytestmark = pytest.mark.browser
WIDTHS = (1280, 800, 360)


@pytest.fixture(
    scope="module", params=["dedicated,time-slicing,mps,mig:3g.40gb+3g.40gb", "mig:3g.40gb+2g.20gb+1g.10gb"]
)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    gs.compare("voice-light", modes=request.param, record_requests=False).report(path)
    return path


def opened(browser: Any, path: Path, **how: Any) -> tuple[Any, list[str]]:
    """The page, and what it asked for or complained of."""
    page = browser.new_page(**how)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda asked: told.append(asked.url) if asked.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, told


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_asks_for_nothing_and_breaks_no_rule(
    browser: Any, report: Path, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page, told = opened(browser, report, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Axe comes into the page from outside, which its policy is there to forbid: into a copy without one.
    bare = browser.new_context(
        bypass_csp=True, viewport={"width": width, "height": 900}, color_scheme=scheme
    ).new_page()
    bare.goto(report.as_uri())
    bare.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(bare)
    assert found.violations_count == 0, found.generate_report()
    assert told == []


def test_charts_answer_the_keyboard(browser: Any, report: Path) -> None:
    page, _ = opened(browser, report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the answer"
    rows = page.locator("svg .row")
    rows.first.focus()
    tip = page.locator("#tip")
    assert tip.is_visible()
    assert tip.text_content() == rows.first.get_attribute("aria-label")
    if page.locator("figure").first.locator(".row").count() > 1:
        page.keyboard.press("ArrowDown")
        assert tip.text_content() == rows.nth(1).get_attribute("aria-label")
    mode = page.evaluate("document.activeElement.dataset.mode")
    same = page.locator("svg .row.same")
    assert (
        same.count()
        == page.locator("figure .row[data-mode]").locator(f"xpath=self::*[@data-mode='{mode}']").count()
    )
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_charts_answer_the_pointer(browser: Any, report: Path) -> None:
    page, _ = opened(browser, report)
    page.locator("svg .row").nth(0).hover()
    assert "p95" in page.locator("#tip").text_content()
    page.mouse.move(0, 0)
    assert page.locator("#tip").is_hidden()


def test_print_opens_what_is_folded(browser: Any, report: Path, tmp_path: Path) -> None:
    page, _ = opened(browser, report)
    assert page.locator("details[open]").count() == 0
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()


def test_words_in_boxes_are_not_cut_off(browser: Any, report: Path) -> None:
    for width in WIDTHS:
        page, _ = opened(browser, report, viewport={"width": width, "height": 900})
        cut = page.evaluate(
            "[...document.querySelectorAll('.part')].filter((one) => one.scrollHeight > one.clientHeight + 1"
            " || one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
        )
        assert cut == [], width
