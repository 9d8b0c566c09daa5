"""Blind repeats: shown like any other spectrum, to those who know it, and without any effect."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from active_cnn.campaign.answer_log import export_answers, import_answers
from active_cnn.campaign.campaign import close_iteration
from active_cnn.campaign.labelling import Task, count_open, find_work, history, lay_out
from active_cnn.campaign.relabelling import ask_about, draw_relabel_query
from active_cnn.campaign.standing import Standing, repeatable
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.team import activity, intra_rater, query_progress
from active_cnn.errors import CampaignError, StoreError
from active_cnn.records import AnswerEvent, Purpose, Resolution, Sharing, SharingMode
from active_cnn.ui.protocol import encode, read_message, reply

DOUBLE = Sharing(SharingMode.DOUBLE, 2, Resolution.MAJORITY)
DIVIDE = Sharing(SharingMode.DIVIDE)
# What the questions of the second iteration are: which of them are repeats of the first ones.
ORDINARY, REPEATS = range(4), (0, 1, 2)


@pytest.fixture
def first(store, campaign, score):
    """Six spectra that are asked about in iteration 0."""
    score()
    return draw_relabel_query(store, campaign, "entropy", 6, seed=3)


def say(store, query, n, answer, event, oracle="ann", is_adjudication=False, **more):
    act = AnswerEvent(event, query.number, query.items[n].identifier, answer, **more)
    refused = store.add_answers(query.campaign, [act], oracle, is_adjudication=is_adjudication)
    assert not refused


@pytest.fixture
def ask_again(store, campaign, first, fill_iteration, probabilities):
    """Give a function that goes on to iteration 1 and asks about some spectra of it, and again.

    The query has four new spectra, and after the first two of them the repeats.
    """

    def ask_again(repeats=REPEATS, **more):
        close_iteration(store, campaign)
        fill_iteration(store, campaign, probabilities)
        drawn = draw_relabel_query(store, campaign, "entropy", 12, seed=4)
        others = [item for item in drawn.items if item.identifier not in names_of(first)]
        new = [
            replace(others[n], chosen_by="direct" if n % 2 else "margin", score=0.1 * (n + 1))
            for n in ORDINARY
        ]
        again = [
            replace(first.items[n], chosen_by="repeat", score=None, is_repeat=True) for n in repeats
        ]
        items = [
            replace(item, position=place) for place, item in enumerate([*new[:2], *again, *new[2:]])
        ]
        shares = {"direct": 0.6, "margin": 0.4}
        mixed = replace(
            drawn, strategy="mixed", items=tuple(items), design={"shares": shares}, **more
        )
        # The drawn one only lent its spectra: what is on the desk is the mixed one.
        close_iteration(store, campaign)
        fill_iteration(store, campaign, probabilities)
        iteration = store.iteration(campaign.name)
        return store.add_query(replace(mixed, iteration=iteration.number, job=iteration.job))

    return ask_again


def repeats_of(query):
    return [n for n, item in enumerate(query.items) if item.is_repeat]


def names_of(query, repeats=None):
    return [i.identifier for i in query.items if repeats is None or i.is_repeat == repeats]


@pytest.fixture
def talk(store, campaign):
    """Give a function that says something as a page does and gives the reply as it reads it."""

    def talk(oracle="ann", **said):
        answered = reply(
            store,
            campaign,
            lay_out(store, campaign, Task.RELABEL),
            oracle,
            read_message(said),
            lambda names: [json.dumps({"identifier": name}) for name in names],
            dict,
        )
        return json.loads(encode(answered))

    return talk


def told_of(answered):
    return {one["sheet"]["identifier"]: one["told"] for one in answered["spectra"]}


def act(query, n, answer, event, oracle="ann", **more):
    return {
        "event": event,
        "query": query.number,
        "identifier": query.items[n].identifier,
        "answer": answer,
        "note": "",
        "seconds": 0.8,
        "undoes": None,
        "oracle": oracle,
        **more,
    }


# whose they are


def work_of(store, campaign, oracle):
    return find_work(store, campaign, lay_out(store, campaign, Task.RELABEL), oracle)


def test_a_repeat_comes_in_its_turn_to_whom_it_belongs_and_to_nobody_else(
    store, campaign, first, ask_again
):
    say(store, first, 0, "emission", "a0")
    say(store, first, 1, "noise", "b1", oracle="bob")
    query = ask_again()
    new = names_of(query, repeats=False)
    again = names_of(query, repeats=True)
    ann, bob, eve = (work_of(store, campaign, name) for name in ("ann", "bob", "eve"))
    assert ann.identifiers == (*new[:2], again[0], *new[2:])
    assert bob.identifiers == (*new[:2], again[1], *new[2:])
    assert eve.identifiers == tuple(new)
    assert [(one.n_done, one.n_asked) for one in (ann, bob, eve)] == [(0, 5), (0, 5), (0, 4)]


def test_a_repeat_is_done_when_it_has_been_answered_and_open_again_when_that_is_undone(
    store, campaign, first, ask_again
):
    say(store, first, 0, "emission", "a0")
    query = ask_again()
    place, name = repeats_of(query)[0], first.items[0].identifier
    say(store, query, place, "noise", "again")
    work = work_of(store, campaign, "ann")
    assert name not in work.identifiers
    assert (work.n_done, work.n_asked) == (1, 5)
    say(store, query, place, None, "undo", undoes="again")
    assert name in work_of(store, campaign, "ann").identifiers
    assert [one.event for one in store.answer_log(campaign.name)] == ["a0", "again", "undo"]
    assert store.current_answers(campaign.name)[name].event == "a0"


def test_an_answer_that_was_taken_back_is_not_asked_for_again_as_a_repeat(
    store, campaign, first, ask_again
):
    say(store, first, 0, "emission", "a0")
    query = ask_again()
    say(store, first, 0, None, "back", undoes="a0")
    assert work_of(store, campaign, "ann").identifiers == tuple(names_of(query, repeats=False))


def test_who_answered_a_spectrum_only_later_is_not_asked_to_repeat_it(
    store, campaign, first, ask_again
):
    say(store, first, 0, "emission", "a0")
    query = ask_again([0])
    later = ask_about(store, campaign, first.items[1].identifier)
    mixed = replace(
        query,
        items=(replace(first.items[1], position=0, is_repeat=True),),
        iteration=later.iteration,
    )
    standing = Standing(campaign.name)
    say(store, later, 0, "noise", "b1", oracle="bob")
    number = store.add_query(mixed).number
    assert standing.look(store).repeaters(number, first.items[1].identifier) == {"bob"}
    assert standing.repeaters(later.number, first.items[1].identifier) == set()


@pytest.mark.parametrize("sharing", [DIVIDE, DOUBLE])
def test_where_spectra_are_shared_out_a_repeat_stays_with_who_gave_the_first_answer(
    store, campaign, first, ask_again, sharing
):
    say(store, first, 0, "emission", "a0")
    say(store, first, 0, "emission", "b0", oracle="bob")
    query = ask_again()
    store.set_sharing(campaign.name, sharing, "ann")
    again = first.items[0].identifier
    for oracle, is_asked in (("ann", True), ("bob", True), ("eve", False)):
        work = work_of(store, campaign, oracle)
        assert (again in work.identifiers) == is_asked
        assert store.claims(campaign.name, oracle) <= set(names_of(query, repeats=False))
    say(store, query, repeats_of(query)[0], "noise", "again")
    assert again not in work_of(store, campaign, "ann").identifiers
    assert again in work_of(store, campaign, "bob").identifiers


def test_repeats_are_not_left_over_in_a_row_while_others_hold_what_lies_between(
    store, campaign, score
):
    score()
    old = draw_relabel_query(store, campaign, "entropy", 30, seed=3)
    for n in range(30):
        say(store, old, n, "noise", f"a{n}")
    drawn = draw_relabel_query(store, campaign, "entropy", 90, seed=4)
    close_iteration(store, campaign)
    score()
    iteration = store.iteration(campaign.name)
    items = []
    for n, item in enumerate(drawn.items):
        items.append(item)
        if n % 3 == 2:
            items.append(replace(old.items[n // 3], is_repeat=True))
    items = tuple(replace(item, position=n) for n, item in enumerate(items))
    store.add_query(replace(drawn, iteration=iteration.number, job=iteration.job, items=items))
    store.set_sharing(campaign.name, DIVIDE, "ann")
    work = work_of(store, campaign, "ann").identifiers
    order = [item.identifier for item in items]
    assert list(work) == order[: len(work)]
    assert len(work) < len(order)


def test_an_open_repeat_does_not_hold_the_iteration_up(store, campaign, first, ask_again):
    say(store, first, 0, "emission", "a0")
    query = ask_again()
    desk = lay_out(store, campaign, Task.RELABEL)
    assert count_open(store, campaign, desk) == 4
    for n, item in enumerate(query.items):
        if not item.is_repeat:
            say(store, query, n, "noise", f"new-{n}")
    assert count_open(store, campaign, desk) == 0
    assert work_of(store, campaign, "ann").identifiers == (first.items[0].identifier,)
    (progress,) = query_progress(store, campaign)
    assert (progress.n_asked, progress.n_answered, progress.n_disagreeing) == (7, 6, 0)
    say(store, query, repeats_of(query)[0], "noise", "again")
    (progress,) = query_progress(store, campaign)
    assert progress.n_open == 0


# what may be repeated


def test_what_may_be_repeated_comes_in_the_order_of_the_first_answers(
    store, campaign, first, fill_iteration, probabilities
):
    for n, oracle in ((3, "ann"), (1, "bob"), (4, "ann"), (3, "bob"), (0, "ann"), (2, "ann")):
        say(store, first, n, "noise", f"{oracle}{n}", oracle=oracle)
    say(store, first, 1, "emission", "corrected", oracle="bob")
    say(store, first, 4, None, "back", undoes="ann4")
    say(store, first, 0, "emission", "settled", oracle="eve", is_adjudication=True)
    assert repeatable(store, campaign) == []  # all of that lies on the desk still
    close_iteration(store, campaign)
    fill_iteration(store, campaign, probabilities)
    assert repeatable(store, campaign) == [first.items[n].identifier for n in (3, 1, 2)]


def test_nothing_is_repeated_twice(store, campaign, first, ask_again, score):
    for n in range(6):
        say(store, first, n, "noise", f"a{n}")
    query = ask_again()
    assert repeatable(store, campaign) == names_of(first)[3:]
    say(store, query, repeats_of(query)[0], "noise", "again")
    close_iteration(store, campaign)
    score()
    assert repeatable(store, campaign) == names_of(first)[3:]


def test_a_repeated_spectrum_can_still_be_asked_about_for_its_label(
    store, campaign, first, ask_again
):
    say(store, first, 0, "emission", "a0")
    query = ask_again()
    name = first.items[0].identifier
    say(store, query, repeats_of(query)[0], "noise", "again")
    asked = ask_about(store, campaign, name)
    desk = lay_out(store, campaign, Task.RELABEL)
    assert desk.by_identifier[name].query.number == asked.number
    assert name not in desk.repeats
    # On the desk lies now what counts, and so does its history.
    assert history(store, campaign, desk, "ann") == []
    say(store, asked, 0, "noise", "mended")
    assert [one.event for one in history(store, campaign, desk, "ann")] == ["mended"]
    assert store.current_answers(campaign.name)[name].event == "mended"


def test_who_is_asked_for_the_label_of_a_spectrum_is_not_asked_blindly_as_well(
    store, campaign, first, ask_again
):
    say(store, first, 0, "emission", "a0")
    query = ask_again([0])
    repeat = replace(query.items[1], position=0, is_repeat=True)
    store.add_query(replace(query, items=(repeat,)))
    desk = lay_out(store, campaign, Task.RELABEL)
    assert desk.by_identifier[repeat.identifier].query.number == query.number
    assert [one.item.identifier for one in desk.questions] == names_of(query, repeats=False)


def test_a_sample_that_measures_cannot_hold_repeats(store, campaign, first):
    repeat = replace(first.items[0], is_repeat=True)
    sample = replace(first, purpose=Purpose.PERFORMANCE, items=(repeat,))
    with pytest.raises(CampaignError, match="performance sample .* blind repeat"):
        store.add_query(sample)
    assert store.count_queries(campaign.name) == 1


# what the page is told


def test_nothing_of_the_earlier_answers_goes_to_the_browser(store, first, ask_again, talk):
    say(store, first, 0, "double-peak", "secret-event", note="secret note")
    say(store, first, 0, "double-peak", "of-bob", oracle="bob", note="secret too")
    query = ask_again()
    place, name = repeats_of(query)[0], first.items[0].identifier
    opened = talk()
    text = json.dumps(opened)
    assert name in told_of(opened)
    for word in ("secret", "of-bob", "repeat"):
        assert word not in text
    assert told_of(opened)[name]["said"] == []
    # After the answer the page shows that one alone.
    answered = talk(events=[act(query, place, "noise", "a.1.0")], want=[name])
    assert [one["event"] for one in told_of(answered)[name]["said"]] == ["a.1.0"]
    assert [one["event"] for one in answered["history"]] == ["a.1.0"]
    assert "secret" not in json.dumps(answered)


def test_a_repeat_is_told_in_the_same_words_as_the_others(store, first, ask_again, talk):
    for n in REPEATS:
        say(store, first, n, "noise", f"a{n}")
    query = ask_again()
    told = told_of(talk())
    assert len(told) == 7
    begin = (
        f"query {query.number}: mixed (60 % direct, 40 % margin), seed {query.seed}, iteration 2"
    )
    scores = {}
    for item in query.items:
        said = told[item.identifier]
        assert said["why"] in (f"{begin}; chosen by direct", f"{begin}; chosen by margin")
        scores.setdefault(item.is_repeat, set()).add((said["why"], said["score"]))
        assert set(said) == set(told[query.items[0].identifier])
    assert scores[True] <= scores[False]


def test_a_query_of_repeats_alone_says_nothing_of_what_chose_them(store, first, ask_again, talk):
    for n in range(2):
        say(store, first, n, "noise", f"a{n}")
    query = ask_again([0])
    repeat = replace(first.items[1], position=0, chosen_by="repeat", is_repeat=True)
    # A design may come from a file with anything in it.
    design = {"shares": {"direct": "all", "margin": 0.5}}
    lone = store.add_query(replace(query, items=(repeat,), design=design))
    told = told_of(talk())[repeat.identifier]
    assert told["why"] == (
        f"query {lone.number}: mixed (50 % margin), seed {query.seed}, iteration {query.iteration}"
    )
    assert told["score"] is None


def test_who_judges_apart_from_the_others_is_not_told_what_was_predicted_of_a_repeat(
    store, campaign, first, ask_again, talk
):
    say(store, first, 0, "noise", "a0")
    query = ask_again()
    store.set_sharing(campaign.name, DOUBLE, "ann")
    name = first.items[0].identifier
    for said in told_of(talk()).values():
        assert (said["predicted"], said["probabilities"], said["score"]) == (None, None, None)
        assert "chosen by" not in said["why"]
    answered = talk(events=[act(query, repeats_of(query)[0], "noise", "a.1.0")], want=[name])
    assert told_of(answered)[name]["predicted"]
    assert "chosen by" in told_of(answered)[name]["why"]


def test_somebody_elses_repeat_is_unknown_on_this_desk(store, first, ask_again, talk):
    say(store, first, 0, "noise", "a0")
    ask_again()
    name = first.items[0].identifier
    answered = talk("eve", want=[name])
    assert (answered["unknown"], answered["nAsked"]) == ([name], 4)
    assert name not in told_of(answered)
    assert talk("ann", want=[name])["unknown"] == []


def test_the_answer_to_a_repeat_is_acknowledged_and_undone_like_any_other(
    store, campaign, first, ask_again, talk
):
    say(store, first, 0, "noise", "a0")
    query = ask_again()
    place, name = repeats_of(query)[0], first.items[0].identifier
    desk = talk()["deskId"]
    one = act(query, place, "emission", "a.1.0")
    receipt = talk(desk=desk, events=[one, one], have=names_of(query), room=0)
    assert receipt["received"] == ["a.1.0", "a.1.0"]
    assert (receipt["work"], receipt["nAsked"]) == (None, 5)
    back = act(query, place, None, "a.2.0", undoes="a.1.0")
    undone = talk(desk=desk, events=[back], have=names_of(query), room=0)
    assert name in undone["work"]
    assert [one.event for one in store.answer_log(campaign.name)] == ["a0", "a.1.0", "a.2.0"]


# how far a person says the same


def test_the_pairs_are_what_stood_before_the_repeat_and_what_stands_of_it(
    store, campaign, first, ask_again
):
    say(store, first, 0, "noise", "a0")
    say(store, first, 0, "emission", "a0-corrected")
    say(store, first, 1, "noise", "a1")
    say(store, first, 2, "noise", "a2")
    say(store, first, 1, "noise", "b1", oracle="bob")
    query = ask_again()
    zero, one, two = repeats_of(query)
    say(store, query, zero, "noise", "again-0-slip")
    say(store, query, zero, None, "again-0-undo", undoes="again-0-slip")
    say(store, query, zero, "emission", "again-0")
    say(store, query, one, "absorption", "again-1")
    say(store, query, two, "noise", "again-2")
    say(store, query, two, None, "again-2-undo", undoes="again-2")
    say(store, query, one, "noise", "bob-1", oracle="bob")
    say(store, query, two, "noise", "of-nobody", oracle="eve")
    # Whoever follows the repeat with a correction of the label was not of one mind for that.
    say(store, first, 1, "absorption", "a1-corrected")
    found = {(p.oracle, p.identifier): (p.first, p.again) for p in
             store.repeated_answers(campaign.name)}  # fmt: skip
    names = names_of(first)
    assert found == {
        ("ann", names[0]): ("emission", "emission"),
        ("ann", names[1]): ("noise", "absorption"),
        ("bob", names[1]): ("noise", "noise"),
    }
    ann, bob = intra_rater(store, campaign)
    assert (ann.oracle, ann.n_repeated, ann.n_same, ann.agreement) == ("ann", 2, 1, 0.5)
    # p_o = 1/2; p_e = 1/4, from emission alone: (1/2 - 1/4) / (1 - 1/4).
    assert ann.kappa == pytest.approx(1 / 3)
    assert (bob.n_repeated, bob.n_same) == (1, 1)
    assert bob.kappa != bob.kappa


def test_without_repeats_there_is_nobody_to_tell_of(store, campaign, first):
    say(store, first, 0, "noise", "a0")
    assert intra_rater(store, campaign) == ()


def test_the_work_of_a_repeat_is_counted_and_its_word_is_not(store, campaign, first, ask_again):
    say(store, first, 0, "noise", "a0", seconds=1.0)
    query = ask_again()
    say(store, query, repeats_of(query)[0], "emission", "again", seconds=3.0)
    (ann,) = activity(store, campaign).people
    assert (ann.n_standing, ann.n_events, ann.median_seconds) == (1, 2, 2.0)


# without any effect


@pytest.fixture
def two_homes(store, first, ask_again):
    """Copies of one database in which everything is asked and nothing is said."""
    query = ask_again()
    assert not store.answer_log(query.campaign)
    with TemporaryDirectory() as folder:
        store.copy_to(Path(folder) / "empty.db")
        yield first, query, Path(folder)


PEOPLE = ("ann", "bob", "eve")
CLASSES = ("emission", "double-peak", "noise", "unsure", None)
said = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(["first", "second", "repeat", "repeat"]),
    st.integers(0, 2),
    st.sampled_from(CLASSES),
    st.integers(0, 9).map(lambda n: n == 0),
)


@given(sequence=st.lists(said, max_size=30), rule=st.sampled_from(Resolution), cut=st.integers(0))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_answers_to_repeats_change_nothing_that_counts(two_homes, sequence, rule, cut):
    first, query, folder = two_homes
    found = []
    for keeps_repeats in (True, False):
        with TemporaryDirectory(dir=folder) as home:
            (Path(home) / FILE_NAME).write_bytes((folder / "empty.db").read_bytes())
            with Store(Path(home)) as store:
                store.set_sharing("halpha", replace(DOUBLE, resolution=rule), "ann")
                followed = Standing("halpha")
                for n, (oracle, kind, place, answer, is_adjudication) in enumerate(sequence):
                    asked, item = {
                        "first": (first, place),
                        "second": (query, place % 2),
                        "repeat": (query, repeats_of(query)[place]),
                    }[kind]
                    is_repeat = kind == "repeat"
                    if is_repeat and not keeps_repeats:
                        continue
                    say(store, asked, item, answer, f"e{n}", oracle, is_adjudication)
                    if n == cut % (len(sequence) or 1):
                        followed.look(store)
                followed.look(store)
                desk = lay_out(store, store.campaign("halpha"), Task.RELABEL)
                found.append(
                    (
                        {
                            name: (one.event, one.answer, one.oracle)
                            for name, one in store.current_answers("halpha").items()
                        },
                        {
                            name: [(one.event, one.oracle) for one in some]
                            for name, some in store.opinions("halpha").items()
                        },
                        {n: one.event for n, one in store.adjudications("halpha").items()},
                        {name: people for name, people in followed.judges.items() if people},
                        followed.adjudicated,
                        count_open(store, store.campaign("halpha"), desk),
                        [one.event for one in store.events_on("halpha", names_of(first)[0])],
                    )
                )
    assert found[0] == found[1]


# carried from home to home


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_repeats_and_what_chose_a_spectrum_come_into_a_copy_of_the_home(
    store, campaign, first, ask_again, tmp_path, ending
):
    say(store, first, 0, "noise", "a0")
    query = ask_again()
    (tmp_path / "laptop").mkdir()
    store.copy_to(tmp_path / "laptop" / FILE_NAME)
    say(store, query, 0, "noise", "new")
    say(store, query, repeats_of(query)[0], "emission", "again")
    path = tmp_path / f"log{ending}"
    export_answers(store, path)
    text = path.read_text(encoding="utf-8")
    for word in ("chosen_by", "is_repeat", "design", "margin"):
        assert word in text
    with Store(tmp_path / "laptop") as laptop:
        import_answers(laptop, path)
        assert laptop.answer_log("halpha") == store.answer_log("halpha")
        assert laptop.current_answers("halpha") == store.current_answers("halpha")
        assert intra_rater(laptop, campaign) == intra_rater(store, campaign) != ()


def test_a_query_with_repeats_is_made_in_another_home_as_it_was_drawn(
    store, first, ask_again, tmp_path, survey
):
    say(store, first, 0, "noise", "a0")
    query = ask_again([0])
    (tmp_path / "other" / "halpha").mkdir(parents=True)
    store.copy_to(tmp_path / "other" / FILE_NAME)
    again = replace(
        query,
        items=(
            replace(query.items[0], position=1, chosen_by="margin"),
            replace(query.items[2], position=0),
        ),
        seed=99,
    )
    again = store.add_query(again)
    say(store, again, 0, "emission", "again")
    export_answers(store, tmp_path / "log.json")
    with Store(tmp_path / "other") as other:
        assert import_answers(other, tmp_path / "log.json").n_queries == 1
        made = other.query(again.number)
        assert (made.items, made.design) == (again.items, again.design)
        assert [one.again for one in other.repeated_answers("halpha")] == ["emission"]
    assert survey.pool.exists()


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_an_answer_that_counts_here_and_not_there_is_refused(store, first, tmp_path, ending):
    say(store, first, 0, "noise", "a0")
    path = tmp_path / f"log{ending}"
    export_answers(store, path)
    text = path.read_text(encoding="utf-8")
    if ending == ".csv":
        header, row = csv.reader(io.StringIO(text))
        row[header.index("is_repeat")] = "1"
        file = io.StringIO()
        csv.writer(file).writerows([header, row])
        changed = file.getvalue()
    else:
        changed = text.replace('"is_repeat": false', '"is_repeat": true')
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(StoreError, match="is_repeat is True"):
        import_answers(store, path)


def test_the_repeats_of_a_home_are_found_by_an_index(store):
    (plan,) = (
        row["detail"]
        for row in store._rows(
            "EXPLAIN QUERY PLAN SELECT query, identifier FROM query_item WHERE is_repeat = 1"
        )
    )
    assert "repeat_item" in plan
