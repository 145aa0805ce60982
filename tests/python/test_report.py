"""Reports are one page that needs nothing beside it, says what the comparison says, and is the same every time."""

from __future__ import annotations

import html.parser
import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.planning.objectives import shown
from gpushare.report.content import Cell, Listing, Page, Section, Sheet
from gpushare.report.drawings import nice_end
from gpushare.report.page import page
from gpushare.validation.accuracy import committed
from gpushare.validation.likeness import LEFT_OUT, LIKE, resembling

MODES = ["dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"]
VOID = {"meta", "br", "hr", "wbr"}


class Element:
    def __init__(self, name: str, attributes: dict[str, str | None], parent: Element | None) -> None:
        self.name, self.attributes, self.parent = name, attributes, parent
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        text = "".join(c if isinstance(c, str) else c.text for c in self.children)
        return text.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, name: str = "") -> list[Element]:
        found = [self] if not name or self.name == name else []
        for child in self.children:
            found += child.all(name) if isinstance(child, Element) else []
        return found


class Reader(html.parser.HTMLParser):
    """A tree of what is well nested; anything else fails."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.at = self.root = Element("", {}, None)
        self.feed(text)
        self.close()
        assert self.at is self.root, f"<{self.at.name}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in <{tag}>"
        element = Element(tag, dict(attrs), self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.at.name, f"</{tag}> closes <{self.at.name}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def read(text: str) -> Element:
    return Reader(text).root


@pytest.fixture(scope="module")
def table() -> gs.Comparison:
    return gs.compare("voice-light", modes=MODES, slo=["tts.first_audio_p95=300ms"], record_requests=False)


@pytest.fixture(scope="module")
def text(table: gs.Comparison, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    table.report(path)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(text: str) -> Element:
    return read(text)


def test_the_page_is_well_formed_and_its_ids_are_unique(tree: Element) -> None:
    ids = [one.attributes["id"] for one in tree.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids)) > 8
    links = [one.attributes["href"] for one in tree.all("a")]
    assert {link for link in links if link} <= {f"#{name}" for name in ids}


def test_the_page_loads_nothing(text: str, tree: Element) -> None:
    assert not [one for one in tree.all() if {"src", "srcset", "data", "poster"} & set(one.attributes)]
    assert not tree.all("link") + tree.all("iframe") + tree.all("img")
    assert not re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", text)
    policy = [m for m in tree.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0].attributes["content"].startswith("default-src 'none'")


def test_the_verdict_comes_first(table: gs.Comparison, tree: Element) -> None:
    body = tree.all("body")[0]
    first = next(one for one in body.all() if "verdict" in (one.attributes.get("class") or ""))
    assert table.verdict.line in first.text
    assert "met" in first.attributes["class"].split()
    headings = [one.name for one in body.all() if re.fullmatch("h[1-6]", one.name)]
    assert headings[0] == "h1"
    assert all(int(b[1]) <= int(a[1]) + 1 for a, b in itertools.pairwise(headings))


def test_every_figure_is_that_of_the_comparison(table: gs.Comparison, tree: Element) -> None:
    cells = [one for one in tree.all("td") if "data-figure" in one.attributes]
    assert len(cells) > 100
    assert {one.attributes["data-mode"] for one in cells} == set(MODES)
    for cell in cells:
        name, mode = cell.attributes["data-figure"], cell.attributes["data-mode"]
        value = float(table[mode].get(name, math.nan))
        told = cell.attributes.get("data-value")
        assert told == (None if math.isnan(value) else repr(value)), (name, mode)
        assert shown(name, value) in cell.text


def test_charts_have_the_values_of_the_comparison(table: gs.Comparison, tree: Element) -> None:
    rows = [g for g in tree.all("g") if g.attributes.get("data-mode")]
    assert len(rows) == len(table.latencies) * len(MODES)
    chart = next(f for f in tree.all("figure") if f.text.startswith("llm.ttft"))
    for row in chart.all("g"):
        p95 = 1000 * table[row.attributes["data-mode"]]["llm.ttft_p95_s"]
        assert f"p95 {p95:.3g} ms" in row.attributes["aria-label"]
        assert row.attributes["tabindex"] == "0"


def test_boxes_are_to_scale(table: gs.Comparison, tmp_path: Path) -> None:
    only = gs.compare("voice-light", modes=["mig:3g.40gb+2g.20gb"], record_requests=False)
    only.report(tmp_path / "mig.html", sensitivity=False)
    found = read((tmp_path / "mig.html").read_text(encoding="utf-8"))
    sides = [one for one in found.all("div") if one.attributes.get("class") == "fleet"]
    assert [one.all("h3")[0].text for one in sides] == ["Before: dedicated", "After: mig:3g.40gb+2g.20gb"]
    parts = {
        one.text: one.attributes["style"] for one in sides[1].all("li") if "part" in one.attributes["class"]
    }
    heights = {name[:2]: float(re.search(r"height:([\d.]+)", style)[1]) for name, style in parts.items()}
    assert heights["3g"] == 2 * heights["2g"]
    tops = {name[:2]: float(re.search(r"top:([\d.]+)", style)[1]) for name, style in parts.items()}
    assert tops["2g"] == heights["3g"]
    assert tops["no"] == pytest.approx(heights["3g"] + heights["2g"])


def test_the_same_seed_gives_the_same_bytes(table: gs.Comparison, text: str, tmp_path: Path) -> None:
    again = gs.compare(
        "voice-light", modes=MODES, slo=["tts.first_audio_p95=300ms"], record_requests=False, threads=1
    )
    again.report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_the_command_in_the_page_makes_the_page(text: str, tree: Element, tmp_path: Path) -> None:
    command = next(one.text for one in tree.all("pre") if one.text.startswith("gpushare report"))
    words = command.replace("report.html", str(tmp_path / "report.html")).split()
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text


def test_hashes_are_of_the_document_in_the_page(table: gs.Comparison, tree: Element) -> None:
    import hashlib

    rows = {row.all("th")[0].text: row.all("td")[0].text for row in tree.all("tr") if row.all("td")}
    document = next(one.text for one in tree.all("pre") if one.text.startswith("{"))
    assert json.loads(document) == table.scenario.document
    assert rows["document, SHA-256"] == hashlib.sha256(document.encode()).hexdigest()
    assert rows["seed"] == str(table.scenario.seed)


def test_what_the_answer_hangs_on_is_asked_again(table: gs.Comparison, tree: Element) -> None:
    section = next(s for s in tree.all("section") if s.all("h2")[0].attributes["id"] == "hangs")
    rows = {row.all("th")[0].text: row for row in section.all("tr") if row.all("td")}
    load = next(row for name, row in rows.items() if name.startswith("load"))
    less = gs.compare(
        table.scenario.replace(users=4), modes=MODES, slo=["tts.first_audio_p95=300ms"], most_replications=1
    )
    figure = "tts.first_audio_p95_s"
    assert load.all("td")[0].text == shown(figure, less[table.verdict.mode][figure])
    assert "stays" in load.text


def test_an_answer_that_changes_says_how(tmp_path: Path) -> None:
    table = gs.compare("voice-light", modes=["dedicated", "mig:3g.40gb+3g.40gb"], slo=["e2e_latency_p95=15s"])
    table.report(tmp_path / "report.html")
    found = read((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert any("The answer changes with: length of replies" in p.text for p in found.all("p"))
    row = next(r for r in found.all("tr") if r.text.startswith("length of replies"))
    assert "dedicated instead, since mig:3g.40gb+3g.40gb misses e2e_latency_p95_s" in row.text


def test_names_cannot_become_markup() -> None:
    evil = "<script>alert(1)</script>\"'&"
    sheet = Sheet(evil, [evil, evil], [[evil, Cell(evil, figure=evil, mode=evil, value=1.0, note=evil)]])
    text = page(
        Page(
            evil,
            evil,
            "met",
            [(evil, evil)],
            [Section("one", evil, [evil, sheet, Listing(evil, evil)])],
            evil,
        )
    )
    found = read(text)
    assert len(found.all("script")) == 1
    assert "alert(1)" not in found.all("script")[0].text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;") > 10
    assert found.all("h1")[0].text == evil


def test_an_axis_ends_at_a_round_number_beyond_its_values() -> None:
    assert [nice_end(v) for v in (0.0, 1.0, 1.01, 2.2, 7.0, 0.085, 999.0)] == [1, 1, 1.5, 3, 8, 0.1, 1000]


def test_every_suite_resembles_something_or_says_that_it_does_not() -> None:
    assert {*LIKE, *LEFT_OUT} == set(committed())
    assert not set(LIKE) & set(LEFT_OUT)
    for suite, like in LIKE.items():
        assert set(like.sharing) <= set(committed()[suite]), suite


def test_errors_are_those_of_the_suites_with_such_engines_under_such_sharing() -> None:
    found = resembling(["continuous-batching", "stream-batching"], ["mps"])
    assert [one.suite for one in found] == ["h200-intervals", "h200-long", "vllm-h200"]
    assert found[0].p90 == committed()["h200-intervals"]["mps"]["p90_abs_error"]
    both = resembling(["continuous-batching", "fifo"], ["mps"])[0]
    assert (both.suite, both.median) == (
        "h200-services",
        committed()["h200-services"]["mps, network"]["median_abs_error"],
    )
    assert {one.suite for one in resembling(["fifo"], ["mig"])} == {"nos", "parvagpu", "mig-microbenchmarks"}
    assert resembling(["stream-batching"], ["mps with caps"])[0].sharing == "mps with caps"


def test_a_plan_and_its_file_make_the_same_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = gs.plan("voice-light", slo=["tts.first_audio_p95=300ms"], rounds=20)
    plan.report(tmp_path / "plan.html", sensitivity=False)
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan.to_dict(), default=float))
    assert main(["report", str(file), "-o", str(tmp_path / "file.html"), "--no-sensitivity"]) == 0
    assert plan.to_dict()["headline"] in " ".join(capsys.readouterr().out.split())
    direct, by_file = ((tmp_path / name).read_text(encoding="utf-8") for name in ("plan.html", "file.html"))
    assert by_file.replace(str(file), "PLAN.json") == direct
    found = read(direct)
    assert plan.to_dict()["headline"] in found.all("header")[0].text
    titles = [one.text for one in found.all("h2")]
    assert "Why nothing cheaper" in titles
    sides = [one for one in found.all("div") if one.attributes.get("class") == "fleet"]
    assert len([one for one in sides[1].all("li") if one.attributes["class"] == "gpu"]) == plan.gpus


def test_the_command_says_all_that_was_asked_otherwise(tmp_path: Path) -> None:
    how = {
        "keep": gs.Kept(latency=2.0),
        "seed": 7,
        "replications": 2,
        "most_replications": 8,
        "uncertainty": False,
    }
    bounds = {"success_rate": 0.9}
    table = gs.compare(
        "voice-light", [MODES[0], gs.mig.parse("3g.40gb+3g.40gb")], bounds, record_requests=False, **how
    )
    table.report(tmp_path / "report.html", sensitivity=False)
    found = read((tmp_path / "report.html").read_text(encoding="utf-8"))
    command = next(one.text for one in found.all("pre") if one.text.startswith("gpushare report"))
    assert command.split() == [
        *["gpushare", "report", "voice-light", "--modes", "dedicated,mig:3g.40gb@0+3g.40gb@4"],
        *["--slo", "'success_rate>=0.9'", "--keep", "latency=2,throughput=0.95,success=0.99"],
        *["--seed", "7", "--replications", "2", "--most-replications", "8"],
        *["--no-sensitivity", "-o", "report.html"],
    ]
    assert gs.Kept.parse(str(how["keep"])) == how["keep"]


def test_a_plan_without_a_placement_is_reported_too(tmp_path: Path) -> None:
    plan = gs.plan("voice-light", slo=["tts.first_audio_p95=1ms"], gpus={"a100": 1}, rounds=5)
    assert plan.scenario is None
    plan.report(tmp_path / "plan.html")
    found = read((tmp_path / "plan.html").read_text(encoding="utf-8"))
    assert plan.why in found.all("header")[0].text


def test_a_plan_takes_no_other_objectives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"meets": True, "scenario": None}))
    assert main(["report", str(file), "--slo", "success_rate=99%", "-o", str(tmp_path / "x.html")]) == 2
    assert "a plan has its objectives" in capsys.readouterr().err


@pytest.mark.parametrize("scenario", ["bursty-llm", "voice-calls", "bursty-day", "llm-trace"])
def test_other_scenarios_are_reported_too(scenario: str, tmp_path: Path) -> None:
    short = gs.Scenario.load(scenario)
    short = short.replace(duration_s=1800) if scenario == "bursty-day" else short
    table = gs.compare(short, modes=short.modes[:2] or None, record_requests=False)
    table.report(tmp_path / "report.html", sensitivity=False)
    assert (
        table.verdict.line
        in read((tmp_path / "report.html").read_text(encoding="utf-8")).all("header")[0].text
    )
