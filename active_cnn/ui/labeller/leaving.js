// What a component says while its page is being left reaches the server after it has gone on to the
// other page: Streamlit looks there for the part of the page that spoke, finds none, and ends with an
// empty page. What is unsaved waits in the outbox instead.

const LONGEST = 5000; // ms until a page that is still there is taken for one that stays

export class Door {
  constructor(root, signal) {
    this.root = root;
    this.leftAt = -Infinity;
    this.onTheWay = 0;
    window.addEventListener("popstate", () => this.#leave(), { signal });
    document.addEventListener("click", (event) => this.#click(event), { signal, capture: true });
  }

  get isLeaving() {
    return performance.now() - this.leftAt < LONGEST;
  }

  // Say something to the server, unless the page is being left or has been: Streamlit may mount a
  // component whose page is gone already, or keep one that another has followed (labeller.js).
  say(speak) {
    if (this.isLeaving || !this.root.isConnected || this.root.hidden) return;
    speak();
    // Streamlit sends it a moment later, by a timer like this one.
    this.onTheWay += 1;
    setTimeout(() => {
      this.onTheWay -= 1;
    }, 0);
  }

  #leave() {
    this.leftAt = performance.now();
  }

  #click(event) {
    const path = event.composedPath();
    const link = path.find((one) => one.localName === "a" && one.href);
    const opensElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || link?.target === "_blank";
    if (!link || opensElsewhere || path.includes(this.root)) return;
    if (this.onTheWay) {
      // What has been said goes first.
      event.preventDefault();
      event.stopImmediatePropagation();
      setTimeout(() => link.click(), 0);
    } else this.#leave();
  }
}
