"""The log of answers goes from home to home without loss, and nothing false comes in."""

import csv
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from active_cnn.campaign.answer_fields import CSV_2
from active_cnn.campaign.answer_files import read_answers, write_answers
from active_cnn.campaign.answer_log import ImportReport, export_answers, import_answers
from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.logged_answer import LoggedAnswer
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.sampling import draw_performance_sample
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.cli import main
from active_cnn.errors import CampaignError, StoreError
from active_cnn.names import trim
from active_cnn.records import Answer, AnswerEvent, Purpose, Query, QueryItem
from active_cnn.times import LONGEST_LOOK

TOMORROW = (datetime.now(UTC) + timedelta(days=2)).isoformat()
FORMATS = pytest.mark.parametrize("ending", [".csv", ".json"])


@pytest.fixture
def query(store, campaign, score):
    assert campaign.name
    score()
    return draw_relabel_query(store, campaign, size=8)


@pytest.fixture
def laptop(store, query, tmp_path):
    """A copy of the home from before the first answer."""
    assert query.items
    (tmp_path / "laptop").mkdir()
    store.copy_to(tmp_path / "laptop" / FILE_NAME)
    predictions = "halpha/iterations/000/predictions-1.h5"
    (tmp_path / "laptop" / predictions).parent.mkdir(parents=True)
    (tmp_path / "laptop" / predictions).write_bytes((store.home / predictions).read_bytes())
    with Store(tmp_path / "laptop") as laptop:
        yield laptop


def say(store, query, n, answer, event, oracle="ann", is_adjudication=False, **more):
    act = AnswerEvent(event, query.number, query.items[n].identifier, answer, **more)
    refused = store.add_answers(query.campaign, [act], oracle, is_adjudication=is_adjudication)
    assert not refused


def say_all_sorts(store, query):
    say(store, query, 0, "emission", "e1", note="=1+1, „Hα“\n'two'\r\n\"lines\" \0 ✓", seconds=0.1)
    say(store, query, 0, "noise", "e2", oracle="bob", seconds=1 / 3)
    say(store, query, 1, "unsure", "-e3", note="'=quoted")
    say(store, query, 1, None, "e4", undoes="-e3")
    say(store, query, 0, "double-peak", "e5", oracle="@eve", is_adjudication=True, note=" \t")


def log_of(store):
    return [asdict(one) for one in store.answer_log("halpha")]


def without(log, *names):
    return [{name: one[name] for name in one if name not in names} for one in log]


def refused(store, path, match, campaign=None):
    before = log_of(store)
    n_queries = store.count_queries("halpha")
    with pytest.raises((StoreError, CampaignError), match=match) as caught:
        import_answers(store, path, campaign)
    assert "\n" not in str(caught.value)
    assert log_of(store) == before
    assert store.count_queries("halpha") == n_queries


