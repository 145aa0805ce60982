"""The page itself, before its script fills it."""

from __future__ import annotations

from ..report.markup import Markup, join, tag

__all__ = ["page"]


def page(name: str) -> str:
    """HTML of the page; the same bytes for the same name."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{name}: what if?"),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="explore.css"),
    )
    body = tag(
        "body",
        tag("a", "To the answer", href="#answer", class_="skip", id="skip"),
        tag("header", tag("h1", f"{name}: what if?"), _answer()),
        tag("main", tag("div", _controls(), _results(), class_="desk"), id="main"),
        tag("footer", tag("p", "Simulated in this process; nothing leaves the machine.")),
        tag("div", id="tip", role="presentation", aria_hidden="true", hidden=True),
        tag("script", src="explore.js", defer=True),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _answer() -> Markup:
    verdict = tag(
        "div",
        tag("p", "Reading the scenario", class_="state", id="state"),
        tag("p", id="line"),
        class_="verdict",
        id="answer",
        tabindex="-1",
    )
    stop = tag("button", "Stop", id="stop", type="button", hidden=True)
    waiting = tag("p", tag("span", id="waiting", role="status"), stop, class_="waiting")
    wrong = tag("p", id="wrong", role="alert", class_="wrong", hidden=True)
    return join([verdict, waiting, wrong, tag("dl", id="facts", class_="facts")])


def _controls() -> Markup:
    modes = tag(
        "fieldset",
        tag("legend", "Modes to compare"),
        tag("div", id="modes"),
        _adding("new-mode", "Another mode", "mps:60/40", "add-mode"),
        tag("p", class_="wrong", data_place="/modes", hidden=True),
    )
    gpu = tag(
        "fieldset",
        tag("legend", "GPU"),
        tag("label", "Kind", for_="gpu"),
        tag("select", id="gpu", name="gpu"),
        tag("p", class_="wrong", data_place="/gpu", hidden=True),
    )
    bounds = tag(
        "fieldset",
        tag("legend", "Objectives"),
        tag("div", id="objectives"),
        tag("label", "Another one", for_="new-objective"),
        tag(
            "div",
            tag("select", id="new-objective"),
            tag("button", "Add", id="add-objective", type="button"),
            class_="adding",
        ),
        tag("p", class_="wrong", data_place="/objectives", hidden=True),
    )
    share = tag(
        "fieldset",
        tag("legend", "Take it along"),
        tag("button", "Copy the link", id="copy", type="button"),
        tag("button", "Download JSON", id="json", type="button"),
        tag("button", "Download YAML", id="yaml", type="button"),
        tag("button", "As it was", id="reset", type="button"),
        tag("p", "The same on the command line:", class_="note"),
        _listing("command", "Command"),
        tag("details", tag("summary", "Show the scenario"), _listing("document", "Scenario")),
    )
    return tag(
        "form", tag("div", id="knobs"), gpu, modes, bounds, share, id="controls", aria_label="What is set"
    )


def _listing(id: str, label: str) -> Markup:
    return tag("pre", tag("code", id=id), tabindex="0", role="region", aria_label=label)


def _adding(id: str, label: str, hint: str, button: str) -> Markup:
    field = tag("input", id=id, type="text", placeholder=hint, autocomplete="off", spellcheck="false")
    both = tag("div", field, tag("button", "Add", id=button, type="button"), class_="adding")
    return join([tag("label", label, for_=id), both])


def _results() -> Markup:
    board = tag(
        "section",
        tag("h2", "The board", id="board-title"),
        tag(
            "p",
            "Drag slices onto GPUs and services onto slices; or choose in the lists of each, and move a slice with the "
            "arrow keys. It is compared as the mode board.",
            class_="note",
        ),
        tag(
            "div",
            tag("label", "Begin with ", tag("select", id="from-mode"), for_="from-mode"),
            tag("button", "Lay it on the board", id="lay", type="button"),
            tag("button", "Clear the board", id="clear", type="button"),
            class_="adding",
        ),
        tag("p", class_="wrong", data_place="/modes/board", hidden=True),
        tag("div", id="palette", class_="palette"),
        tag("ul", id="board", class_="board"),
        tag("button", "Another GPU", id="add-gpu", type="button"),
        aria_labelledby="board-title",
    )
    found = [
        tag("section", tag("h2", title), tag("div", id=id), class_="found")
        for id, title in (
            ("table", "Every mode"),
            ("boxes", "The GPUs before and after"),
            ("changes", "What changes"),
        )
    ]
    return tag("div", board, *found, tag("ul", id="warnings", class_="note"), class_="results")
