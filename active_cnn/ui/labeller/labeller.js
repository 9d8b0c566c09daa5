// The labelling page in the browser. The server is asked for spectra ahead of time, so that a key
// paints the next one at once; what was said travels behind (see ui/protocol.py).

import { Desk } from "./desk.js";

const desks = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let desk = desks.get(parentElement);
  if (!desk) {
    desk = new Desk(parentElement);
    desks.set(parentElement, desk);
  }
  desk.hear(data, setStateValue, setTriggerValue);
  return () => {
    desk.close();
    desks.delete(parentElement);
  };
}
