"""The layers hold, and a page stays a page."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
MOST_LINES = 120

# What a page may speak to; everything else is reached through these.
ALLOWED = (
    "active_cnn.campaign.campaign",
    "active_cnn.campaign.demo",
    "active_cnn.campaign.files",
    "active_cnn.campaign.jobs",
    "active_cnn.campaign.labelling",
    "active_cnn.campaign.overview",
    "active_cnn.campaign.questions",
    "active_cnn.delivery",
    "active_cnn.errors",
    "active_cnn.query.strategies",
    "active_cnn.records",
    "active_cnn.ui",
    "streamlit",
)


def imported_modules(path: Path) -> set[str]:
    """Give the full name of everything that a file imports, with the names taken from it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_layers_of_the_library_hold():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_all_pages_are_there():
    assert [page.stem for page in PAGES] == [
        "app",
        "1_Overview",
        "2_Train",
        "3_Performance",
        "4_Relabel",
        "5_Candidates",
        "6_Agreement",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_imports_only_what_a_page_may(page):
    others = {
        name
        for name in imported_modules(page)
        if not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED)
    }
    assert not others


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short(page):
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    "path", [*PAGES, *sorted((ROOT / "active_cnn" / "ui").glob("*.py"))], ids=lambda path: path.stem
)
def test_nothing_takes_over_the_navigation(path):
    # With it, a deep link on a fresh server would run a page without its frame.
    called = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
              if isinstance(node, ast.Attribute)}  # fmt: skip
    assert "navigation" not in called
