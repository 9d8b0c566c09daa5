"""The labelling page itself: every act has its key and its button, and fits on the screen."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from urllib.parse import quote

import h5py
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.store import Store
from active_cnn.records import Purpose
from tests.browser.conftest import ROOT, wait_until_drawn
from tests.browser.labelling import Asked, Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Ask = Callable[..., Asked]

TOGGLES = {"view": "w", "smooth": "m", "lines": "l", "velocity": "v", "visits": "r", "blind": "b"}
ZOOMS = {"zoom-in": "ArrowUp", "zoom-out": "ArrowDown", "zoom-reset": "0"}
LABELLER = ROOT / "active_cnn" / "ui" / "labeller"
IS_ON = re.compile(r"\bis-on\b")
EVIL = '<img src=x onerror="window.hacked=1"> **bold** [a](javascript:alert(1)) `x`'


def test_every_button_names_its_key(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    buttons = ann.desk.locator(":is(.answers, .tools) .act")
    expect(buttons).to_have_count(8 + 17)
    for one in buttons.all():
        expect(one.locator("kbd")).to_be_visible()
        assert one.get_attribute("aria-keyshortcuts")


@pytest.mark.parametrize("by", ["key", "click"])
def test_the_ways_of_looking_change_the_picture(ask: Ask, page: Page, by: str) -> None:
    ann = Person(page, ask()).open()

    def do(act: str, key: str) -> None:
        if by == "key":
            page.keyboard.press(key)
        else:
            ann.button(act).click()

    for act, key in TOGGLES.items():
        was_on, before = _is_on(ann.button(act)), _picture(ann)
        do(act, key)
        assert _is_on(ann.button(act)) is not was_on
        if act not in ("blind", "visits"):
            assert _picture(ann) != before, act
        do(act, key)
        assert _is_on(ann.button(act)) is was_on
        assert _picture(ann) == before, act
    pictures = [_picture(ann)]
    for act, key in ZOOMS.items():
        do(act, key)
        pictures.append(_picture(ann))
        if act == "zoom-out":
            assert pictures[-1] == pictures[0]
            do(act, key)
            pictures[-1] = _picture(ann)
    assert pictures[0] == pictures[3]
    assert len(set(pictures)) == 3
    compared = [_picture(ann)]
    for _ in range(3):
        do("overlay", "o")
        compared.append(_picture(ann))
    assert compared[0] == compared[3]
    assert len(set(compared)) == 3
    for act, key, part in (("help", "h", ".help"), ("grid", "g", ".grid")):
        do(act, key)
        expect(ann.desk.locator(part)).to_be_visible()
        if by == "key":
            do(act, key)
        else:
            ann.desk.locator(f"{part} [data-act='{act}']").click()
        expect(ann.desk.locator(part)).to_be_hidden()
    assert ann.asked.log() == []


def test_large_numbers_of_an_axis_are_written_out_and_differ(ask: Ask, page: Page) -> None:
    page.add_init_script(
        "window.written = []; const fill = CanvasRenderingContext2D.prototype.fillText;"
        "CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {"
        " window.written.push(text); return fill.call(this, text, ...place); };"
    )
    Person(page, ask()).open()
    page.keyboard.press("v")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.evaluate("() => { window.written = []; }")
    page.keyboard.press("m")
    written = page.evaluate("() => window.written")
    assert "100000" in written
    assert not [one for one in written if re.search(r"\de", one)]


@pytest.mark.parametrize(
    ("flux", "written"),
    [
        ([20, 310], ["100", "200", "300"]),
        ([150, 250], ["150", "200", "250"]),
        ([100_000, 101_000], ["100000", "100500", "101000"]),
        ([-2e-16, 3e-16], ["−2.0e−16", "0", "2.0e−16"]),
    ],
)
def test_an_axis_has_two_ticks_at_least_that_differ(
    page: Page, flux: list[float], written: list[str]
) -> None:
    source = (LABELLER / "plot.js").read_text(encoding="utf-8").replace("export ", "")
    found = page.evaluate(
        "([low, high]) => { " + source + "; const at = ticks(low, high, 100 / 38);"
        " return at.map((value) => label(value, at[1] - at[0])); }",
        flux,
    )
    assert found == written


@pytest.mark.parametrize(
    ("factor", "has", "seen"),
    [
        (1, [4000, 7000], [4000, 7000]),
        (0.5, [4000, 7000], [5500, 7000]),
        (0.5, [3980, 7100], [5600, 7100]),
        (0.1, [4000, 7000], [6415, 6715]),
        (2, [4000, 7000], [2500, 8500]),
    ],
)
def test_zooming_in_stays_where_there_is_a_spectrum(
    page: Page, factor: float, has: list[float], seen: list[float]
) -> None:
    source = (LABELLER / "plot.js").read_text(encoding="utf-8").replace("export ", "")
    zoom = "([factor, has]) => { " + source + "; return zoomed([4000, 7000], factor, 6565, has); }"
    assert page.evaluate(zoom, [factor, has]) == seen


def test_panels_of_several_windows_share_the_picture(page: Page) -> None:
    source = (LABELLER / "picture.js").read_text(encoding="utf-8").replace("export ", "")
    source = re.sub(r"^import .*$", "", source, flags=re.M)
    lay_out = (
        "([picture, width, height]) => { " + source + "; return layOut(picture, width, height); }"
    )

    def boxes(shares: list[int], **more: bool) -> list[dict[str, float]]:
        panels = [{"share": share} for share in shares]
        found: list[dict[str, float]] = page.evaluate(
            lay_out, [{"panels": panels, **more}, 600, 235 + 80 * (len(shares) > 4)]
        )
        return found

    (alone,) = boxes([140])
    assert (alone["x"], alone["y"], alone["width"], alone["height"]) == (52, 18, 538, 187)
    for shares in ([62, 60], [500, 12, 12], [60] * 4, [60] * 5, [900, *[12] * 7]):
        for more in ({}, {"hasOneScale": True}, {"hasOneScale": True, "bare": True}):
            found = boxes(shares, **more)
            assert len({one["y"] for one in found}) == 1 + (len(shares) > 4)
            assert min(one["width"] for one in found) > 40
            for one, other in zip(found, found[1:], strict=False):
                is_beside = one["x"] + one["width"] < other["x"]
                assert is_beside or one["y"] + one["height"] < other["y"]
            assert all(one["x"] + one["width"] <= 600 for one in found)


def test_other_visits_of_the_object_are_drawn_and_can_be_left_out(ask: Ask, page: Page) -> None:
    asked = ask(size=2)
    pool = asked.server.home / "visits.h5"
    with Store(asked.server.home) as store:
        shutil.copyfile(store.home / store.campaign("first").pool_path, pool)
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        # One star, as its name says too: objects of many names cannot be at one place.
        for name in ("ra", "dec", "designation"):
            group[name][:40] = group[name][0]
    ann = Person(page, ask(pool=pool)).open()
    for _ in range(30):
        if ann.desk.locator(".facts").get_by_text("more", exact=False).count():
            break
        page.keyboard.press("ArrowRight")
    expect(ann.desk.locator(".facts")).to_contain_text("6 more")
    before = _picture(ann)
    page.keyboard.press("r")
    assert _picture(ann) != before
    ann.button("visits").click()
    assert _picture(ann) == before


@pytest.mark.parametrize("by", ["key", "click"])
def test_answers_and_moves_by_key_and_by_click(ask: Ask, page: Page, by: str) -> None:
    ann = Person(page, ask(size=6)).open()
    names = ann.asked.identifiers
    with Store(ann.asked.server.home) as store:
        campaign = store.campaign(ann.asked.campaign)
        (query,) = store.queries(store.iteration(ann.asked.campaign), Purpose.RELABEL)

    def do(act: str, key: str) -> None:
        if by == "key":
            page.keyboard.press(key)
        else:
            ann.button(act).click()

    do("confirm", "Enter")
    expect(ann.desk).to_have_attribute("data-identifier", names[1])
    do("answer:double-peak", "d")
    ann.saved()
    do("undo", "z")
    assert ann.shown() == names[1]
    assert ann.count.text_content() == "1 of 6 answered"
    do("back", "ArrowLeft")
    do("next", "ArrowRight")
    assert ann.shown() == names[1]
    do("skip", "s")
    assert ann.shown() == names[2]
    do("note", "t")
    expect(ann.desk.locator(".note")).to_be_focused()
    ann.saved()
    confirmed = campaign.confirms(query.items[0].predicted).name
    assert ann.asked.said() == [
        (names[0], confirmed), (names[1], "double-peak"), (names[1], None),
    ]  # fmt: skip


def test_a_link_to_a_spectrum_that_is_not_asked_about_says_so(ask: Ask, page: Page) -> None:
    ann = Person(page, ask(size=6)).open(identifier="elsewhere.fits")
    assert ann.shown() == ann.asked.identifiers[0]
    hint = ann.desk.get_by_text("elsewhere.fits is not among the spectra asked about here.")
    expect(hint).to_be_visible()


def test_a_refusal_leaves_what_was_typed_in_sight(ask: Ask, page: Page) -> None:
    Person(page, ask(size=6)).open()
    page.get_by_text("Ask about a spectrum of your own choice, or more like it").click()
    field = page.get_by_label("Identifier of a spectrum of the pool")
    field.fill("elsewhere.fits")
    field.press("Enter")
    page.get_by_role("button", name="Ask about this one").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("There is no spectrum 'elsewhere.fits'")
    wait_until_drawn(page)
    expect(field).to_be_visible()
    expect(field).to_have_value("elsewhere.fits")


def test_foreign_text_is_shown_as_text(ask: Ask, page: Page) -> None:
    asked = ask(size=2)
    pool = asked.server.home / "hostile.h5"
    with Store(asked.server.home) as store:
        shutil.copyfile(store.home / store.campaign("first").pool_path, pool)
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        rows = range(len(group["ra"]))
        for name, texts in (
            ("filenames", [f"{row} {EVIL}" for row in rows]),
            ("designation", [f"designation {EVIL}" for _ in rows]),
            ("pipeline_class", [f"pipeline {EVIL}" for _ in rows]),
        ):
            del group[name]  # the demo's texts are of a fixed length
            group.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    asked = ask(size=6, pool=pool)
    with Store(asked.server.home) as store:
        (query,) = store.queries(store.iteration(asked.campaign), Purpose.RELABEL)
        record_answer(store, query, asked.identifiers[0], "noise", oracle=EVIL, note=EVIL)
    ann = Person(page, asked, oracle=f"ann {EVIL}"[:60])
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    ann.open(identifier=quote(asked.identifiers[0]))
    assert ann.shown() == asked.identifiers[0]
    expect(ann.desk.locator(".title")).to_have_text(asked.identifiers[0])
    expect(ann.desk.locator(".facts")).to_contain_text(f"designation {EVIL}")
    expect(ann.desk.locator(".said")).to_contain_text(f"“{EVIL}”")
    page.keyboard.press("t")
    page.keyboard.type(EVIL)
    page.keyboard.press("Enter")
    ann.press("e")
    page.keyboard.press("ArrowLeft")
    expect(ann.desk.locator(".note")).to_have_value(EVIL)
    page.keyboard.press("g")
    expect(ann.desk.locator(".tile-name").first).to_contain_text("<img")
    page.keyboard.press("g")
    assert ann.stored() == ann.pressed
    assert [one.note for one in asked.log(ann.oracle)] == [EVIL]
    page.reload()
    ann.wait()
    expect(page.get_by_text("Answers are signed: ann <img")).to_be_visible()
    for made in ("img[src=x]", "strong:text-is('bold')", "a[href^='javascript']"):
        expect(page.locator(made)).to_have_count(0)
    assert page.evaluate("window.hacked") is None
    assert dialogs == []


def test_everything_can_be_reached_by_tab_and_shows_its_focus(ask: Ask, page: Page) -> None:
    ann = Person(page, ask()).open()
    acts = ann.desk.locator(":is(.answers, .tools) .act").evaluate_all(
        "(all) => all.map((one) => one.dataset.act)"
    )
    ann.desk.focus()
    reached = []
    # Links and the note lie between them, and a page that is drawn again asks for one more press.
    for _ in range(2 * len(acts)):
        if reached == acts:
            break
        page.keyboard.press("Tab")
        act, outline = ann.desk.evaluate(
            """(desk) => {
              const one = desk.getRootNode().activeElement;
              return [one?.dataset.act ?? "", one ? getComputedStyle(one).outlineStyle : "none"];
            }"""
        )
        if act:
            reached.append(act)
            assert outline == "solid", act
    assert reached == acts


def test_a_spectrum_is_shown_with_everything_known_of_it(
    ask: Ask, page: Page, picture: Callable[[str], None]
) -> None:
    asked = ask(size=80)
    with (asked.server.home / "survey" / "truth" / "truth.csv").open(newline="") as file:
        truth = {row["identifier"]: row for row in csv.DictReader(file)}
    doubles = [one for one in asked.identifiers if truth[one]["label"] == "double-peak"]
    best = max(doubles, key=lambda one: float(truth[one]["ew"]) * float(truth[one]["snr"]))
    ann = Person(page, asked).open(identifier=best)
    assert ann.shown() == best
    expect(ann.desk.locator(".plots canvas:visible")).to_have_count(3)
    side = ann.desk.locator(".side")
    for known in ("Predicted", "LAMOST J", "RA, Dec", "S/N in r", "Pipeline", "SIMBAD", "Aladin"):
        expect(side).to_contain_text(known)
    picture("relabel")


def test_all_of_it_is_on_a_small_laptop_at_once(ask: Ask, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    ann = Person(page, ask()).open()
    parts = ann.desk.locator(
        ".title, .count, .answers .act, .main, .network, .other, .prediction, .note, .tools .act"
    )
    assert parts.count() > 30
    for one in parts.all():
        box = one.bounding_box()
        assert box, one
        assert box["x"] >= 0 <= box["y"]
        assert box["x"] + box["width"] <= 1280
        assert box["y"] + box["height"] <= 720, one.inner_text()
    assert page.evaluate("document.scrollingElement.scrollTop") == 0


def test_a_finger_hits_the_buttons_of_a_tablet(ask: Ask, browser: Browser) -> None:
    size = {"width": 820, "height": 1180}
    context = browser.new_context(viewport=size, has_touch=True)  # type: ignore[arg-type]
    ann = Person(context.new_page(), ask()).open()
    for one in ann.desk.locator(":is(.answers, .tools) .act").all():
        box = one.bounding_box()
        assert box
        assert box["height"] >= 40
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
    assert ann.desk.evaluate("(desk) => desk.scrollWidth <= desk.clientWidth")
    assert ann.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ann.pressed.append((ann.shown(), "emission"))
    ann.button("answer:emission").tap()
    assert ann.stored() == ann.pressed
    context.close()


def _is_on(button: Locator) -> bool:
    return bool(IS_ON.search(button.get_attribute("class") or ""))


def _picture(ann: Person) -> str:
    picture: str = ann.desk.locator(".plots").evaluate(
        "(plots) => [...plots.querySelectorAll('canvas')].map((one) => one.toDataURL()).join()"
    )
    return picture