def change_csv(path, change):
    """Change the table of a CSV file: rows of cells, the header first."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


def set_cell(row, column, cell):
    def change(rows):
        rows[row][rows[0].index(column)] = cell

    return change


def change_json(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


# without loss


@FORMATS
def test_a_log_comes_into_a_copy_of_the_home_as_it_is(store, query, laptop, tmp_path, ending):
    say_all_sorts(store, query)
    assert export_answers(store, tmp_path / f"log{ending}") == 5
    report = import_answers(laptop, tmp_path / f"log{ending}")
    assert report == ImportReport(n_new=5, n_known=0, n_queries=0, n_overtaken=0)
    assert log_of(laptop) == log_of(store)
    assert laptop.current_answers("halpha") == store.current_answers("halpha")


@FORMATS
def test_an_import_adds_each_event_once(store, query, laptop, tmp_path, ending):
    path = tmp_path / f"log{ending}"
    say(store, query, 0, "emission", "e1")
    export_answers(store, path)
    import_answers(laptop, path)
    say(store, query, 1, "noise", "e2")
    export_answers(store, path)
    assert import_answers(laptop, path) == ImportReport(1, 1, 0, 0)
    assert import_answers(laptop, path) == ImportReport(0, 2, 0, 0)
    assert import_answers(store, path) == ImportReport(0, 2, 0, 0)
    assert log_of(laptop) == log_of(store)


@FORMATS
def test_logs_of_two_homes_meet_in_both(store, query, laptop, tmp_path, ending):
    say(store, query, 0, "emission", "here")
    say(laptop, query, 1, "noise", "there", oracle="bob")
    export_answers(store, tmp_path / f"here{ending}")
    export_answers(laptop, tmp_path / f"there{ending}")
    import_answers(store, tmp_path / f"there{ending}")
    import_answers(laptop, tmp_path / f"here{ending}")
    assert [one["event"] for one in log_of(store)] == ["here", "there"]
    assert [one["event"] for one in log_of(laptop)] == ["there", "here"]
    said = without(log_of(store), "sequence")
    assert said == list(reversed(without(log_of(laptop), "sequence")))


def test_rows_that_a_spreadsheet_has_sorted_are_stored_in_the_order_they_were_given(
    store, query, laptop, tmp_path
):
    say_all_sorts(store, query)
    export_answers(store, tmp_path / "log.csv")

    def sort(rows):
        rows[1:] = sorted(rows[1:], key=lambda row: row[rows[0].index("oracle")])
        # Columns may have been moved as well, and rows left empty.
        rows[:] = [list(reversed(row)) for row in rows]
        rows.append([])

    change_csv(tmp_path / "log.csv", sort)
    text = (tmp_path / "log.csv").read_bytes()
    (tmp_path / "log.csv").write_bytes(b"\xef\xbb\xbf" + text)
    import_answers(laptop, tmp_path / "log.csv")
    assert log_of(laptop) == log_of(store)


def test_no_cell_of_a_csv_begins_like_a_formula(store, query, tmp_path):
    say_all_sorts(store, query)
    export_answers(store, tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]


def test_a_failed_export_leaves_the_earlier_file(store, query, tmp_path):
    say(store, query, 0, "noise", "e1")
    with pytest.raises(StoreError, match="Cannot write"):
        export_answers(store, tmp_path / "nowhere" / "log.csv")
    with pytest.raises(StoreError, match=r"ends in .csv or .json"):
        export_answers(store, tmp_path / "log.xlsx")
    with pytest.raises(CampaignError, match="no campaign 'other'"):
        export_answers(store, tmp_path / "log.csv", "other")
    assert [one.name for one in tmp_path.iterdir()] == ["home"]


def test_several_campaigns_go_into_one_file_and_each_can_go_alone(
    store, campaign, query, laptop, survey, tmp_path
):
    say(store, query, 0, "noise", "e1")
    create_campaign(store, "other", survey.training, survey.pool)
    assert export_answers(store, tmp_path / "log.json") == 1
    assert export_answers(store, tmp_path / "one.json", "other") == 0
    refused(laptop, tmp_path / "log.json", "no campaign 'other'", "other")
    assert import_answers(store, tmp_path / "log.json", "other") == ImportReport(0, 0, 0, 0)
    assert import_answers(laptop, tmp_path / "log.json", campaign.name).n_new == 1


def test_an_answer_that_is_older_than_what_it_follows_is_told(store, query, laptop, tmp_path):
    say(laptop, query, 0, "noise", "first")
    say(store, query, 0, "emission", "second")
    export_answers(laptop, tmp_path / "log.csv")
    assert import_answers(store, tmp_path / "log.csv").n_overtaken in (0, 1)
    older = Store(store.home, clock=lambda: "2001-01-01T00:00:00.000+00:00")
    say(older, query, 3, "noise", "much-older", oracle="bob")
    older.close()
    say(laptop, query, 3, "emission", "now", oracle="bob")
    export_answers(store, tmp_path / "log.csv")
    assert import_answers(laptop, tmp_path / "log.csv").n_overtaken >= 1


# queries that are new


def draw_on(laptop, **more):
    return draw_relabel_query(laptop, laptop.campaign("halpha"), **more)


def test_a_query_of_a_copy_of_the_home_comes_with_its_answers(store, query, laptop, tmp_path):
    here = draw_relabel_query(store, store.campaign(), size=3, seed=5)
    there = draw_on(laptop, size=4, seed=6)
    unanswered = draw_on(laptop, size=2, seed=7)
    assert here.number == there.number != unanswered.number
    say(laptop, there, 2, "emission", "e1")
    say(laptop, query, 0, "noise", "e2")
    say(store, here, 0, "noise", "e3")
    export_answers(laptop, tmp_path / "log.json")
    assert import_answers(store, tmp_path / "log.json") == ImportReport(2, 0, 1, 0)
    answers = {one.event: one for one in store.answer_log("halpha")}
    made = store.query(answers["e1"].query)
    assert made.number not in (here.number, query.number)
    assert replace(made, number=0, items=()).__dict__ == replace(there, number=0, items=()).__dict__
    assert made.items == there.items
    assert answers["e2"].query == query.number
    made_of = store.iteration("halpha")
    assert made.number in [q.number for q in store.queries(made_of, Purpose.RELABEL)]
    assert import_answers(store, tmp_path / "log.json") == ImportReport(0, 2, 0, 0)
    assert store.count_queries("halpha") == 3


def test_a_csv_cannot_bring_a_query_and_says_what_can(store, laptop, tmp_path):
    say(laptop, draw_on(laptop, size=4, seed=6), 0, "noise", "e1")
    export_answers(laptop, tmp_path / "log.csv")
    refused(store, tmp_path / "log.csv", "Line 2 of log.csv: its query .* as JSON")


def test_a_query_of_a_training_that_is_not_here_is_refused(
    store, campaign, laptop, tmp_path, fill_iteration, probabilities
):
    close_iteration(laptop, campaign)
    fill_iteration(laptop, campaign, probabilities)
    sample = draw_performance_sample(laptop, campaign, size=3)
    say(laptop, sample, 0, "noise", "e1")
    export_answers(laptop, tmp_path / "log.json")
    refused(store, tmp_path / "log.json", "Answer 1 of log.json: .* nor the training of")


def test_a_query_that_does_not_fit_the_campaign_is_refused(store, laptop, tmp_path):
    say(laptop, draw_on(laptop, size=4, seed=6), 0, "noise", "e1")
    path = tmp_path / "log.json"
    for name, value, reason in (
        ("predicted", "nova", "predicted as 'nova'"),
        ("probabilities", [0.5], "1 probabilities"),
        ("identifier", "no-such-spectrum", "does not fit the pool.*no-such-spectrum"),
    ):
        export_answers(laptop, path)
        change_json(path, lambda c, n=name, v=value: c["queries"][0]["items"][1].update({n: v}))
        refused(store, path, reason)


# files of version 1


def as_version_1(path):
    """Take away what a file of version 1 did not hold."""
    if path.suffix == ".csv":

        def change(rows):
            left = [n for n, name in enumerate(rows[0]) if name not in CSV_2]
            rows[:] = [[row[n] for n in left] for row in rows]

        change_csv(path, change)
        return

    def change(content):
        content["version"] = 1
        for query in content["queries"]:
            del query["design"]
            for item in query["items"]:
                del item["chosen_by"], item["is_repeat"]

    change_json(path, change)


@FORMATS
def test_a_file_of_version_1_is_read_as_before(store, query, laptop, tmp_path, ending):
    say_all_sorts(store, query)
    export_answers(store, tmp_path / f"log{ending}")
    as_version_1(tmp_path / f"log{ending}")
    assert import_answers(laptop, tmp_path / f"log{ending}").n_new == 5
    assert log_of(laptop) == log_of(store)


def test_a_query_of_version_1_was_chosen_by_its_strategy_alone(store, laptop, tmp_path):
    there = draw_on(laptop, size=4, seed=6)
    say(laptop, there, 2, "emission", "e1")
    export_answers(laptop, tmp_path / "log.json")
    as_version_1(tmp_path / "log.json")
    import_answers(store, tmp_path / "log.json")
    made = store.query(store.answer_log("halpha")[0].query)
    assert made.design == {}
    assert {(item.chosen_by, item.is_repeat) for item in made.items} == {("", False)}
    assert [item.score for item in made.items] == [item.score for item in there.items]


def test_what_version_2_holds_is_there_in_full_or_not_at_all(store, query, laptop, tmp_path):
    say(store, query, 0, "emission", "e1")
    for name in CSV_2:
        export_answers(store, tmp_path / "log.csv")
        change_csv(tmp_path / "log.csv", lambda rows, name=name: rows[0].remove(name))
        refused(laptop, tmp_path / "log.csv", f"Line 1 .* '{name}' is missing")
    export_answers(store, tmp_path / "log.json")
    change_json(tmp_path / "log.json", lambda content: content["queries"][0].pop("design"))
    refused(laptop, tmp_path / "log.json", "Query 1 .* 'design' is missing")


# what is refused


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("answer", "nova", "answer is 'nova'.*absorption, artefact"),
        ("identifier", "sdss-1", "identifier is 'sdss-1'.* does not ask about"),
        ("campaign", "other", "campaign is 'other', and there is none"),
        ("event", "", "event is '': expected 1 to 100 characters that can be seen"),
        ("event", "e" * 101, "event is 'eee.*: expected 1 to 100 characters"),
        ("event", "e\x1b[2J", "event is 'e.x1b.*: expected 1 to 100 characters"),
        ("sequence", "one", "sequence is 'one': expected a whole number"),
        ("sequence", "9" * 30, "expected a whole number"),
        ("sequence", "9" * 5000, "expected a whole number"),
        ("query", "1.5", "query is '1.5': expected a whole number"),
        (
            "query_purpose",
            "fun",
            "query_purpose is 'fun': expected one of performance, audit, relabel",
        ),
        ("query_seed", "77", "as JSON"),
        ("at", "yesterday", "at is 'yesterday': expected a time"),
        ("at", "2026-05-04T21:30:00", "expected a time"),
        ("at", "0001-01-01T00:00:00+14:00", "expected a time"),
        ("at", "0001-01-01T00:00:00+00:00", "expected a time .*, from 1970 to now"),
        ("at", "1969-12-31T23:59:59+00:00", "expected a time .*, from 1970 to now"),
        ("at", "9999-12-31T23:59:59+00:00", "at is '9999-.*expected a time .*from 1970 to now"),
        ("at", "9999-12-31T23:59:59-12:00", "expected a time"),
        ("at", f"2026-05-04T21:30:00.{'0' * 1000}+00:00", "at is '2026-.*…: expected a time"),
        # Named, since workers that run tests have to agree on their names.
        pytest.param("at", TOMORROW, "at is '.*': .* a time .*, from 1970 to now", id="tomorrow"),
        ("query_created_at", "9999-12-31T23:59:59+00:00", "query_created_at is .*expected a time"),
        ("note", "n" * 501, "note is 'nnn.*: expected a text of at most 500 characters"),
        ("query_strategy", "s" * 201, "query_strategy is 's.*: expected 0 to 200 characters"),
        ("query_strategy", "s\0", "query_strategy is .*: expected 0 to 200 characters"),
        ("chosen_by", "\u202etxt", "chosen_by is .*: expected 0 to 200 characters"),
        ("seconds", "nan", "seconds is nan: expected a number"),
        ("seconds", "-1", "seconds is -1.0: expected a number from 0 to 31622400, or nothing"),
        ("seconds", "1e308", "seconds is 1e.308: expected a number from 0 to 31622400"),
        ("seconds", "1e999", "expected a number"),
        ("seconds", "1,5", "seconds is '1,5': expected a number"),
        ("is_adjudication", "yes", "is_adjudication is 'yes': expected yes or no"),
        ("is_repeat", "maybe", "is_repeat is 'maybe': expected yes or no"),
        ("query_design", "{", "query_design is '{': expected an object"),
        ("query_design", "[1]", "query_design is .1.: expected an object"),
        ("query_design", '{"a": NaN}', "query_design is .*nan.*: expected an object"),
        ("query_design", "[" * 100_000, "query_design is .*: expected an object"),
        ("undoes", "never", "undoes is 'never'.*gave no such answer"),
        ("oracle", "", "oracle is ''"),
        ("oracle", "a" * 81, "oracle is 'aaa.*: expected a name of 1 to 80 characters"),
        ("oracle", "a" * 100_000, "oracle is 'aaa.*…: expected a name of 1 to 80 characters"),
        ("oracle", "ann\0", r"oracle is 'ann.x00': expected a name"),
        ("oracle", "ann\u202e", "oracle is .*: expected a name"),
        ("oracle", "an\u200bn", "oracle is .*: expected a name"),
        ("oracle", " ann", "oracle is ' ann': expected a name .*without spaces around"),
        ("identifier", "x" * 100_000, "identifier is 'xxx.*…, which"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_line_and_value(
    store, query, laptop, tmp_path, column, cell, reason
):
    say(store, query, 0, "emission", "e1", note="two\nlines")
    say(store, query, 1, "noise", "e2", seconds=1.0)
    export_answers(store, tmp_path / "log.csv")
    change_csv(tmp_path / "log.csv", set_cell(2, column, cell))
    refused(laptop, tmp_path / "log.csv", f"Line 4 of log.csv: .*{reason}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.clear(), "Line 1 of log.csv: it is empty"),
        (lambda rows: rows[0].append("more"), "Line 1 .* unknown column 'more'"),
        (lambda rows: rows[0].remove("note"), "Line 1 .* 'note' is missing"),
        (lambda rows: rows[0].append("note"), "Line 1 .* 'note' is there twice"),
        (lambda rows: rows[1].pop(), "Line 2 of log.csv: it has 20 cells.* expected 21"),
        (lambda rows: rows.append(rows[1]), "Line 3 .* 'e1' is there already .line 2"),
    ],
)
def test_a_table_of_another_shape_is_refused(store, query, laptop, tmp_path, change, reason):
    say(store, query, 0, "emission", "e1")
    export_answers(store, tmp_path / "log.csv")
    change_csv(tmp_path / "log.csv", change)
    refused(laptop, tmp_path / "log.csv", reason)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"\xff\xfe", "not UTF-8 text: byte 0 is 0xff"),
        ("a.csv", b'"sequence', "Line 1 of a.csv: it is not CSV"),
        ("a.csv", b"x" * 200_000, "Line 1 of a.csv: it is not CSV"),
        ("a.json", b"", "Line 1 of a.json: it is not JSON"),
        ("a.json", b'{\n"format": ', "Line 2 of a.json: it is not JSON"),
        ("a.json", b"[" * 100_000, "not JSON that can be read"),
        ("a.json", b"9" * 5000, "not JSON that can be read"),
        ("a.json", b"[]", "^a.json: it does not say that its format is"),
        ("a.txt", b"", "ends in .csv or .json"),
        ("no/a.csv", None, "Cannot read .*a.csv"),
    ],
)
def test_a_file_of_something_else_is_refused(store, campaign, tmp_path, name, content, reason):
    assert campaign
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refused(store, tmp_path / name, reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c.update(version=3), "version 3 .*reads 1 to 2.*Upgrade"),
        (lambda c: c.update(queries={}), "no list of queries"),
        (lambda c: c["answers"].append(3), "Answer 2 .* it is 3: expected an object"),
        (lambda c: c["answers"][0].update(more=1), "Answer 1 .* unknown name 'more'"),
        (lambda c: c["answers"][0].pop("oracle"), "Answer 1 .* 'oracle' is missing"),
        (lambda c: c["answers"][0].update(note=None), "note is None: expected a text"),
        (lambda c: c["answers"][0].update(note="\ud800"), "note is .*: expected a text"),
        (lambda c: c["answers"][0].update(query=True), "query is True"),
        (lambda c: c["answers"][0].update(query=99), "query is 99.* not among the file's"),
        (lambda c: c["answers"][0].update(is_adjudication=1), "is_adjudication is 1"),
        (
            lambda c: c["answers"][0].update(seconds=10**400),
            "is a number of more than 60 digits",
        ),
        (lambda c: c["answers"][0].update(seconds=True), "seconds is True"),
        (lambda c: c["answers"][0].update(oracle=["ann"]), "oracle is .'ann'.: expected a name"),
        (lambda c: c["answers"][0].update(at=5), "at is 5: expected a time"),
        (lambda c: c["queries"][0].update(notice="n" * 10_001), "notice is 'n.*at most 10000"),
        (
            lambda c: c["queries"][0].update(design={"a": "n" * 2**20}),
            "design is .*at most 1048576",
        ),
        (
            lambda c: c["queries"][0]["items"][0].update(probabilities=[1e308, 0, 0]),
            "Item 1 of query 1 .* expected a list of numbers from 0 to 1",
        ),
        (lambda c: c["answers"][0].update(answer=["noise"]), "answer is .'noise'.: expected"),
        (lambda c: c["queries"][0].update(purpose=["fun"]), "Query 1 .* purpose is .'fun'."),
        (lambda c: c["queries"].append(c["queries"][0]), "Query 2 .* number 1 is there already"),
        (lambda c: c["queries"][0].update(items=3), "Query 1 .* items is 3: expected a list"),
        (lambda c: c["queries"][0]["items"].append(0), "Item 9 of query 1 .* it is 0"),
        (
            lambda c: c["queries"][0]["items"][0].update(probabilities=["x"]),
            "Item 1 of query 1 .* expected a list of numbers",
        ),
        (
            lambda c: c["queries"][0]["items"][0].update(position=1),
            "Query 1 .* two of its items have the same position",
        ),
    ],
)
def test_wrong_json_is_refused_with_its_place_and_value(
    store, query, laptop, tmp_path, change, reason
):
    say(store, query, 0, "emission", "e1")
    export_answers(store, tmp_path / "log.json")
    change_json(tmp_path / "log.json", change)
    refused(laptop, tmp_path / "log.json", reason)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("answer", "noise"),
        ("answer", ""),
        ("note", "another"),
        ("oracle", "bob"),
        ("at", "2026-05-04T21:30:00.000+00:00"),
        ("seconds", "2.5"),
        ("is_adjudication", "1"),
    ],
)
def test_an_event_with_other_content_is_refused_with_both_values(
    store, query, tmp_path, column, cell
):
    say(store, query, 0, "emission", "e1", seconds=1.5)
    export_answers(store, tmp_path / "log.csv")
    change_csv(tmp_path / "log.csv", set_cell(1, column, cell))
    refused(store, tmp_path / "log.csv", f"'e1' is stored already with {column} .*never changed")


def test_an_event_of_another_campaign_is_refused(
    store, campaign, query, survey, tmp_path, fill_iteration, probabilities
):
    say(store, query, 0, "emission", "e1")
    other = create_campaign(store, "other", survey.training, survey.pool)
    fill_iteration(store, other, probabilities)
    asked = draw_relabel_query(store, other, size=8)
    say(store, asked, 0, "emission", "e2")
    path = tmp_path / "log.csv"
    export_answers(store, path, "other")
    change_csv(path, set_cell(1, "event", "e1"))
    refused(store, path, "'e1', which is stored already, but in another campaign")
    assert campaign.name == "halpha"


def test_nothing_of_a_file_is_stored_if_its_last_line_is_wrong(store, query, laptop, tmp_path):
    for n in range(5):
        say(store, query, n, "noise", f"e{n}")
    export_answers(store, tmp_path / "log.csv")
    change_csv(tmp_path / "log.csv", set_cell(5, "answer", "nova"))
    refused(laptop, tmp_path / "log.csv", "Line 6")
    assert log_of(laptop) == []


def test_an_event_that_comes_in_while_the_file_is_checked_spoils_nothing(
    store, query, laptop, tmp_path, monkeypatch
):
    say(store, query, 0, "emission", "e1")
    say(store, query, 1, "emission", "e2")
    export_answers(store, tmp_path / "log.csv")
    merge = laptop.merge_answers

    def merge_late(queries, answers):
        say(laptop, query, 1, "noise", "e2")
        merge(queries, answers)

    monkeypatch.setattr(laptop, "merge_answers", merge_late)
    with pytest.raises(StoreError, match="import them again"):
        import_answers(laptop, tmp_path / "log.csv")
    assert [one["event"] for one in log_of(laptop)] == ["e2"]


def test_the_command_line_carries_answers(store, query, laptop, tmp_path, capsys):
    say_all_sorts(store, query)
    file = str(tmp_path / "log.json")
    for arguments, said in (
        (["export", "--out", file, "--home", str(store.home)], "5 answers are in"),
        (["import", file, "--home", str(laptop.home)], "5 answers were added with 0 queries"),
        (["import", file, "--home", str(laptop.home)], "5 were there already"),
    ):
        with pytest.raises(SystemExit) as exited:
            main(["answers", *arguments])
        assert exited.value.code == 0
        assert said in capsys.readouterr().out
    with pytest.raises(SystemExit) as exited:
        main(["answers", "import", str(tmp_path / "none.csv"), "--home", str(laptop.home)])
    assert exited.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


# any content

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = texts.filter(bool)
identifiers = texts.map(trim).filter(bool)
seen = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40)
times = st.datetimes(datetime(1970, 1, 1), datetime(2026, 1, 1)).map(
    lambda time: f"{time.isoformat()}+00:00"
)
numbers = st.integers(-(2**63) + 1, 2**63 - 1)
amounts = st.none() | st.floats(allow_nan=False, allow_infinity=False)

queries = st.builds(
    Query,
    number=numbers,
    campaign=names,
    iteration=numbers,
    job=st.just(0),
    purpose=st.sampled_from(Purpose),
    strategy=seen,
    size=numbers,
    seed=numbers,
    created_at=times,
    notice=texts,
    items=st.lists(
        st.builds(
            QueryItem,
            position=numbers,
            identifier=identifiers,
            predicted=names,
            probabilities=st.lists(st.floats(0, 1)).map(tuple),
            score=amounts,
            chosen_by=st.just("") | seen,
            is_repeat=st.booleans(),
        ),
        max_size=3,
        unique_by=(lambda item: item.position, lambda item: item.identifier),
    ).map(lambda items: tuple(sorted(items, key=lambda item: item.position))),
    design=st.dictionaries(texts, amounts | texts | st.lists(numbers) | st.booleans(), max_size=3),
)
answers = st.builds(
    Answer,
    sequence=numbers,
    event=seen,
    campaign=st.just(""),
    query=st.just(0),
    iteration=st.just(0),
    purpose=st.just(Purpose.RELABEL),
    identifier=identifiers,
    answer=st.none() | names,
    note=texts,
    oracle=seen,
    at=times,
    seconds=st.none() | st.floats(0, LONGEST_LOOK),
    undoes=st.none() | seen,
    is_adjudication=st.booleans(),
)


@st.composite
def logs(draw):
    asked = draw(st.lists(queries, min_size=1, max_size=3, unique_by=lambda one: one.number))
    said = draw(
        st.lists(answers, max_size=6, unique_by=(lambda one: one.sequence, lambda one: one.event))
    )
    logged = []
    for answer in sorted(said, key=lambda one: one.sequence):
        query = draw(st.sampled_from(asked))
        logged.append(
            LoggedAnswer(
                "",
                replace(
                    answer,
                    campaign=query.campaign,
                    query=query.number,
                    iteration=query.iteration,
                    purpose=query.purpose,
                ),
                query,
                "2026-05-04T21:30:00.000+00:00",
            )
        )
    return logged


@FORMATS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(logged=logs())
def test_any_log_comes_back_from_a_file_as_it_was_written(tmp_path, ending, logged):
    path = tmp_path / f"log{ending}"
    write_answers(path, logged, "")
    found = read_answers(path)
    assert [one.answer for one in found] == [one.answer for one in logged]
    for one, original in zip(found, logged, strict=True):
        expected = original.query
        if ending == ".csv":
            expected = replace(expected, items=(), notice="")
        else:
            assert one.job_created_at == original.job_created_at
        assert one.query.__dict__ == expected.__dict__


@FORMATS
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(notes=st.lists(texts, min_size=1, max_size=4))
def test_any_note_comes_into_another_home_as_it_was_written(
    store, query, laptop, tmp_path, ending, notes
):
    for n, note in enumerate(notes):
        say(store, query, n, "noise", f"e{store.count_events('halpha')}", note=note)
    export_answers(store, tmp_path / f"log{ending}")
    import_answers(laptop, tmp_path / f"log{ending}")
    assert log_of(laptop) == log_of(store)
