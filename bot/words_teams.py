"""The words of Microsoft Teams alone."""

from __future__ import annotations

TEAMS: dict[str, str] = {
    "teams.name": "FlowPilot",
    "teams.kept": "FlowPilot has it.",
    "teams.use_box": "To answer, use the box below or write @FlowPilot.",
}
