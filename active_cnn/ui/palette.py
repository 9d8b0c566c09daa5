"""Colours that colour-blind people tell apart, on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Iterable

# Okabe & Ito (2008), without yellow and black, which vanish on one of the two pages.
ORANGE, SKY, GREEN = "#e69f00", "#56b4e9", "#009e73"
BLUE, VERMILION, PURPLE = "#0072b2", "#d55e00", "#cc79a7"
GREY = "#8a959e"

_FOR_TARGETS = (VERMILION, BLUE, PURPLE, ORANGE)
_FOR_OTHERS = (GREY, GREEN, SKY)

SPECTRUM = "#3a8fbf"
MARK = ORANGE
GAP = "rgba(138, 149, 158, 0.22)"  # between windows, where nothing stands


def class_colours(names: Iterable[str], targets: Iterable[str]) -> dict[str, str]:
    """Give each class a colour: vivid ones for the targets, quiet ones for the rest."""
    targets = set(targets)
    colours: dict[str, str] = {}
    taken = {True: 0, False: 0}
    for name in names:
        is_target = name in targets
        choice = _FOR_TARGETS if is_target else _FOR_OTHERS
        colours[name] = choice[taken[is_target] % len(choice)]
        taken[is_target] += 1
    return colours
