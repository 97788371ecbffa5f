/* Makes a tree of elements equal to another one and keeps what is alive in it: focus,
   selection, what was typed, what is folded, where it was scrolled to. */

const keyOf = (node) =>
  node.nodeType === 1 ? node.getAttribute("data-key") || node.id || "" : "";

const alike = (one, other) =>
  one.nodeType === other.nodeType &&
  one.nodeName === other.nodeName &&
  keyOf(one) === keyOf(other);

/** Make the children of `old` those of `wanted`; nodes of `wanted` may be taken. */
export function morph(old, wanted) {
  const keyed = new Map();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let here = old.firstChild;
  for (let next = wanted.firstChild; next; ) {
    const after = next.nextSibling;
    const known = keyOf(next) && keyed.get(keyOf(next));
    if (known && known !== here && known.nodeName === next.nodeName) {
      old.insertBefore(known, here);
      become(known, next);
    } else if (here && alike(here, next)) {
      const current = here;
      here = here.nextSibling;
      become(current, next);
    } else {
      old.insertBefore(next, here);
    }
    next = after;
  }
  while (here) {
    const gone = here;
    here = here.nextSibling;
    gone.remove();
  }
}

function become(old, wanted) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== wanted.nodeValue) old.nodeValue = wanted.nodeValue;
    return;
  }
  const typed = takeOver(old, wanted);
  for (const { name, value } of [...wanted.attributes]) {
    if (name === "open" && old.nodeName === "DETAILS") continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (wanted.hasAttribute(name) || name.startsWith("data-local-")) continue;
    if (name === "open" && old.nodeName === "DETAILS") continue;
    old.removeAttribute(name);
  }
  if (!old.hasAttribute("data-opaque")) morph(old, wanted);
  typed();
}

/** Return what puts a field's value right: new ones from the kernel win, others stay. */
function takeOver(old, wanted) {
  if (old.nodeName === "INPUT") {
    const toggle = old.type === "checkbox" || old.type === "radio";
    const attribute = toggle ? "checked" : "value";
    if (old.getAttribute(attribute) === wanted.getAttribute(attribute)) return () => {};
    return () => {
      if (toggle) old.checked = wanted.hasAttribute("checked");
      else old.value = wanted.getAttribute("value") ?? "";
    };
  }
  if (old.nodeName === "TEXTAREA") {
    if (old.defaultValue === wanted.defaultValue) return () => {};
    return () => (old.value = wanted.defaultValue);
  }
  if (old.nodeName === "SELECT") {
    const chosen = (select) =>
      [...select.options].filter((o) => o.hasAttribute("selected")).map((o) => o.value)[0];
    const before = chosen(old);
    const now = chosen(wanted);
    const typed = old.value;
    return () => {
      old.value = before === now ? typed : (now ?? "");
      if (old.selectedIndex < 0 && old.options.length) old.selectedIndex = 0;
    };
  }
  return () => {};
}
