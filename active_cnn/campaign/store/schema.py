"""The tables of the store. Migrations run in the order written; a released one never changes."""

import json
from collections import Counter

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from active_cnn.names import trim

MIGRATIONS = Migrations("active_cnn")


@MIGRATIONS()
def m001_campaigns(db: Database) -> None:
    """Campaigns with what belongs to them from the start."""
    db.execute(
        """
        CREATE TABLE campaign (
            name TEXT PRIMARY KEY,
            created_at TEXT NOT NULL,
            grid_start REAL NOT NULL,
            grid_end REAL NOT NULL,
            grid_n INTEGER NOT NULL,
            training_path TEXT NOT NULL,
            training_sha256 TEXT NOT NULL,
            pool_path TEXT NOT NULL,
            pool_fingerprint TEXT NOT NULL,
            seed INTEGER NOT NULL
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE oracle_class (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            key TEXT NOT NULL,
            network_class TEXT,
            is_target INTEGER NOT NULL,
            PRIMARY KEY (campaign, name)
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE line (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            wavelength REAL NOT NULL,
            PRIMARY KEY (campaign, name)
        ) STRICT
        """
    )


@MIGRATIONS()
def m002_iterations_and_jobs(db: Database) -> None:
    """Iterations, and the jobs that fill them; one active job a campaign."""
    db.execute(
        """
        CREATE TABLE iteration (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            number INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            answers_through INTEGER NOT NULL,
            created_at TEXT NOT NULL,
            scored_at TEXT,
            closed_at TEXT,
            job INTEGER,
            result TEXT,
            PRIMARY KEY (campaign, number)
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE job (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            campaign TEXT NOT NULL,
            iteration INTEGER NOT NULL,
            settings TEXT NOT NULL,
            state TEXT NOT NULL,
            created_at TEXT NOT NULL,
            started_at TEXT,
            finished_at TEXT,
            heartbeat_at TEXT,
            host TEXT NOT NULL DEFAULT '',
            pid INTEGER,
            pid_started REAL,
            phase TEXT NOT NULL DEFAULT '',
            done INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0,
            details TEXT NOT NULL DEFAULT '{}',
            is_cancel_requested INTEGER NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            FOREIGN KEY (campaign, iteration) REFERENCES iteration(campaign, number)
        ) STRICT
        """
    )
    db.execute(
        "CREATE UNIQUE INDEX one_active_job ON job(campaign) WHERE state IN ('queued', 'running')"
    )


@MIGRATIONS()
def m003_queries_and_answers(db: Database) -> None:
    """Queries with their items, and the append-only log of answers."""
    db.execute(
        """
        CREATE TABLE query (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            campaign TEXT NOT NULL,
            iteration INTEGER NOT NULL,
            job INTEGER NOT NULL REFERENCES job(number),
            purpose TEXT NOT NULL,
            strategy TEXT NOT NULL,
            size INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            created_at TEXT NOT NULL,
            notice TEXT NOT NULL DEFAULT '',
            FOREIGN KEY (campaign, iteration) REFERENCES iteration(campaign, number)
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE query_item (
            query INTEGER NOT NULL REFERENCES query(number),
            position INTEGER NOT NULL,
            identifier TEXT NOT NULL,
            predicted TEXT NOT NULL,
            probabilities TEXT NOT NULL,
            score REAL,
            PRIMARY KEY (query, identifier)
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE answer (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            event TEXT NOT NULL UNIQUE,
            campaign TEXT NOT NULL,
            query INTEGER NOT NULL,
            identifier TEXT NOT NULL,
            answer TEXT,
            note TEXT NOT NULL DEFAULT '',
            oracle TEXT NOT NULL,
            at TEXT NOT NULL,
            FOREIGN KEY (query, identifier) REFERENCES query_item(query, identifier),
            FOREIGN KEY (campaign, answer) REFERENCES oracle_class(campaign, name)
        ) STRICT
        """
    )
    db.execute("CREATE INDEX answer_of_spectrum ON answer(campaign, identifier, sequence)")
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"""
            CREATE TRIGGER answers_are_kept_on_{verb.lower()} BEFORE {verb} ON answer
            BEGIN SELECT RAISE(ABORT, 'answers are only ever added'); END
            """
        )


@MIGRATIONS()
def m004_several_people(db: Database) -> None:
    """Claims, sharing, adjudication and undo; keys and folders of a campaign."""
    for column in (
        "seconds REAL",
        "undoes TEXT REFERENCES answer(event)",
        "is_adjudication INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE answer ADD COLUMN {column}")
    db.execute("CREATE INDEX answer_of_oracle ON answer(campaign, identifier, oracle, sequence)")
    db.execute("CREATE INDEX item_of_spectrum ON query_item(identifier)")
    db.execute(
        "CREATE INDEX adjudication ON answer(campaign, identifier, sequence) "
        "WHERE is_adjudication = 1"
    )
    db.execute("ALTER TABLE campaign ADD COLUMN folders TEXT NOT NULL DEFAULT '[]'")
    db.execute("ALTER TABLE campaign ADD COLUMN chosen_keys TEXT NOT NULL DEFAULT '{}'")
    db.execute(
        """
        CREATE TABLE claim (
            campaign TEXT NOT NULL REFERENCES campaign(name),
            identifier TEXT NOT NULL,
            oracle TEXT NOT NULL,
            expires_at TEXT NOT NULL,
            PRIMARY KEY (campaign, identifier, oracle)
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE sharing (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            campaign TEXT NOT NULL REFERENCES campaign(name),
            mode TEXT NOT NULL,
            n_judges INTEGER NOT NULL,
            resolution TEXT NOT NULL,
            oracle TEXT NOT NULL,
            at TEXT NOT NULL
        ) STRICT
        """
    )


