"""Which key does what on the labelling page; the classes of a campaign come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from active_cnn.errors import CampaignError

# What can be done besides giving an answer: its name on the page, and the keys that it would like,
# the dearest first. Keys have the names of the web's KeyboardEvent.key.
ACTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "confirm": ("Confirm the prediction", ("Enter",)),
    "back": ("Back", ("ArrowLeft",)),
    "next": ("Next", ("ArrowRight",)),
    "undo": ("Undo", ("z", "Backspace")),
    "skip": ("Skip for now", ("s", "PageDown")),
    "note": ("Note", ("t", "Insert")),
    "zoom-in": ("Zoom in", ("ArrowUp", "+")),
    "zoom-out": ("Zoom out", ("ArrowDown", "-")),
    "zoom-reset": ("Reset zoom", ("0", "Home")),
    "view": ("Full spectrum or window", ("w", "1")),
    "smooth": ("Smoothing", ("m", "2")),
    "lines": ("Line marks", ("l", "3")),
    "velocity": ("Velocity axis", ("v", "4")),
    "visits": ("Other visits", ("r", "5")),
    "overlay": ("Compare with", ("o", "6")),
    "blind": ("Blind", ("b", "7")),
    "grid": ("Grid", ("g", "8")),
    "select": ("Select in the grid", (" ",)),
    "help": ("Help", ("h", "?", "F1")),
}

MOST_CLASSES = 36

# Besides single characters; Tab and Escape move the focus and leave the note.
NAMED_KEYS = (
    *("Enter", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown"),
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "F1", "F2", "F3", "F4"),
)


def heard(key: str) -> str:
    """Give a key as the page hears it: a capital is its letter, whatever Shift and Caps Lock do."""
    return key.lower() if len(key) == 1 else key


def check_keys(class_keys: Iterable[tuple[str, str]], chosen: Mapping[str, str]) -> None:
    """Refuse keys that are none, or that the page cannot tell apart.

    Parameters
    ----------
    class_keys : iterable of (str, str)
        Names of the answers, and the key that gives each.
    chosen : mapping of str to str
        Keys that a person has chosen, by action.

    Raises
    ------
    CampaignError
        Which says what has the key already.
    """
    class_keys = list(class_keys)
    if len(class_keys) > MOST_CLASSES:
        raise CampaignError(
            f"There are {len(class_keys)} answers, but each has a letter or digit for its key: "
            f"give {MOST_CLASSES} at most."
        )
    taken: dict[str, tuple[str, str]] = {}
    for name, key in class_keys:
        _take(taken, key, f"the answer {name!r}")
    for action, key in chosen.items():
        if action not in ACTIONS:
            raise CampaignError(
                f"There is no action {action!r}: give a key to one of {', '.join(ACTIONS)}."
            )
        if not (key in NAMED_KEYS or (len(key) == 1 and key.isprintable() and key.isascii())):
            raise CampaignError(
                f"The action {action!r} has the key {key!r}: give one character or one of "
                f"{', '.join(NAMED_KEYS)}."
            )
        _take(taken, key, f"the action {action!r}")


def _take(taken: dict[str, tuple[str, str]], key: str, what: str) -> None:
    earlier, other = taken.setdefault(heard(key), (key, what))
    if other == what:
        return
    if earlier == key:
        raise CampaignError(f"The key {key!r} is given to {other} and to {what}: choose another.")
    raise CampaignError(
        f"The keys {earlier!r} of {other} and {key!r} of {what} are one to a keyboard, where "
        "capitals do not count: choose another."
    )


def shared_keys(class_keys: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Give the keys that several answers have, with their names.

    None of a campaign that was made since `check_keys` refuses them.
    """
    names: dict[str, list[str]] = {}
    for name, key in class_keys:
        names.setdefault(heard(key), []).append(name)
    return {key: several for key, several in names.items() if len(several) > 1}


def assign_keys(class_keys: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Give every action a key: the chosen one, else the first that it would like and that is free.

    Parameters
    ----------
    class_keys : iterable of str
        Keys that give an answer; no action has one of these.
    chosen : mapping of str to str
        Keys that a person has chosen, by action, as `check_keys` lets them pass.

    Returns
    -------
    dict of str to str
        By action, in the order of `ACTIONS`; empty where no key is left.
    """
    taken = set(map(heard, class_keys))
    keys: dict[str, str] = {}
    for action, key in chosen.items():
        if action in ACTIONS and heard(key) not in taken:
            keys[action] = heard(key)
            taken.add(heard(key))
    for action, (_, liked) in ACTIONS.items():
        if action not in keys:
            keys[action] = next((key for key in liked if key not in taken), "")
            taken.add(keys[action])
    return {action: keys[action] for action in ACTIONS}
