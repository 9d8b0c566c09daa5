// The labelling page in the browser. The server is asked for spectra ahead of time, so that a key
// paints the next one at once; what was said travels behind (see ui/protocol.py).

import { Desk } from "./desk.js";
import { mount, unmount } from "./mounting.js";

// While a page is built anew, Streamlit may keep the old desk for a moment beside the one that follows
// it: only the one on the page that heard last is seen, takes keys and speaks.
const living = new Set(); // in the order in which they heard

function putOneInFront() {
  const front = [...living].findLast((one) => one.page.root.isConnected);
  for (const one of living) one.page.root.hidden = one !== front;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const desk = mount(parentElement, (parent) => new Desk(parent, putOneInFront));
  living.delete(desk);
  living.add(desk);
  putOneInFront();
  desk.hear(data, setStateValue, setTriggerValue);
  return () => {
    if (!unmount(parentElement)) return;
    living.delete(desk);
    putOneInFront();
  };
}
