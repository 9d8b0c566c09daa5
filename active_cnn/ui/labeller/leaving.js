// Whether the page is being left. What a component says then reaches the server after it has gone on
// to the other page: Streamlit looks there for the part of the page that spoke, finds none, and ends
// with an empty page. What is unsaved waits in the outbox instead.

const LONGEST = 5000; // ms until a page that is still there is taken for one that stays

export function watchLeaving(root, signal) {
  let leftAt = -Infinity;
  const leave = () => {
    leftAt = performance.now();
  };
  window.addEventListener("popstate", leave, { signal });
  document.addEventListener(
    "click",
    (event) => {
      const path = event.composedPath();
      const link = path.find((one) => one.localName === "a" && one.href);
      const opensElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || link?.target === "_blank";
      if (link && !opensElsewhere && !path.includes(root)) leave();
    },
    { signal, capture: true },
  );
  return () => performance.now() - leftAt < LONGEST;
}
