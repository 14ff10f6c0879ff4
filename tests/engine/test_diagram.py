"""The diagram in the documents is the table."""

from __future__ import annotations

from pathlib import Path

from engine.lifecycle import diagram

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_lifecycle_diagram_in_the_documents_is_drawn_from_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    drawn = page.split("<!-- lifecycle:begin -->\n```mermaid\n")[1].split("```\n<!-- lifecycle:end -->")[0]
    assert drawn == diagram()
