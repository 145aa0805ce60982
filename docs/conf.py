"""The documentation as a site: `make docs` builds it into build/site, from what lies here, without a network."""

from __future__ import annotations

import posixpath
import re
from typing import Any

import gpushare
from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

project = "gpushare"
author = "The gpushare authors"
copyright = "the gpushare authors, Apache-2.0"
version = release = gpushare.__version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_static"]
nitpicky = False  # docstrings name types of packages whose pages are elsewhere

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]
suppress_warnings = ["myst.header"]  # pages that other tools write may skip a level

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the sections of the docstrings say them
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"gpushare {version}"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "sidebar_hide_name": False,
    "light_css_variables": {"color-brand-primary": "#1f5f8b", "color-brand-content": "#1f5f8b"},
    "dark_css_variables": {"color-brand-primary": "#7cc0ee", "color-brand-content": "#7cc0ee"},
}

lexers["csv"] = TextLexer()

#: Links to what is in the source tree and not on the site.
_OUTSIDE = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<path>(?:\.\./)+[^)#]+)\)")
#: Comments that say how the blocks of a page are run.
_ORDERS = re.compile(r"^<!-- (?:starts with|before|not run|exits with|lines): .* -->\n", re.MULTILINE)


def for_the_site(app: Any, name: str, source: list[str]) -> None:
    """Names what is only in the source tree, instead of linking to it."""

    def named(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(name), found["path"]))
        if path.startswith("docs/"):
            return found[0]
        text = found["text"].strip("`")
        return f"`{path}`" if text in (path, posixpath.basename(path)) else f"{text} (`{path}`)"

    source[0] = _OUTSIDE.sub(named, _ORDERS.sub("", source[0]))


def for_everyone(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Gives captions the level, and blocks that scroll the focus, that screen readers and keyboards need."""
    for part in ("body", "furo_navigation_tree"):
        if part in context:
            level = context[part].replace('role="heading"', 'role="heading" aria-level="2"')
            level = level.replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')
            context[part] = level.replace("<pre>", '<pre tabindex="0">')


def setup(app: Any) -> dict[str, bool]:
    """Registers what this file does."""
    app.connect("source-read", for_the_site)
    app.connect("html-page-context", for_everyone, priority=900)  # after the theme's own
    return {"parallel_read_safe": True}
