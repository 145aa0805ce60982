"""The what-if page in a real browser: by pointer and keyboard, at every width, dark and light, by the rules of axe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gpushare as gs
import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("uvicorn")
WIDTHS = (1280, 800, 360)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    from gpushare.explore.server import Explorer

    explorer = Explorer(gs.Scenario.load("voice-light")).start()
    yield explorer.url
    explorer.stop()


class Page:
    """A page, and what it asked for elsewhere or complained of."""

    def __init__(self, browser: Any, url: str, **how: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | how))
        self.page = self.context.new_page()
        self.told: list[str] = []
        self.page.on("console", lambda message: self.told.append(message.text))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        ours = url.partition("?")[0]
        self.page.on(
            "request",
            lambda asked: None if asked.url.startswith((ours, "data:")) else self.told.append(asked.url),
        )
        self.page.goto(url)
        self.answered(0)

    def answered(self, before: int) -> int:
        """Waits until a later question is answered than one before."""
        for _ in range(400):
            now = int(self.page.evaluate("document.body.dataset.answered ?? '0'"))
            asking = self.page.evaluate("document.body.classList.contains('asking')")
            if now > before and not asking:
                return now
            self.page.wait_for_timeout(25)
        raise AssertionError(f"no answer: {self.page.locator('#wrong').text_content()} {self.told}")

    @property
    def count(self) -> int:
        return int(self.page.evaluate("document.body.dataset.answered ?? '0'"))

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        return self.page.evaluate("window.figures")

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.page.locator("#document").text_content())

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(unquote(self.page.url.partition("#")[2]) or "{}")


@pytest.fixture
def opened(browser: Any, url: str) -> Iterator[Page]:
    page = Page(browser, url)
    yield page
    assert page.told == []
    page.context.close()


def same_as_compare(page: Page) -> None:
    table = gs.compare(page.document, most_replications=1, record_requests=False)
    assert page.page.locator("#line").text_content() == table.verdict.line
    found = page.figures
    assert list(found) == list(table.summaries)
    for mode, summary in table.summaries.items():
        for name, value in summary.items():
            assert found[mode][name] == value or value != value, (mode, name)


def test_a_slider_answers_with_the_figures_of_compare(opened: Page) -> None:
    slider = opened.page.locator("[data-pointer='/traffic/0/users'] input[type=range]")
    before = opened.count
    slider.focus()
    for _ in range(4):
        opened.page.keyboard.press("ArrowRight")
    opened.answered(before)
    assert opened.document["traffic"][0]["users"] == 9
    assert opened.state == {"set": {"/traffic/0/users": 9}}
    same_as_compare(opened)


def test_a_link_carries_what_is_set(browser: Any, opened: Page) -> None:
    before = opened.count
    opened.page.locator("[data-pointer='/services/tts/replicas'] input[type=number]").fill("2")
    opened.answered(before)
    other = Page(browser, opened.page.url)
    assert other.document == opened.document
    assert other.figures == opened.figures
    assert (
        other.page.locator("[data-pointer='/services/tts/replicas'] input[type=range]").input_value() == "2"
    )
    other.context.close()


def test_slices_and_services_are_dragged(opened: Page) -> None:
    page = opened.page
    page.locator("#add-gpu").click()
    page.locator("#add-gpu").click()

    def drag(what: Any, to: Any, share: float = 0.5) -> None:
        opened.answered(-1)  # an answer that comes meanwhile would move everything
        what.scroll_into_view_if_needed()
        first, last = what.bounding_box(), to.bounding_box()
        page.mouse.move(first["x"] + first["width"] / 2, first["y"] + first["height"] / 2)
        page.mouse.down()
        page.mouse.move(last["x"] + last["width"] / 2, last["y"] + share * last["height"], steps=4)
        page.mouse.up()

    palette = page.locator("#palette")
    slots = page.locator("#board .slots")
    drag(palette.get_by_text("llm", exact=True), page.locator("#part-0-0"))
    drag(palette.get_by_text("3g.40gb", exact=True), slots.nth(1), 0.9)
    drag(palette.get_by_text("3g.40gb", exact=True), slots.nth(1), 0.1)
    drag(palette.get_by_text("asr", exact=True), page.locator("#part-1-0"))
    before = opened.count
    drag(palette.get_by_text("tts", exact=True), page.locator("#part-1-1"))
    opened.answered(before)
    placed = opened.document["modes"]["board"]["placement"]["gpus"]
    assert placed[1]["layout"] == "3g.40gb@0+3g.40gb@4"
    assert [part["processes"] for part in placed[1]["partitions"]] == [["asr"], ["tts"]]
    board, mig = opened.figures["board"], opened.figures["mig:3g.40gb+3g.40gb"]
    assert board == mig
    before = opened.count
    drag(page.locator("#part-1-1 .grip"), slots.nth(0), 0.9)  # off to the other card, which was not cut
    opened.answered(before)
    assert opened.state["board"][0]["layout"] == "3g.40gb@4"
    assert opened.state["board"][1]["layout"] == "3g.40gb@0"


def test_the_board_answers_the_keyboard(opened: Page) -> None:
    page = opened.page
    before = opened.count
    page.locator("#from-mode").select_option("mig:3g.40gb+3g.40gb")
    page.locator("#lay").press("Enter")
    opened.answered(before)
    page.locator("#part-1-1").focus()
    page.keyboard.press("Delete")
    page.locator("#gpu-1").get_by_label("+ slice").select_option("2g.20gb")
    page.locator("#part-1-1").focus()
    assert opened.state["board"][1]["layout"] == "3g.40gb@0+2g.20gb@4"
    assert page.locator("#part-1-1").get_attribute("aria-label") == "2g.20gb@4 of gpu1: nobody"
    before = opened.count
    page.locator("#part-1-0").get_by_label("+ service").select_option("tts")
    opened.answered(before)
    parts = opened.state["board"][1]["partitions"]
    assert parts[0] == {"processes": ["asr", "tts"], "sharing": "mps"}
    before = opened.count
    page.locator("#part-1-0").get_by_label("How it is shared").select_option("time-slicing")
    opened.answered(before)
    same_as_compare(opened)
    page.locator("#part-1-0").get_by_label("Take asr away").press("Enter")
    opened.page.wait_for_selector("[data-place='/modes/board']:not([hidden])")
    assert 'service "asr" is placed on no GPU' in page.locator("[data-place='/modes/board']").text_content()


def test_an_error_stands_where_it_arises(opened: Page) -> None:
    page = opened.page
    knob = page.locator("[data-pointer='/traffic/0/users']")
    knob.locator("input[type=number]").fill("-3")
    page.wait_for_selector("[data-place='/traffic/0/users']:not([hidden])")
    assert "expected a whole number between 1 and" in knob.locator(".wrong").text_content()
    assert page.locator("#wrong").is_hidden()
    before = opened.count
    knob.locator("input[type=number]").fill("6")
    opened.answered(before)
    assert knob.locator(".wrong").is_hidden()
    opened.told.clear()  # a browser tells of every reply that is an error


def test_the_horizon_is_a_slider(opened: Page) -> None:
    knob = opened.page.locator("[data-pointer='/traffic/0/hold_s']")
    assert knob.locator("label").text_content() == "all users stay, s"
    before, arrived = opened.count, opened.figures["mps"]["arrived"]
    knob.locator("input[type=range]").focus()
    for _ in range(60):
        opened.page.keyboard.press("ArrowLeft")
    opened.answered(before)
    assert opened.document["traffic"][0]["hold_s"] < 90
    assert opened.figures["mps"]["arrived"] < arrived
    same_as_compare(opened)


def test_a_fleet_that_follows_a_day_says_how_to_look_at_an_hour_of_it(browser: Any) -> None:
    from gpushare.explore.server import Explorer

    explorer = Explorer(gs.Scenario.load("bursty-day")).start()
    context = browser.new_context(bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(explorer.url)
        knob = page.locator("[data-pointer='/duration_s']")
        knob.locator(".wrong:not([hidden])").wait_for()
        assert "Lower the rates, the users or duration_s" in knob.locator(".wrong").text_content()
        knob.locator("input[type=number]").fill("900")
        page.wait_for_function(
            "document.body.dataset.answered && !document.body.classList.contains('asking')"
        )
        assert knob.locator(".wrong").is_hidden()
        assert "fixed" in page.evaluate("Object.keys(window.figures)")
        page.locator("#from-mode").select_option("fixed")
        page.locator("#lay").click()
        board = page.locator("[data-place='/modes/board']:not([hidden])")
        board.wait_for()
        assert 'its fleet is under "control"' in board.text_content()
    finally:
        context.close()
        explorer.stop()


def test_objectives_modes_and_cards_are_set(opened: Page) -> None:
    page = opened.page
    before = opened.count
    page.locator("#new-objective").select_option("voice_to_voice_p95_s")
    page.locator("#add-objective").click()
    opened.answered(before)
    before = opened.count
    page.get_by_label("Bound of voice_to_voice_p95_s").fill("1900ms")
    page.keyboard.press("Enter")
    before = opened.answered(before)
    assert opened.document["objectives"] == {"voice_to_voice_p95_s": "1900ms"}
    page.locator("#new-mode").fill("mps:60/40")
    page.keyboard.press("Enter")
    before = opened.answered(before)
    page.get_by_label("time-slicing", exact=True).uncheck()
    before = opened.answered(before)
    page.locator("#gpu").select_option("h100")
    opened.answered(before)
    assert opened.document["gpu"] == "h100"
    assert list(opened.figures) == [
        "dedicated",
        "mps",
        "mig:3g.40gb+3g.40gb",
        "mps:60/40",
    ] or "failed" in str(opened.page.locator("#table").text_content())
    same_as_compare_of_what_ran = gs.compare(opened.document, most_replications=1, record_requests=False)
    assert page.locator("#line").text_content() == same_as_compare_of_what_ran.verdict.line


def test_what_is_shown_can_be_taken_along(opened: Page, tmp_path: Path) -> None:
    page = opened.page
    for button, ending in (("json", ".json"), ("yaml", ".yaml")):
        with page.expect_download() as waiting:
            page.locator(f"#{button}").click()
        path = tmp_path / f"mine{ending}"
        waiting.value.save_as(path)
        assert waiting.value.suggested_filename == f"voice-light-explored{ending}"
        table = gs.compare(path, most_replications=1, record_requests=False)
        assert table.verdict.line == page.locator("#line").text_content()
    assert (
        page.locator("#command").text_content()
        == "gpushare compare voice-light-explored.json --most-replications 1"
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_breaks_no_rule(browser: Any, url: str, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # Axe comes into the page from outside, which its policy is there to forbid.
    page = Page(browser, url, bypass_csp=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
    before = page.count
    page.page.locator("#from-mode").select_option("mig:3g.40gb+3g.40gb")
    page.page.locator("#lay").click()
    page.answered(before)
    page.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page.page)
    assert found.violations_count == 0, found.generate_report()
    cut = page.page.evaluate(
        "[...document.querySelectorAll('.slice')].filter((one) => one.scrollWidth > one.clientWidth + 1)"
        ".map((one) => one.textContent)"
    )
    assert cut == []
    assert page.told == []
    page.context.close()
