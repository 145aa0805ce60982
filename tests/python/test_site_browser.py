"""The documentation as a site in a real browser, without a network: it fits, keeps to axe's rules, and is searched."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
WIDTHS = (1280, 800, 360)
#: The first page, a tour, the widest tables, pictures, the reference, and one a folder further down.
PAGES = ("index", "tutorial", "keys", "accuracy-in-pictures", "api", "how-to/slo")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` builds it."""
    pytest.importorskip("furo", reason="sphinx and its theme are not installed: make browser")
    docs = Path(__file__).resolve().parents[2] / "docs"
    folder = tmp_path_factory.mktemp("site")
    words = ["sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "kept"), str(docs)]
    subprocess.run([sys.executable, "-m", *words, str(folder / "html")], check=True)
    return folder / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *told: object) -> None: ...


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """Its address on this machine: axe reads the style sheets, which browsers let no page do with files."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def opened(browser: Any, url: str, **how: Any) -> tuple[Any, list[str]]:
    """The page, and what it asked for beyond its files or complained of."""
    page = browser.new_page(**how)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    ours = url.partition("/")[0] if url.startswith("file:") else url[: url.index("/", 7)]
    page.on(
        "request", lambda asked: None if asked.url.startswith((ours, "data:")) else told.append(asked.url)
    )
    page.on("requestfailed", lambda asked: told.append(f"{asked.url}: {asked.failure}"))
    page.goto(url)
    return page, told


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_asks_for_nothing_and_breaks_no_rule(
    browser: Any, served: str, name: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark") if width == WIDTHS[0] else ("light",):
        url = f"{served}/{name}.html"
        page, told = opened(browser, url, viewport={"width": width, "height": 900}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").first.text_content()
        assert (
            page.evaluate("[...document.images].filter((one) => !one.naturalWidth).map((one) => one.src)")
            == []
        )
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert told == []
        page.close()


@pytest.mark.parametrize("how", ["files", "server"])
def test_the_search_finds_pages(browser: Any, site: Path, served: str, how: str) -> None:
    first = (site / "index.html").as_uri() if how == "files" else f"{served}/index.html"
    page, told = opened(browser, first, viewport={"width": 1280, "height": 900})
    page.locator("input[name=q]").first.fill("warmup_s")
    page.keyboard.press("Enter")
    results = page.locator("#search-results ul.search li a")
    results.first.wait_for()
    links = results.evaluate_all("(found) => found.map((one) => one.href)")
    assert any("keys.html" in link for link in links)
    results.first.click()
    page.locator("h1").first.wait_for()
    assert "search.html" not in page.url
    if how == "server":  # of files no page may fetch what is around the words that it found
        assert told == []


def test_links_between_pages_lead_somewhere(browser: Any, site: Path) -> None:
    for name in PAGES:
        page, _ = opened(browser, (site / f"{name}.html").as_uri())
        links = page.evaluate(
            "[...document.links].map((one) => one.href).filter((one) => one.startsWith('file:'))"
        )
        paths = {link.partition("#")[0].removeprefix("file://") for link in links}
        assert paths
        assert [path for path in sorted(paths) if not Path(path).exists()] == []
        page.close()
