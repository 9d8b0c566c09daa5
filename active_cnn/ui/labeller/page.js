// The elements of the labelling page: made once, filled for each spectrum. Text is only ever text.

const NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Enter: "⏎", " ": "Space",
  Backspace: "⌫", Delete: "Del", Insert: "Ins", PageUp: "PgUp", PageDown: "PgDn",
};
const TOOLS = [
  ["back", "Back"], ["next", "Next"], ["undo", "Undo"], ["skip", "Skip"], ["note", "Note"],
  ["zoom-in", "Zoom in"], ["zoom-out", "Zoom out"], ["zoom-reset", "Reset"], ["view", "Full / window"],
  ["smooth", "Smooth"], ["lines", "Lines"], ["velocity", "Velocity"], ["visits", "Visits"],
  ["overlay", "Compare"], ["blind", "Blind"], ["grid", "Grid"], ["help", "Help"],
];

export const keyName = (key) => NAMES[key] ?? key.toUpperCase();

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function button(act, label, key) {
  const made = element("button", `act act-${act.split(":")[0]}`);
  made.type = "button";
  made.dataset.act = act;
  made.append(element("span", "name", label));
  if (key) made.append(element("kbd", "", keyName(key)));
  made.setAttribute("aria-keyshortcuts", key || "");
  return made;
}

export function build(parent) {
  const root = element("div", "labeller");
  root.tabIndex = -1;
  const part = (tag, name, into = root) => {
    const made = element(tag, name);
    into.append(made);
    return made;
  };
  const page = { root };
  const head = part("div", "head");
  page.title = part("div", "title", head);
  page.saved = part("div", "saved", head);
  page.saved.setAttribute("role", "status");
  page.progress = part("div", "progress", head);
  page.bar = part("div", "bar", page.progress);
  page.count = part("div", "count", head);
  page.banner = part("div", "banner");
  page.banner.setAttribute("role", "alert");
  page.answers = part("div", "answers");
  page.grid = part("div", "grid");
  const body = part("div", "body");
  const plots = part("div", "plots", body);
  page.main = part("canvas", "main", plots);
  const lower = part("div", "lower", plots);
  page.network = part("canvas", "network", lower);
  page.other = part("canvas", "other", lower);
  page.missing = part("div", "missing", plots);
  page.side = part("div", "side", body);
  page.prediction = part("div", "prediction", page.side);
  page.facts = part("dl", "facts", page.side);
  page.links = part("div", "links", page.side);
  page.said = part("div", "said", page.side);
  page.empty = part("div", "empty");
  page.note = part("input", "note");
  page.note.placeholder = "Note, stored with the answer";
  page.note.maxLength = 500;
  page.note.setAttribute("aria-label", "Note");
  page.tools = part("div", "tools");
  page.hint = part("div", "hint");
  page.hint.setAttribute("role", "status");
  page.help = part("div", "help");
  page.help.hidden = true;
  for (const [canvas, what] of [
    [page.main, "The spectrum around the window"],
    [page.network, "The window as the network sees it"],
    [page.other, "The whole spectrum"],
  ]) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", what);
  }
  parent.append(root);
  return Object.assign(page, methods);
}

