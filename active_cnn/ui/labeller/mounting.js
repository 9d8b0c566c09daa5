// What stands in a place of the page, once, for as long as that place is there.

const mounted = new WeakMap();

export function mount(parent, make) {
  if (!mounted.has(parent)) mounted.set(parent, make(parent));
  return mounted.get(parent);
}

// Streamlit says "unmount" also for a call that a later one overtook: then the place is still there.
export function unmount(parent) {
  if (parent.isConnected || !mounted.has(parent)) return false;
  mounted.get(parent).close();
  return mounted.delete(parent);
}
