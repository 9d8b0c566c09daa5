"""Campaigns with their classes and lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from active_cnn.campaign.store.connection import Connection
from active_cnn.errors import CampaignError
from active_cnn.grid import Grid, Spacing
from active_cnn.records import Campaign, Line, OracleClass
from active_cnn.search import (
    HALPHA_EMISSION,
    Band,
    Frame,
    ScalingMethod,
    Search,
    Sign,
    TargetLine,
)


class Campaigns(Connection):
    """The campaigns of a home."""

    def add_campaign(self, campaign: Campaign, first_seed: int) -> None:
        """Store a new campaign together with its first iteration.

        Raises
        ------
        CampaignError
            If the name is taken, or a key does two things.
        """
        campaign.check_keys()
        with self._write():
            if self._rows("SELECT 1 FROM campaign WHERE name = ?", [campaign.name]):
                raise CampaignError(
                    f"There is a campaign {campaign.name!r} already in {self.home}. "
                    "Choose another name."
                )
            self._db.table("campaign").insert(
                {
                    "name": campaign.name,
                    "created_at": campaign.created_at,
                    "grid_start": campaign.grid.start,
                    "grid_end": campaign.grid.end,
                    "grid_n": campaign.grid.n,
                    "grid_spacing": str(campaign.grid.windows[0].spacing),
                    "windows": _written(campaign.grid),
                    "training_path": campaign.training_path,
                    "training_sha256": campaign.training_sha256,
                    "pool_path": campaign.pool_path,
                    "pool_fingerprint": campaign.pool_fingerprint,
                    "seed": campaign.seed,
                    "folders": json.dumps(campaign.folders),
                    "chosen_keys": json.dumps(campaign.chosen_keys),
                    "search": json.dumps(asdict(campaign.search), ensure_ascii=False),
                    "begins_with_examples": int(campaign.begins_with_examples),
                }
            )
            self._db.table("oracle_class").insert_all(
                {"campaign": campaign.name, "position": position, **asdict(oracle_class)}
                for position, oracle_class in enumerate(campaign.classes)
            )
            self._db.table("line").insert_all(
                {"campaign": campaign.name, "position": position, **asdict(line)}
                for position, line in enumerate(campaign.lines)
            )
            self._insert_iteration(campaign.name, 0, first_seed, 0)

    def campaign_names(self) -> list[str]:
        """Give the names of the campaigns, the newest first."""
        return [
            row["name"]
            for row in self._rows("SELECT name FROM campaign ORDER BY created_at DESC, rowid DESC")
        ]

    def campaign(self, name: str | None = None) -> Campaign:
        """Give a campaign by its name, the newest one by default.

        Raises
        ------
        CampaignError
            If there is none (of that name).
        """
        names = self.campaign_names()
        if not names:
            raise CampaignError(
                f"There is no campaign in {self.home} yet. "
                "Create one, or make the demo with `active-cnn demo`."
            )
        name = names[0] if name is None else name
        if name not in names:
            raise CampaignError(
                f"There is no campaign {name!r} in {self.home}. There is: {', '.join(names)}."
            )
        row = self._rows("SELECT * FROM campaign WHERE name = ?", [name])[0]
        classes = self._rows(
            "SELECT name, key, network_class, is_target FROM oracle_class "
            "WHERE campaign = ? ORDER BY position",
            [name],
        )
        lines = self._rows(
            "SELECT name, wavelength FROM line WHERE campaign = ? ORDER BY position", [name]
        )
        return Campaign(
            name=row["name"],
            created_at=row["created_at"],
            grid=_grid(row),
            classes=tuple(
                OracleClass(**{**one, "is_target": bool(one["is_target"])}) for one in classes
            ),
            lines=tuple(Line(**one) for one in lines),
            training_path=row["training_path"],
            training_sha256=row["training_sha256"],
            pool_path=row["pool_path"],
            pool_fingerprint=row["pool_fingerprint"],
            seed=row["seed"],
            folders=tuple(json.loads(row["folders"])),
            chosen_keys=json.loads(row["chosen_keys"]),
            search=_search(row["search"]),
            begins_with_examples=bool(row["begins_with_examples"]),
        )

    def change_answers(
        self, name: str, classes: tuple[OracleClass, ...], chosen_keys: Mapping[str, str]
    ) -> None:
        """Change what the oracle can say, and the keys of the labelling page.

        Raises
        ------
        CampaignError
            If a class goes that has been given as an answer, an answer would train another class
            of the network than before, or a key does two things.
        """
        with self._write():
            self._change_answers(self.campaign(name), classes, chosen_keys)

    def change_definition(
        self,
        name: str,
        classes: tuple[OracleClass, ...],
        chosen_keys: Mapping[str, str],
        search: Search,
        lines: tuple[Line, ...],
    ) -> None:
        """Change what the oracle can say, keys, what marks the targets, and the lines to mark.

        Raises
        ------
        CampaignError
            As `change_answers`; or if what rule and planted lines follow from changes after
            something has been predicted, since the figures of then could no longer be told from
            those of now.
        """
        with self._write():
            before = self.campaign(name)
            is_scored = self._rows(
                "SELECT 1 FROM iteration WHERE campaign = ? AND result IS NOT NULL LIMIT 1", [name]
            )
            if is_scored and search.described_as(before.search) != before.search:
                raise CampaignError(
                    f"Campaign {name!r} has been predicted, and its planted lines and the simple "
                    "rule follow from its search: only its title, source and marked lines can be "
                    "changed. Create another campaign for another search."
                )
            replace(before, search=search, lines=lines)  # which refuses what contradicts itself
            self._change_answers(before, classes, chosen_keys)
            stored = json.dumps(asdict(search), ensure_ascii=False)
            self._db.table("campaign").update(name, {"search": stored})
            self._db.table("line").delete_where("campaign = ?", [name])
            self._db.table("line").insert_all(
                {"campaign": name, "position": position, **asdict(line)}
                for position, line in enumerate(lines)
            )

    def _change_answers(
        self, before: Campaign, classes: tuple[OracleClass, ...], chosen_keys: Mapping[str, str]
    ) -> None:
        after = replace(before, classes=classes, chosen_keys=dict(chosen_keys))
        after.check_keys()
        self._refuse_lost_answers(before, after)
        # Answers refer to their class: rows are changed where they are.
        for position, one in enumerate(classes):
            self._db.table("oracle_class").upsert(
                {"campaign": before.name, "position": position, **asdict(one)},
                pk=("campaign", "name"),
            )
        for gone in {c.name for c in before.classes} - {c.name for c in classes}:
            self._db.table("oracle_class").delete((before.name, gone))
        keys = {"chosen_keys": json.dumps(after.chosen_keys)}
        self._db.table("campaign").update(before.name, keys)

    def add_folder(self, name: str, folder: str) -> None:
        """Keep one more folder below which the files of a campaign's spectra lie.

        Raises
        ------
        CampaignError
            If it is one of them already.
        """
        with self._write():
            folders = self.campaign(name).folders
            if folder in folders:
                raise CampaignError(f"Campaign {name!r} has the folder {folder} already.")
            self._set_folders(name, (*folders, folder))

    def remove_folder(self, name: str, folder: str) -> None:
        """Keep a folder no more; see `add_folder`."""
        with self._write():
            left = (one for one in self.campaign(name).folders if one != folder)
            self._set_folders(name, tuple(left))

    def _set_folders(self, name: str, folders: tuple[str, ...]) -> None:
        self._db.table("campaign").update(name, {"folders": json.dumps(folders)})

    def goals(self, name: str) -> dict[str, float]:
        """Give the goals that were kept of a campaign; none where nobody has set any."""
        rows = self._rows("SELECT goals FROM campaign WHERE name = ?", [name])
        return dict(json.loads(rows[0]["goals"])) if rows else {}

    def set_goals(self, name: str, goals: Mapping[str, float]) -> None:
        """Keep the goals of a campaign."""
        with self._write():
            self._db.table("campaign").update(name, {"goals": json.dumps(dict(goals))})

    def _refuse_lost_answers(self, before: Campaign, after: Campaign) -> None:
        kept = {one.name: one for one in after.classes}
        used = {
            row["answer"]
            for row in self._rows(
                "SELECT DISTINCT answer FROM answer WHERE campaign = ?", [before.name]
            )
        }
        for one in before.classes:
            if one.name in used and one.name not in kept:
                raise CampaignError(
                    f"Spectra have been answered {one.name!r}: the class has to stay. "
                    "You may change its key."
                )
            if one.name in kept and _meaning(kept[one.name]) != _meaning(one):
                raise CampaignError(
                    f"The answer {one.name!r} trains {one.network_class!r} and cannot be changed "
                    f"to {kept[one.name].network_class!r}, nor what is a target: add another "
                    "class, or create another campaign."
                )
        # Predictions are stored by the position of the class: the order belongs to it.
        if (before.network_classes, before.targets) != (after.network_classes, after.targets):
            raise CampaignError(
                f"The network tells {', '.join(before.network_classes)} apart in this order, and "
                f"a campaign keeps these; the new classes give {', '.join(after.network_classes)}. "
                "Create another campaign."
            )

    def _insert_iteration(self, campaign: str, number: int, seed: int, through: int) -> None:
        self._db.table("iteration").insert(
            {
                "campaign": campaign,
                "number": number,
                "seed": seed,
                "answers_through": through,
                "created_at": self._clock(),
            }
        )


def _written(grid: Grid) -> str:
    # The columns beside it tell of one window alone.
    return json.dumps(grid.numbers) if len(grid.windows) > 1 else ""


def _grid(row: Mapping[str, Any]) -> Grid:
    if row["windows"]:
        return Grid.from_numbers(json.loads(row["windows"]))
    spacing = Spacing(row["grid_spacing"])
    return Grid.of(row["grid_start"], row["grid_end"], row["grid_n"], spacing)


def _search(stored: str) -> Search:
    if not stored:
        return HALPHA_EMISSION
    given = json.loads(stored)
    for line in given["lines"]:
        line["sign"] = Sign(line["sign"])
        line |= {name: tuple(one) for name, one in line.items() if isinstance(one, list)}
    return Search(
        **given
        | {
            "lines": tuple(TargetLine(**one) for one in given["lines"]),
            "bands": tuple(Band(**one) for one in given["bands"]),
            "frame": Frame(given["frame"]),
            "redshift": tuple(given["redshift"]),
            "scaling": ScalingMethod(given["scaling"]),
        }
    )


def _meaning(one: OracleClass) -> tuple[str | None, bool]:
    return one.network_class, one.is_target