@MIGRATIONS()
def m005_audits(db: Database) -> None:
    """What chose each spectrum, blind repeats, how an audit was designed, and goals."""
    db.execute("ALTER TABLE query ADD COLUMN design TEXT NOT NULL DEFAULT '{}'")
    db.execute("ALTER TABLE query_item ADD COLUMN chosen_by TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE query_item ADD COLUMN is_repeat INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX repeat_item ON query_item(query, identifier) WHERE is_repeat = 1")
    db.execute("ALTER TABLE campaign ADD COLUMN goals TEXT NOT NULL DEFAULT '{}'")


@MIGRATIONS()
def m006_trimmed_names(db: Database) -> None:
    """Identifiers without what surrounds them: what the pool gives is trimmed from now on."""
    asked = db.execute(
        "SELECT DISTINCT campaign, identifier FROM query_item "
        "JOIN query ON query.number = query_item.query"
    ).fetchall()
    n_alike = Counter((campaign, trim(name)) for campaign, name in asked)
    # Two that differ by blanks alone stay apart, as they were said of different spectra.
    ambiguous = {name for campaign, name in asked if n_alike[campaign, trim(name)] > 1}
    trimmed = {name: trim(name) for _, name in asked if name not in ambiguous}
    if all(name == short for name, short in trimmed.items()):
        return
    kept = "answers_are_kept_on_update"
    ((trigger,),) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", [kept]).fetchall()
    db.conn.create_function("trimmed", 1, lambda name: trimmed.get(name, name))
    db.execute("PRAGMA defer_foreign_keys = ON")
    db.execute(f"DROP TRIGGER {kept}")
    for table in ("query_item", "answer", "claim"):
        db.execute(
            f"UPDATE {table} SET identifier = trimmed(identifier) "
            "WHERE identifier <> trimmed(identifier)"
        )
    db.execute(trigger)


@MIGRATIONS()
def m007_log_in_order(db: Database) -> None:
    """What was appended to a campaign's log since the last look is found at once."""
    db.execute("CREATE INDEX answer_in_order ON answer(campaign, sequence)")


@MIGRATIONS()
def m008_searches(db: Database) -> None:
    """What marks the targets; empty in campaigns of versions that knew Hα emission alone."""
    db.execute("ALTER TABLE campaign ADD COLUMN search TEXT NOT NULL DEFAULT ''")


@MIGRATIONS()
def m009_other(db: Database) -> None:
    """A plain answer for what is not looked for, which Confirm stores from now on."""
    campaigns = db.execute("SELECT name, chosen_keys FROM campaign").fetchall()
    for campaign, chosen_keys in campaigns:
        rows = db.execute(
            "SELECT position, name, key, network_class, is_target FROM oracle_class "
            "WHERE campaign = ?",
            [campaign],
        ).fetchall()
        targets = {row[3] for row in rows if row[4]}
        others = {row[3]: row[1] for row in rows if row[3] and row[3] not in targets}
        names = {row[1] for row in rows}
        taken = {row[2].lower() for row in rows} | {
            key.lower() for key in json.loads(chosen_keys).values()
        }
        key = next((one for one in "ckqjyfip9" if one not in taken), None)
        # Where there are several, each has to have a name of its own already.
        if len(others) == 1 and key and not names & {"other", *others}:
            db.table("oracle_class").insert(
                {
                    "campaign": campaign,
                    "position": max(row[0] for row in rows) + 1,
                    "name": "other",
                    "key": key,
                    "network_class": next(iter(others)),
                    "is_target": 0,
                }
            )


@MIGRATIONS()
def m010_spacing_of_the_grid(db: Database) -> None:
    """Grids in equal steps of the logarithm."""
    db.execute("ALTER TABLE campaign ADD COLUMN grid_spacing TEXT NOT NULL DEFAULT 'linear'")


@MIGRATIONS()
def m011_alarms_with_codes(db: Database) -> None:
    """Alarms were sentences, all of which said that a training had learned nothing."""
    rows = db.execute(
        "SELECT campaign, number, result FROM iteration WHERE result <> ''"
    ).fetchall()
    for campaign, number, stored in rows:
        result = json.loads(stored)
        if not result.get("alarms"):
            continue
        result["alarms"] = [
            {
                "code": "learned-nothing",
                "text": text,
                "advice": "Train the iteration again, with a lower learning rate or another seed.",
                "is_failure": True,
            }
            for text in result["alarms"]
        ]
        db.execute(
            "UPDATE iteration SET result = ? WHERE campaign = ? AND number = ?",
            [json.dumps(result), campaign, number],
        )


@MIGRATIONS()
def m012_several_windows(db: Database) -> None:
    """The numbers of all windows of a grid; empty where it has one."""
    db.execute("ALTER TABLE campaign ADD COLUMN windows TEXT NOT NULL DEFAULT ''")


@MIGRATIONS()
def m013_scaling(db: Database) -> None:
    """How windows are scaled, which is a part of the search: all were by minimum and maximum."""
    rows = db.execute("SELECT name, search FROM campaign WHERE search <> ''").fetchall()
    for name, stored in rows:
        search = json.loads(stored) | {"scaling": "minmax"}
        db.execute(
            "UPDATE campaign SET search = ? WHERE name = ?",
            [json.dumps(search, ensure_ascii=False), name],
        )


@MIGRATIONS()
def m014_beginning_with_examples(db: Database) -> None:
    """Campaigns that begin with a handful of examples; those before had a whole training set."""
    db.execute("ALTER TABLE campaign ADD COLUMN begins_with_examples INTEGER NOT NULL DEFAULT 0")
