/* A panel in the browser: shows the kernel's HTML, tells the kernel what is done. */

import { morph } from "./morph.js";
import { graphPart } from "./replay.js";

let views = 0;
const FIELDS = "input[name], select[name], textarea[name]";
const DEBOUNCE_MS = 250;

/** Everything typed into a form (or the panel): name to value. */
function valuesOf(place) {
  const values = {};
  for (const field of place.querySelectorAll(FIELDS)) {
    if (field.type === "radio") {
      if (field.checked) values[field.name] = field.value;
    } else if (field.type === "checkbox") {
      values[field.name] = field.checked;
    } else {
      values[field.name] = field.value;
    }
  }
  return values;
}

class PanelView {
  constructor(model, el) {
    this.model = model;
    this.prefix = `pf${++views}-`;
    this.tabs = new Map();
    this.parts = new Map();
    this.root = document.createElement("div");
    this.root.className = "pf-panel";
    el.append(this.root);
    this.frame = 0;
    this.timers = new Map();
    this.stops = [];
    this.listen();
    this.draw();
  }

  on(target, event, handler) {
    target.on(event, handler);
    this.stops.push(() => target.off(event, handler));
  }

  listen() {
    this.on(this.model, "change:html", () => this.schedule());
    this.on(this.model, "msg:custom", (message) => this.receive(message));
    const root = this.root;
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("submit", (event) => this.submitted(event));
    root.addEventListener("change", (event) => this.changed(event));
    root.addEventListener("input", (event) => this.typed(event));
    root.addEventListener("keydown", (event) => this.pressed(event));
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const template = document.createElement("template");
    template.innerHTML = this.model.get("html").replaceAll("pf0-", this.prefix);
    const follows = [...this.root.querySelectorAll("[data-follow]")].filter(
      (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 24,
    );
    const known = new Set(this.root.querySelectorAll("[data-follow]"));
    morph(this.root, template.content);
    for (const box of this.root.querySelectorAll("[data-follow]")) {
      if (!known.has(box) || follows.includes(box)) box.scrollTop = box.scrollHeight;
    }
    this.showTabs();
    this.wake();
  }

  /* Tabs: which one is open is the reader's business, so it is kept here. */
  showTabs() {
    for (const list of this.root.querySelectorAll('[role="tablist"]')) {
      const tabs = [...list.querySelectorAll('[role="tab"]')];
      const wanted = list.getAttribute("data-open") ?? "";
      const kept = this.tabs.get(list.id);
      const moved = kept && kept.server !== wanted;
      const open = kept && !moved ? kept.open : wanted || tabs[0]?.id;
      const there = tabs.some((tab) => tab.id === open) ? open : tabs[0]?.id;
      this.tabs.set(list.id, { open: there, server: wanted });
      for (const tab of tabs) {
        const chosen = tab.id === there;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
        const page = this.root.querySelector(`#${tab.getAttribute("aria-controls")}`);
        if (page) page.hidden = !chosen;
      }
    }
  }

  openTab(tab, focus) {
    const list = tab.closest('[role="tablist"]');
    this.tabs.get(list.id).open = tab.id;
    this.showTabs();
    if (focus) tab.focus();
  }

  /* Parts of a panel that draw themselves. */
  wake() {
    const seen = new Set();
    for (const place of this.root.querySelectorAll("[data-part]")) {
      const id = place.getAttribute("data-part-id");
      seen.add(id);
      let part = this.parts.get(id);
      if (part && part.place !== place) {
        part.stop();
        part = null;
      }
      const make = PARTS[place.getAttribute("data-part")];
      if (!part && make) this.parts.set(id, make(place, id, this));
      else part?.update?.();
    }
    for (const [id, part] of this.parts) {
      if (seen.has(id)) continue;
      part.stop();
      this.parts.delete(id);
    }
  }

  receive(message) {
    if (message.part) this.parts.get(message.part)?.receive?.(message);
    else if (message.focus) {
      requestAnimationFrame(() =>
        this.root.querySelector(`[data-key="${CSS.escape(message.focus)}"]`)?.focus(),
      );
    }
  }

  send(what, args, values) {
    this.model.send({ do: what, args: args ?? {}, values: values ?? {} });
  }

  tell(element, attribute) {
    const what = element.getAttribute(attribute);
    const args = JSON.parse(element.getAttribute("data-args") || "{}");
    const form = element.closest("form");
    this.send(what, args, form ? valuesOf(form) : valuesOf(element.parentElement));
  }

  clicked(event) {
    const tab = event.target.closest('[role="tab"]');
    if (tab) return this.openTab(tab, false);
    const copy = event.target.closest("[data-copy]");
    if (copy) return this.copy(copy);
    const button = event.target.closest("[data-do]");
    if (!button || button.nodeName === "FORM") return;
    if (button.getAttribute("aria-disabled") === "true") return event.preventDefault();
    event.preventDefault();
    const question = button.getAttribute("data-confirm");
    if (question) return this.confirm(button, question);
    this.begin(button);
  }

  begin(button) {
    if (button.nodeName === "BUTTON") button.setAttribute("data-local-sent", "");
    this.tell(button, "data-do");
    setTimeout(() => button.removeAttribute("data-local-sent"), 400);
  }

  /** Ask before doing it, where the button is. */
  confirm(button, question) {
    this.root.querySelector(".pf-confirm")?.close();
    const box = document.createElement("dialog");
    box.className = "pf-confirm";
    box.setAttribute("aria-label", question);
    const text = document.createElement("p");
    text.textContent = question;
    const yes = document.createElement("button");
    yes.type = "button";
    yes.className = "pf-button pf-danger";
    yes.textContent = button.textContent.trim() || button.getAttribute("aria-label");
    const no = document.createElement("button");
    no.type = "button";
    no.className = "pf-button";
    no.textContent = "Keep";
    box.append(text, no, yes);
    this.root.parentElement.append(box);
    box.addEventListener("close", () => {
      box.remove();
      button.focus();
    });
    no.onclick = () => box.close();
    yes.onclick = () => {
      box.close();
      this.begin(button);
    };
    const root = this.root.cloneNode(false);
    root.removeAttribute("id");
    box.classList.add("pf-panel");
    box.showModal();
    no.focus();
  }

  async copy(button) {
    const text = button.getAttribute("data-copy");
    await navigator.clipboard?.writeText(text);
    button.setAttribute("data-local-copied", "");
    setTimeout(() => button.removeAttribute("data-local-copied"), 1200);
  }

  submitted(event) {
    event.preventDefault();
    const form = event.target;
    const button = event.submitter?.hasAttribute("data-do") ? event.submitter : form;
    if (!button.hasAttribute("data-do")) return;
    const what = button.getAttribute("data-do");
    const args = JSON.parse(button.getAttribute("data-args") || "{}");
    this.send(what, args, valuesOf(form));
    if (form.hasAttribute("data-clear")) form.reset();
  }

  changed(event) {
    const field = event.target.closest("[data-change]");
    if (field) this.tell(field, "data-change");
  }

  typed(event) {
    const field = event.target.closest("[data-typed]");
    if (!field) return;
    clearTimeout(this.timers.get(field));
    const send = () => this.tell(field, "data-typed");
    this.timers.set(field, setTimeout(send, DEBOUNCE_MS));
  }

  pressed(event) {
    // Jupyter's own shortcuts must not take what is typed here.
    if (event.target.matches("input, textarea, select")) event.stopPropagation();
    const tab = event.target.closest('[role="tab"]');
    if (tab) return this.moveTab(event, tab);
    const area = event.target.closest("textarea[data-enter]");
    if (area && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      area.form?.requestSubmit();
    }
  }

  moveTab(event, tab) {
    const tabs = [...tab.parentElement.querySelectorAll('[role="tab"]')];
    const at = tabs.indexOf(tab);
    const to = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.openTab(tabs[to], true);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    for (const stop of this.stops) stop();
    for (const part of this.parts.values()) part.stop();
    for (const timer of this.timers.values()) clearTimeout(timer);
  }
}

/** Parts that draw themselves: a function (place, id, view) → {place, stop, …}. */
const PARTS = { graph: graphPart };

export default {
  render({ model, el }) {
    const view = new PanelView(model, el);
    view.send("seen");
    return () => view.stop();
  },
};
