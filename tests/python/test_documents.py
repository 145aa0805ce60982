"""What README.md and docs/ show runs and prints what they say; links lead somewhere, and each page is on the site."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SNIPPETS = runpy.run_path(str(ROOT / "tools" / "update_snippets.py"))
PAGES = [path.relative_to(ROOT) for path in SNIPPETS["pages"]()]
RUN = [
    page
    for page in PAGES
    if any(one.excuse is None for one in SNIPPETS["snippets"]((ROOT / page).read_text("utf-8")))
]
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")


#: Pages with searches and sweeps: five to fifteen seconds each on a quiet core, so they wait for `make properties`.
SLOW = ("docs/planning.md", "docs/report.md", "docs/sweeps.md", "docs/how-to/capacity.md")


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.long if str(page) in SLOW else ()) for page in RUN],
    ids=str,
)
def test_its_blocks_run_and_print_what_it_shows(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert SNIPPETS["rewritten"](text, str(page)) == text, f"run tools/update_snippets.py {page}"


def test_most_blocks_are_run() -> None:
    every = [one for page in PAGES for one in SNIPPETS["snippets"]((ROOT / page).read_text("utf-8"))]
    excused = [one for one in every if one.excuse is not None]
    assert len(every) > 60
    assert len(excused) < len(every) / 3


def rewritten(text: str) -> str:
    new: str = SNIPPETS["rewritten"](text, "page.md")
    return new


def test_what_a_block_prints_takes_the_place_of_what_is_shown() -> None:
    page = "# A page\n\n```sh\necho one > file\n```\n\n```python\nx = 1 + 1\nx\n```\n\n```text\n3\n```\n\nAnd so on.\n"
    assert rewritten(page) == page.replace("text\n3\n", "text\n2\n")


def test_blocks_share_a_folder_and_the_names_of_python() -> None:
    page = (
        "<!-- before: echo 5 > number -->\n\n```python\nx = int(open('number').read())\n```\n\n"
        "```python\nprint(x * 2)\n```\n\n<!-- lines: 1 -->\n```text\n```\n"
    )
    assert rewritten(page) == page.replace("text\n", "text\n10\n")


def test_of_a_long_output_so_many_lines_are_shown() -> None:
    page = "```sh\nseq 9\n```\n\n<!-- lines: 2 -->\n```text\n```\n"
    assert rewritten(page) == page.replace("text\n", "text\n1\n2\n...\n")


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            "```sh\ngpushare run no-such\n```\n",
            r"page.md:4: gpushare run no-such\nended with 2: gpushare: error: .*no-such",
        ),
        ("<!-- exits with: 4 -->\n```sh\ntrue\n```\n", r"page.md:5: true\nended with 0"),
        ("```python\n1 / 0\n```\n", r"page.md:4: 1 / 0\n(.|\n)*ZeroDivisionError"),
    ],
)
def test_a_block_that_fails_is_told_with_its_line(block: str, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        rewritten(f"# A page\n\n{block}")


def test_a_block_with_an_excuse_is_left_alone() -> None:
    page = "<!-- not run: asks -->\n```sh\nexit 3\n```\n\n```text\nkept\n```\n"
    assert rewritten(page) == page


def test_the_tables_of_keys_are_those_of_the_schema() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "update_keys.py"))
    page = (DOCS / "keys.md").read_text(encoding="utf-8")
    assert tool["updated"](page) == page, "run tools/update_keys.py"


def members(schema: Any) -> set[str]:
    """Names of all keys of a schema."""
    found: set[str] = set()
    if isinstance(schema, dict):
        for name, one in schema.get("properties", {}).items():
            if isinstance(one, dict) and "const" not in one and name != "$schema":
                found.add(name)
        for one in schema.values():
            found |= members(one)
    elif isinstance(schema, list):
        for one in schema:
            found |= members(one)
    return found


def test_every_key_of_the_schema_is_in_the_tables() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "update_keys.py"))
    page = (DOCS / "keys.md").read_text(encoding="utf-8")
    shown = {
        key.split(".")[-1].removesuffix("[]") for key in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    }
    wanted = {name for name in members(tool["SCHEMA"]) if name not in ("at_most", "at_least")}
    assert wanted <= shown


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and the site make them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    heads = re.findall(r"^#{1,4} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, Path("CONTRIBUTING.md")], ids=str)
def test_its_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    lost = []
    for to in (found["to"] for found in LINK.finditer(text)):
        if re.match(r"[a-z]+:", to):
            continue
        path, _, anchor = to.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(to)
    assert lost == []


def test_every_page_is_in_the_navigation_once() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = re.findall(
        r"^([a-z0-9/-]+)$", "\n".join(re.findall(r"```{toctree}(.*?)```", index, re.DOTALL)), re.MULTILINE
    )
    there = [str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(set(there) - {"index"})


def test_the_figures_of_the_tour_are_those_that_its_folder_invents() -> None:
    folder = ROOT / "examples" / "tutorial"
    invented = runpy.run_path(str(folder / "make.py"))
    assert (folder / "vllm.log").read_text(encoding="utf-8") == invented["log"]()
    assert (folder / "cluster" / "dcgm.prom").read_text(encoding="utf-8") == invented["scrape"]()


def test_the_desk_of_the_examples_is_that_of_the_page_on_clusters() -> None:
    section = (DOCS / "clusters.md").read_text("utf-8").partition("## Is the hour within its objectives?")[2]
    blocks = [block for _, block in re.findall(r"```(csv|json)\n(.*?)```", section, re.DOTALL)]
    assert blocks == [
        (ROOT / "examples" / "desk" / name).read_text("utf-8")
        for name in ("nodes.csv", "pods.csv", "desk.json")
    ]
