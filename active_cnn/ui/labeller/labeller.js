// The labelling page in the browser. The server is asked for spectra ahead of time, so that a key
// paints the next one at once; what was said travels behind (see ui/protocol.py).

import { Desk } from "./desk.js";

const desks = new WeakMap();
// While a page is built anew, Streamlit may keep the old desk for a moment beside the one that follows
// it: only the one that heard last is seen, takes keys and speaks.
const living = new Set();

function putInFront(desk) {
  for (const one of living) one.page.root.hidden = one !== desk;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let desk = desks.get(parentElement);
  if (!desk) {
    desk = new Desk(parentElement);
    desks.set(parentElement, desk);
    living.add(desk);
  }
  if (parentElement.isConnected) putInFront(desk);
  desk.hear(data, setStateValue, setTriggerValue);
  return () => {
    desk.close();
    desks.delete(parentElement);
    living.delete(desk);
    if (!desk.page.root.hidden) putInFront([...living].at(-1));
  };
}
