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

# Besides single characters; Tab and Escape move the focus and leave the note.
NAMED_KEYS = (
    *("Enter", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown"),
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "F1", "F2", "F3", "F4"),
)


def assign_keys(class_keys: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Give every action a key: the chosen one, else the first that it would like and that is free.

    Parameters
    ----------
    class_keys : iterable of str
        Keys that give an answer.
    chosen : mapping of str to str
        Keys that a person has chosen, by action.

    Returns
    -------
    dict of str to str
        By action, in the order of `ACTIONS`; empty where no key is left.

    Raises
    ------
    CampaignError
        If a chosen key is none, or does two things.
    """
    taken = dict.fromkeys(class_keys, "an answer")
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
        key = key.lower() if len(key) == 1 else key
        if key in taken:
            raise CampaignError(
                f"The key {key!r} is given to {action!r} and to {taken[key]}: choose another one."
            )
        taken[key] = f"{action!r}"
    keys = {action: key.lower() if len(key) == 1 else key for action, key in chosen.items()}
    for action, (_, liked) in ACTIONS.items():
        if action not in keys:
            keys[action] = next((key for key in liked if key not in taken), "")
            taken[keys[action]] = f"{action!r}"
    return {action: keys[action] for action in ACTIONS}
