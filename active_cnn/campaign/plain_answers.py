"""Answers by which a prediction of what is not looked for can be confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from active_cnn.keys import heard
from active_cnn.records import OTHER, OracleClass, plain_names

# Keys that no action would like to have, then those that it can do without.
_KEYS_LEFT = "ckqjyfip9" + "obgrvlmwhts0123456789"


def with_plain_answers(
    classes: Sequence[OracleClass], chosen_keys: Mapping[str, str]
) -> tuple[OracleClass, ...]:
    """Add the answers by which a prediction of what is not looked for can be confirmed.

    Where only answers like "absorption" or "noise" train such a class, none of them is true of
    whatever else there is in a survey.

    Parameters
    ----------
    classes : sequence of OracleClass
        What a campaign has.
    chosen_keys : mapping of str to str
        Keys of actions that a person has chosen; they are not taken.

    Returns
    -------
    tuple of OracleClass
        With an answer "other" for each class of the network that is no target and has neither
        one nor an answer of its own name.
    """
    found = list(classes)
    targets = {one.network_class for one in classes if one.is_target}
    for name in dict.fromkeys(one.network_class for one in classes):
        if not name or name in targets:
            continue
        if any(one.network_class == name and one.name in plain_names(name) for one in classes):
            continue
        called = OTHER if all(one.name != OTHER for one in found) else f"{OTHER} {name}"
        taken = {heard(key) for key in (*(one.key for one in found), *chosen_keys.values())}
        key = next((key for key in _KEYS_LEFT if key not in taken), None)
        if key and all(one.name != called for one in found):
            found.append(OracleClass(called, key, name))
    return tuple(found)
