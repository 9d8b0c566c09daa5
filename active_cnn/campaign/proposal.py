"""Grid and classes of a campaign as its training set suggests them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from active_cnn.campaign.creation import DEFAULT_CLASSES
from active_cnn.campaign.definition import Definition
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid
from active_cnn.records import OTHER, OracleClass
from active_cnn.spectra.training_outline import Outline, read_outline

# What is never looked for, whatever else there is.
PLAIN = (OTHER, "noise", "artefact", "absorption", "star", "not-interesting", "normal", "unsure")

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

# Names of files that say nothing of what is looked for; their folder does.
_SAYS_NOTHING = re.compile(r"(train(ing)?|label(l?ed|s)?)?[-_. ]?(sets?|data|labels)?", re.I)
_LONGEST_NAME = 60  # a number may follow


def propose(training: Path, targets: Collection[str] = ()) -> Definition:
    """Propose a definition for a training set.

    Parameters
    ----------
    training : Path
        Its CSV file.
    targets : collection of str
        Labels that are looked for; without them the rare ones are taken for it.

    Returns
    -------
    Definition
        The grid of its header, or the default one where that has no wavelengths; the default
        classes where its labels are among these, and otherwise a class for each label.

    Raises
    ------
    SpectrumError
        If it cannot be read.
    CampaignError
        If one of the targets is no label of it, it has fewer than two labels, or neither the
        wavelengths of its header nor the default grid are those of its fluxes.
    """
    return propose_for(training, read_outline(training), targets)


def propose_for(training: Path, outline: Outline, targets: Collection[str] = ()) -> Definition:
    """Propose a definition for a training set whose outline has been read; see `propose`."""
    unknown = [one for one in targets if one not in outline.labels]
    if unknown:
        raise CampaignError(
            f"The training set {training} has no label {unknown[0]!r}: it has "
            f"{describe_labels(outline.labels)}."
        )
    grid = outline.grid or Grid()
    if grid.n != outline.n:
        raise CampaignError(
            f"The training set {training} has {outline.n} columns of flux, and its header does not "
            "name them by their wavelengths: give the window in the [grid] of a definition."
        )
    return Definition(grid=grid, classes=_classes(training, outline, targets))


def propose_for_examples(
    labels: Mapping[str, int], grid: Grid, targets: Collection[str] = ()
) -> Definition:
    """Propose a definition for a campaign that begins with examples.

    Parameters
    ----------
    labels : mapping of str to int
        How many examples have each label.
    grid : Grid
        Of the pool.
    targets : collection of str
        Labels that are looked for; without them all but those of `PLAIN` are.

    Raises
    ------
    CampaignError
        If one of the targets is no label, or nothing is left that is looked for.
    """
    unknown = [one for one in targets if one not in labels]
    if unknown:
        raise CampaignError(
            f"None of the examples has the label {unknown[0]!r}: they have "
            f"{describe_labels(labels)}."
        )
    looked_for = set(targets) or {one for one in labels if one.lower() not in PLAIN}
    if not looked_for:
        raise CampaignError(
            f"The examples are of what is usually not looked for: {describe_labels(labels)}. Add "
            "one of what is, or say that a label is looked for (--target LABEL)."
        )
    if targets or not set(labels) <= {one.name for one in DEFAULT_CLASSES}:
        targets = looked_for
        if looked_for >= set(labels):
            labels = {**labels, OTHER if OTHER not in labels else "rest": 0}
    outline = Outline(grid, grid.n, dict(labels))
    return Definition(grid=grid, classes=_classes(Path(), outline, targets))


def propose_name(training: Path, taken: Collection[str]) -> str:
    """Propose the name of a campaign on a training set.

    Parameters
    ----------
    training : Path
        Its file, or another one that may become it.
    taken : collection of str
        Names that other campaigns have.

    Returns
    -------
    str
        One that `check_new_name` passes: that of the file, or where that says nothing (as in
        ``training.csv``) that of its folder.
    """
    says_nothing = _SAYS_NOTHING.fullmatch(training.stem)
    said = training.parent.name if says_nothing else ""
    name = _as_name(said) or _as_name(training.stem) or "campaign"
    number, proposed = 1, name
    while proposed in taken:
        number += 1
        proposed = f"{name}-{number}"
    return proposed


def _as_name(text: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")
    return kept[:_LONGEST_NAME].rstrip("._-")


def describe_labels(labels: Mapping[str, int]) -> str:
    """Name labels with how many spectra have each."""
    return ", ".join(f"{name!r} ({n:,})" for name, n in labels.items()) or "none"


def describe_proposal(definition: Definition, what: str = "the training set") -> str:
    """Say what was read from a training set, or from what was given in its place."""
    targets = [one.name for one in definition.classes if one.is_target]
    others = [one.name for one in definition.classes if not one.is_target]
    grid = definition.grid
    return (
        f"Read from {what}: the {grid.noun} {grid} (vacuum); looked for: "
        f"{', '.join(targets)}; else: {', '.join(others)}. To change that, give --target LABEL or "
        "a definition."
    )


def _classes(training: Path, outline: Outline, targets: Collection[str]) -> tuple[OracleClass, ...]:
    labels = outline.labels
    if not targets and set(labels) <= {one.name for one in DEFAULT_CLASSES}:
        # A class without an example cannot be learned, and can be added when there is one.
        return tuple(one for one in DEFAULT_CLASSES if not one.is_target or one.name in labels)
    if len(labels) < 2:
        raise CampaignError(
            f"The training set {training} has the labels {describe_labels(labels)}: the network "
            "has to tell two at least apart. Add examples of what is not looked for."
        )
    looked_for = set(targets) or _rare(labels)
    classes: list[OracleClass] = []
    for label in sorted(labels, key=lambda name: name not in looked_for):
        key = _key(label, {one.key for one in classes})
        classes.append(OracleClass(label, key, label, is_target=label in looked_for))
    if "unsure" not in labels:
        classes.append(OracleClass("unsure", _key("unsure", {one.key for one in classes}), None))
    return tuple(classes)


def _rare(labels: Mapping[str, int]) -> set[str]:
    # The most frequent label is what the survey consists of.
    most = next(iter(labels))
    rare = {name for name in labels if name != most and name.lower() not in PLAIN}
    return rare or {list(labels)[-1]}


def _key(label: str, taken: Collection[str]) -> str:
    liked = [one for one in label.lower() if one in _LETTERS]
    free = [one for one in (*liked, *_LETTERS) if one not in taken]
    if not free:
        raise CampaignError(
            f"There are more than {len(_LETTERS)} labels, and no key is left for {label!r}: give "
            "fewer labels."
        )
    return free[0]