const methods = {
  arrange(desk) {
    const key = Object.fromEntries(desk.actions.map((one) => [one.name, one.key]));
    const confirm = button("confirm", "Confirm", key.confirm);
    this.answers.replaceChildren(
      confirm,
      ...desk.classes.map((one) => {
        const made = button(`answer:${one.name}`, one.name, one.key);
        made.style.setProperty("--class", one.colour);
        return made;
      }),
    );
    this.tools.replaceChildren(...TOOLS.map(([name, label]) => button(name, label, key[name])));
    const list = element("dl");
    const rows = [
      ...desk.classes.map((one) => [one.key, `Answer: ${one.name}`]),
      ...desk.actions.map((one) => [one.key, one.label]),
    ];
    for (const [shortcut, label] of rows) {
      list.append(element("dt", "", shortcut ? keyName(shortcut) : "–"), element("dd", "", label));
    }
    const close = button("help", "Close", key.help);
    this.help.replaceChildren(
      element("strong", "", "Keys"),
      list,
      element(
        "p",
        "",
        "Keys count on this page wherever the focus is, but in fields. In the grid the arrows move, and a "
          + "key answers all that are selected. Keys and classes can be changed in Overview, Settings.",
      ),
      close,
    );
  },

  toggleHelp(isOpen = this.help.hidden) {
    this.help.hidden = !isOpen;
  },

  say(text) {
    this.hint.textContent = text;
    clearTimeout(this.hinting);
    this.hinting = setTimeout(() => { this.hint.textContent = ""; }, 4000);
  },

  // In the grid only what means something there.
  frame(isGrid, nSelected) {
    this.root.classList.toggle("is-grid", isGrid);
    for (const one of this.tools.children) {
      one.hidden = isGrid && !["undo", "lines", "blind", "grid", "help"].includes(one.dataset.act);
    }
    if (!isGrid) return;
    for (const one of this.answers.children) one.classList.remove("is-given");
    const confirm = this.answers.firstChild;
    confirm.disabled = false;
    confirm.querySelector(".name").textContent = nSelected > 1 ? `Confirm ${nSelected}` : "Confirm";
  },

  status(session, isWaiting) {
    const n = session.pending.size;
    this.saved.textContent = n ? `${n} unsaved` : session.desk ? "saved" : "";
    this.saved.classList.toggle("is-unsaved", n > 0);
    this.root.dataset.unsaved = String(n);
    const { nDoneHere: done, nAsked } = session;
    this.count.textContent = nAsked ? `${done.toLocaleString("en")} of ${nAsked.toLocaleString("en")} answered` : "";
    this.bar.style.width = nAsked ? `${(100 * done) / nAsked}%` : "0";
    const lines = [];
    if (session.trouble) lines.push(`${session.trouble} ${n} ${n === 1 ? "unsaved answer is" : "unsaved answers are"} kept in this browser; it tries again.`);
    else if (isWaiting) lines.push(`${n} unsaved: the server does not answer. ${n === 1 ? "It is" : "They are"} kept in this browser and sent again.`);
    for (const reason of new Set(session.refused.values())) lines.push(`Not stored: ${reason}`);
    if (session.held.size) {
      const names = [...new Set(session.held.values())].join(", ");
      const [what, they] = session.held.size === 1 ? ["unsaved answer", "waits in this browser. It is"] : ["unsaved answers", "wait in this browser. They are"];
      lines.push(`${session.held.size} ${what} of ${names} ${they} stored when ${names} works here again.`);
    }
    const text = lines.join("\n");
    if (this.banner.dataset.text !== text) {
      this.banner.dataset.text = text;
      this.banner.textContent = text;
      if (session.refused.size) this.banner.append(button("dismiss", "OK", ""));
    }
    this.banner.hidden = !text;
  },

  describe(session, isHidden, isBlind) {
    const { shown, desk } = session;
    this.root.classList.toggle("is-empty", !shown);
    if (!shown) {
      const isLoading = session.wanted || !desk || session.work.length;
      this.empty.textContent = isLoading ? "Reading the spectrum …"
        : session.nDone < session.nAsked
          ? "Nothing is left for you: the rest is being judged by others."
          : "Nothing is left to answer. Go back to look at an answer, or undo one.";
      this.title.textContent = "";
      return;
    }
    const answer = session.answerOf(session.current);
    this.title.textContent = shown.identifier;
    this.title.title = shown.identifier;
    for (const one of this.answers.children) {
      one.classList.toggle("is-given", one.dataset.act === `answer:${answer}`);
    }
    const hidden = isHidden || !shown.predicted;
    const confirm = this.answers.firstChild;
    confirm.disabled = hidden;
    confirm.querySelector(".name").textContent = hidden
      ? "Confirm" : `Confirm ${desk.confirms[shown.predicted]}`;
    this.tools.querySelector(".act-blind")?.classList.toggle("is-on", isBlind || desk.isBlind);
    predict(this, session, hidden);
    tell(this, shown);
    repeat(this, session, hidden);
  },
};

function predict(page, { shown, desk }, isHidden) {
  const rows = [];
  if (isHidden) rows.push(element("p", "quiet", "The prediction is hidden until you answer."));
  else {
    rows.push(element("strong", "", `Predicted: ${shown.predicted}`));
    desk.networkClasses.forEach((name, place) => {
      const row = element("div", "probability");
      const bar = element("i");
      const value = shown.probabilities[place];
      bar.style.width = `${100 * value}%`;
      bar.style.background = desk.colours[name];
      const track = element("span", "track");
      track.append(bar);
      row.append(element("span", "name", name), track, element("span", "value", `${(100 * value).toFixed(1)} %`));
      rows.push(row);
    });
    const score = shown.score === null ? "" : `, score ${shown.score.toPrecision(3)}`;
    rows.push(element("p", "quiet", `Asked by ${shown.why}${score}.`));
  }
  page.prediction.replaceChildren(...rows);
}

function tellVisits(visits) {
  if (!visits.length) return "";
  const n = visits.filter((one) => !one.windows).length;
  const left = n ? `; ${n} not drawn: no continuum to scale by` : "";
  return `${visits.length} more, scaled to this continuum${left}`;
}

function tell(page, shown) {
  const { designation, ra, dec, snr, pipeline, file } = shown.facts;
  const facts = [
    ["Object", designation],
    ["RA, Dec", ra === null || dec === null ? "" : `${ra.toFixed(5)}°, ${dec < 0 ? "−" : "+"}${Math.abs(dec).toFixed(5)}°`],
    ["S/N in r", snr === null ? "" : snr.toFixed(1)],
    ["Pipeline", pipeline],
    ["Visits", tellVisits(shown.visits)],
    ["File", file === shown.identifier ? "" : file],
  ];
  page.facts.replaceChildren(
    ...facts.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]),
  );
  page.links.replaceChildren(
    ...shown.links.map(([name, address]) => {
      const link = element("a", "", name);
      link.href = address;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      return link;
    }),
  );
}

function repeat(page, session, isHidden) {
  const { shown, current, desk } = session;
  const others = isHidden ? [] : shown.said.filter((one) => one.oracle !== desk.oracle || one.isAdjudication);
  const own = session.log.filter((one) => one.identifier === current);
  const known = new Set(own.map((one) => one.event));
  const earlier = shown.said.filter((one) => one.oracle === desk.oracle && !known.has(one.event) && !others.includes(one));
  const all = [...earlier, ...others, ...own];
  page.said.replaceChildren(
    ...(all.length ? [element("strong", "", "Answers")] : []),
    ...all.slice(-8).map((one) => {
      const said = one.answer ?? "taken back";
      const row = element("p", "", `${said} `);
      const when = one.at ? ` · ${one.at.slice(0, 10)}` : " · now";
      const role = one.isAdjudication ? ", adjudicated" : "";
      row.append(element("span", "quiet", `${one.oracle}${role}${session.pending.has(one.event) ? " · unsaved" : when}`));
      if (one.note) row.append(element("span", "quiet", ` “${one.note}”`));
      return row;
    }),
  );
}
