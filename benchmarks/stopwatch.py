"""From a person's press to the frame that shows its result, timed by the page itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Page

# The clock of event.timeStamp is that of performance.now(), so that neither Playwright nor the
# way from it to the browser is measured. The mutation comes before the frame that paints it;
# requestAnimationFrame is called at the start of that frame.
_ARM = """
([event, root, read, patience]) => {
  const shown = () => (0, eval)(read);
  const before = shown();
  let pressed = null;
  window.__stopwatch = new Promise((resolve, reject) => {
    const end = (settle, value) => {
      observer.disconnect();
      clearTimeout(timer);
      window.removeEventListener(event, press, true);
      settle(value);
    };
    const press = (e) => { pressed ??= e.timeStamp; };
    const look = () => {
      const now = shown();
      if (pressed === null || now === before || now == null) return;
      observer.disconnect();
      requestAnimationFrame(() => end(resolve, performance.now() - pressed));
    };
    const observer = new MutationObserver(look);
    const timer = setTimeout(
      () => end(reject, new Error(
        pressed === null ? `no ${event} came` : `${JSON.stringify(before)} did not change`)),
      patience);
    window.addEventListener(event, press, true);
    observer.observe((0, eval)(root),
      {subtree: true, childList: true, characterData: true, attributes: true});
  });
  window.__stopwatch.catch(() => {});
}
"""


class StopwatchError(Exception):
    """The page did not change after the press."""


@dataclass(frozen=True)
class Times:
    """Times of many presses [s]."""

    seconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """Half of the presses took at most so long [s]."""
        return float(np.percentile(self.seconds, 50))

    @property
    def p95(self) -> float:
        """Of 20 presses, 19 took at most so long [s]."""
        return float(np.percentile(self.seconds, 95))

    def __str__(self) -> str:
        return (
            f"p50 {1000 * self.p50:.0f} ms, p95 {1000 * self.p95:.0f} ms ({len(self.seconds)} runs)"
        )


def time_press(
    page: Page,
    press: Callable[[], Any],
    *,
    event: str,
    read: str,
    root: str = "document.body",
    patience: float = 30.0,
) -> float:
    """Time one press until the first frame in which the page shows something else.

    Parameters
    ----------
    page : Page
        The page.
    press : callable
        Presses, for example ``lambda: page.keyboard.press("1")``.
    event : str
        The DOM event whose ``timeStamp`` starts the watch, for example ``click`` or ``keydown``.
    read : str
        JavaScript expression for what must change, for example a counter's text; null and
        undefined (an element that is being replaced) are no change. A component that draws
        on a canvas has to change some text or attribute with it.
    root : str
        JavaScript expression for the node that is watched for changes. What happens within a
        shadow root is seen only from there: ``document.querySelector(...).shadowRoot``.
    patience : float
        How long a change may take [s].

    Returns
    -------
    float
        From the event to the frame of the change [s]; exact to a frame, 1/60 s.

    Raises
    ------
    StopwatchError
        If the event or the change did not come in time.
    """
    page.evaluate(_ARM, [event, root, read, 1000 * patience])
    press()
    milliseconds = page.evaluate("window.__stopwatch.catch((error) => error.message)")
    if isinstance(milliseconds, str):
        raise StopwatchError(
            f"After a press, {milliseconds} within {patience:g} s. `{read}` must change in "
            f"consequence of the event {event!r}: look at the page, or wait longer."
        )
    return milliseconds / 1000
