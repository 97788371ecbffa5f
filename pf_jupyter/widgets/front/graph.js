/* The living graph: takes the static picture of a flow and lets it live.

   new Graph(place, send)  where place holds the picture's <svg> (flow/drawing.py names
   its nodes by data-n and the ends of its lines by data-s and data-t).
   graph.apply(patch)      {seq, nodes: {name: state}}; many patches, one frame.
   graph.replace(state)    all of it: {seq, nodes, timeline?, length?}
   send(what, args)        "node" {node} when one is opened, "fold" {node} */

const MARKS = { Completed: "✓", Failed: "✗", Running: "●", Bypassed: "–", Canceled: "■" };
const TONES = { Completed: "ok", Failed: "no", Running: "go", Bypassed: "by", Canceled: "st" };
const NS = "http://www.w3.org/2000/svg";
const SMALLEST = 0.15;
const LARGEST = 4;
const READABLE = 0.6;
const LARGE = 40;
/** Nodes that are drawn anew in one frame; the others wait for the next. */
export const NODES_PER_FRAME = 40;
/** Nodes that pulse at once: each that does has the browser paint all the time. */
const MOST_PULSES = 8;

export function duration(ms) {
  if (typeof ms !== "number") return "";
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const made = (tag, attributes, parent) => {
  const element = document.createElementNS(NS, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  parent?.append(element);
  return element;
};

/** One node of the picture: what is written in it is only touched when it changes. */
class NodeView {
  constructor(group) {
    this.group = group;
    this.name = group.getAttribute("data-n");
    this.port = this.name.startsWith(":");
    const box = group.querySelector("rect.x");
    this.box = {};
    for (const key of ["x", "y", "width", "height"]) {
      this.box[key] = Number(box.getAttribute(key));
    }
    this.title = group.querySelector("title");
    this.full = this.title.textContent.split("\n");
    this.label = group.querySelector("text.n").textContent;
    this.detail = group.querySelector("text.d");
    this.kind = this.detail?.textContent ?? "";
    this.mark = group.querySelector("text.s");
    this.tint = group.querySelector("rect.t");
    this.state = {};
    this.shown = {};
    this.writes = 0;
  }

  set(key, value, write) {
    if (this.shown[key] === value) return;
    this.shown[key] = value;
    this.writes += 1;
    write(value);
  }

  draw() {
    const state = this.state;
    const status = state.status ?? "";
    const counts = state.counts;
    const tone = counts ? batchTone(counts) : (TONES[status] ?? "un");
    this.set("class", tone, () => {
      this.group.setAttribute("class", `${tone} pf-node`);
    });
    const tinted = !["un", "by"].includes(tone);
    this.set("tint", tinted, () => {
      if (tinted && !this.tint) {
        this.tint = made("rect", { class: "t", ...this.box, rx: 7 });
        this.group.querySelector("rect.x").after(this.tint);
      } else if (this.tint) this.tint.style.display = tinted ? "" : "none";
    });
    const mark = counts ? countsText(counts) : this.markText(state, status);
    this.set("mark", mark, () => {
      this.mark ??= made(
        "text",
        { class: "s", x: this.box.x + this.box.width - 10, y: this.box.y + 35 },
        this.group,
      );
      this.mark.textContent = mark;
    });
    this.set("detail", this.detailText(state, status, mark), (text) => {
      this.detail.textContent = text;
    });
    if (counts) this.bars(state.bins);
    const told = this.told(state, status);
    this.set("told", told, () => {
      this.group.setAttribute("aria-label", `${this.label}, ${this.kind}, ${told}`);
      this.title.textContent = [...this.full, told].join("\n");
    });
  }

  markText(state, status) {
    if (status === "Running" && state.since) return `● ${duration(Date.now() - state.since)}`;
    const sign = state.cached ? "⟲" : (MARKS[status] ?? "");
    return [sign, duration(state.duration_ms)].filter(Boolean).join(" ");
  }

  /* What a node says below its name: what streams out of it, else why it failed, what
     it cost, what kind it is. */
  detailText(state, status, mark) {
    const room = Math.floor((this.box.width - 34 - mark.length * 6.4) / 6);
    if (state.text) {
      const tail = state.text.replace(/\s+/g, " ").slice(-Math.max(room - 1, 4));
      return `…${tail}`;
    }
    let text = this.kind;
    if (status === "Failed" || status === "Canceled") text = state.note || text;
    else if (state.cached) text = "from the cache";
    else if (state.tokens) text = `${this.kind.split(" ")[0]} · ${state.tokens} tok`;
    if (state.folded) text = `+${state.folded} folded`;
    return text.length > room ? `${text.slice(0, Math.max(room - 1, 3))}…` : text;
  }

  told(state, status) {
    const words = state.counts
      ? Object.entries(state.counts).map(([key, n]) => `${n} ${key.toLowerCase()}`)
      : [status === "NotStarted" ? "not started" : status.toLowerCase()];
    if (state.counts && state.mean_ms != null) words.push(`${duration(state.mean_ms)} on average`);
    else if (status !== "Running") words.push(duration(state.duration_ms));
    if (state.cached) words.push("from the cache");
    if (state.tokens) words.push(`${state.tokens} tokens`);
    if (state.note) words.push(state.note);
    return words.filter(Boolean).join(", ") || "not started";
  }

  /** The histogram of a batch: how long its lines took here, faster ones at the left. */
  bars(bins) {
    const most = Math.max(1, ...(bins ?? []));
    const width = 4;
    const left = this.box.x + this.box.width - 10 - (bins?.length ?? 0) * (width + 1);
    const bottom = this.box.y + 21;
    const path = (bins ?? [])
      .map((n, at) => {
        if (!n) return "";
        const height = Math.max(1.5, (n / most) * 14).toFixed(1);
        return `M${left + at * (width + 1)} ${bottom}v-${height}h${width}v${height}z`;
      })
      .join("");
    this.set("bars", path, () => {
      if (!this.chart) {
        this.chart = made("path", { class: "pf-bars" });
        this.group.querySelector("text.n").before(this.chart);
      }
      this.chart.setAttribute("d", path);
    });
  }
}

function batchTone(counts) {
  if (counts.Running) return "go";
  if (counts.Failed) return "no";
  if (counts.Completed) return "ok";
  return counts.Bypassed ? "by" : "un";
}

function countsText(counts) {
  const short = (n) => (n < 10000 ? String(n) : `${(n / 1000).toFixed(0)}k`);
  const words = [`✓ ${short(counts.Completed ?? 0)}`];
  if (counts.Failed) words.push(`✗ ${short(counts.Failed)}`);
  if (counts.Bypassed) words.push(`– ${short(counts.Bypassed)}`);
  return words.join(" ");
}

export class Graph {
  constructor(place, send) {
    this.place = place;
    this.send = send;
    this.seq = -1;
    this.dirty = new Set();
    this.frame = 0;
    this.applied = 0;
    this.frames = 0;
    this.most = 0;
    this.wait = null;
    this.states = {};
    this.adopt();
  }

  /** Take the picture that stands in the place. */
  adopt() {
    this.svg = this.place.querySelector("svg.pfg");
    if (!this.svg) return;
    this.picture = this.place.getAttribute("data-picture");
    const size = this.svg.viewBox.baseVal;
    this.size = { width: size.width, height: size.height };
    this.nodes = new Map();
    for (const group of this.svg.querySelectorAll("g[data-n]")) {
      const node = new NodeView(group);
      this.nodes.set(node.name, node);
      group.setAttribute("tabindex", "-1");
      group.setAttribute("role", "button");
      if (node.port) group.setAttribute("aria-label", this.titleOf(node));
      else node.draw();
    }
    // What is too small to be read says nothing; of a large flow one sees its shape first.
    this.least = this.nodes.size > LARGE ? 0 : READABLE;
    this.lines = [...this.svg.querySelectorAll("path[data-s]")];
    this.svg.setAttribute("role", "group");
    this.svg.removeAttribute("style");
    this.scene = made("g", { class: "pf-scene" });
    const keep = new Set(["TITLE", "STYLE"]);
    for (const child of [...this.svg.childNodes]) {
      if (!keep.has(child.nodeName.toUpperCase())) this.scene.append(child);
    }
    this.svg.append(this.scene);
    const name = this.svg.querySelector(":scope > title");
    this.svg.setAttribute("aria-label", name?.textContent.split(";")[0] ?? "flow");
    name?.remove();
    this.frameUp();
    const first = this.svg.querySelector("g[data-n]:not(.p)") ?? this.scene.firstChild;
    first?.setAttribute("tabindex", "0");
    this.svg.addEventListener("click", (event) => this.clicked(event));
    this.svg.addEventListener("keydown", (event) => this.pressed(event));
    this.svg.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.grabbed(event));
  }

  titleOf(node) {
    return node.title?.textContent ?? node.label;
  }

  /** A frame of the right height around it, with its buttons. */
  frameUp() {
    const shell = document.createElement("div");
    shell.className = "pf-stage";
    this.svg.replaceWith(shell);
    const tools = document.createElement("div");
    tools.className = "pf-tools";
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", "view of the graph");
    const tool = (sign, label, act) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pf-button pf-quiet pf-bare";
      button.textContent = sign;
      button.setAttribute("aria-label", label);
      button.title = label;
      button.onclick = act;
      tools.append(button);
    };
    tool("−", "zoom out (−)", () => this.zoom(1 / 1.25));
    tool("+", "zoom in (+)", () => this.zoom(1.25));
    tool("⤢", "fit (0)", () => this.fit());
    this.bar = document.createElement("div");
    this.bar.className = "pf-graphbar";
    this.bar.append(tools);
    shell.append(this.svg);
    shell.after(this.bar);
    this.shell = shell;
    this.view = null;
    this.watch?.disconnect();
    this.watch = new ResizeObserver(() => this.resized());
    this.watch.observe(shell);
  }

  resized() {
    const width = this.shell.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    const whole = Math.max(Math.min(1, width / this.size.width), this.least);
    const height = Math.min(Math.max(this.size.height * whole, 90), 560);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.height = height;
    if (!this.view || this.fitted) this.fit(this.least);
  }

  /** Show all of it, at `least` that large: then its left is seen. */
  fit(least = 0) {
    const whole = Math.min(1, this.width / this.size.width, this.height / this.size.height);
    const scale = Math.max(whole, least);
    this.fitted = true;
    this.view = {
      scale,
      x: Math.max((this.width - this.size.width * scale) / 2, 0),
      y: (this.height - this.size.height * scale) / 2,
    };
    this.move();
  }

  zoom(factor, at) {
    const view = this.view;
    const scale = Math.min(Math.max(view.scale * factor, SMALLEST), LARGEST);
    const x = at?.x ?? this.width / 2;
    const y = at?.y ?? this.height / 2;
    const real = scale / view.scale;
    this.view = { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
    this.fitted = false;
    this.move();
  }

  move() {
    const { scale, x, y } = this.view;
    this.scene.setAttribute(
      "transform",
      `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale.toFixed(4)})`,
    );
  }

  /* The wheel belongs to the page: it zooms only with Ctrl, as maps in pages do. */
  wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    this.zoom(Math.exp(-event.deltaY * 0.004), at);
  }

  grabbed(event) {
    if (event.button) return;
    const from = { x: event.clientX, y: event.clientY, view: { ...this.view } };
    this.dragged = false;
    const move = (now) => {
      const x = now.clientX - from.x;
      const y = now.clientY - from.y;
      if (!this.dragged && Math.hypot(x, y) < 4) return;
      this.dragged = true;
      this.fitted = false;
      this.view = { ...from.view, x: from.view.x + x, y: from.view.y + y };
      this.move();
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
  }

  clicked(event) {
    const group = event.target.closest?.("g[data-n]");
    if (!group || this.dragged) return;
    this.focus(group.getAttribute("data-n"));
    this.open(group.getAttribute("data-n"));
  }

  open(name) {
    this.choose(name);
    this.send("node", { node: name });
  }

  choose(name) {
    for (const node of this.nodes.values()) {
      if (node.name === name) node.group.setAttribute("aria-pressed", "true");
      else if (node.group.hasAttribute("aria-pressed")) node.group.removeAttribute("aria-pressed");
    }
  }

  focus(name) {
    const node = this.nodes.get(name);
    if (!node) return;
    for (const other of this.svg.querySelectorAll('g[tabindex="0"]')) {
      other.setAttribute("tabindex", "-1");
    }
    node.group.setAttribute("tabindex", "0");
    node.group.focus({ preventScroll: true });
    this.reveal(node);
  }

  /** Bring a node that is out of sight into it. */
  reveal(node) {
    const { scale, x, y } = this.view;
    const left = node.box.x * scale + x;
    const top = node.box.y * scale + y;
    const right = left + node.box.width * scale;
    const bottom = top + node.box.height * scale;
    const over = (low, high, most) => (low < 8 ? 8 - low : high > most - 8 ? most - 8 - high : 0);
    const by = { x: over(left, right, this.width), y: over(top, bottom, this.height) };
    if (!by.x && !by.y) return;
    this.view = { scale, x: x + by.x, y: y + by.y };
    this.fitted = false;
    this.move();
  }

  pressed(event) {
    const act = {
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(1 / 1.25),
      0: () => this.fit(),
    }[event.key];
    const group = event.target.closest?.("g[data-n]");
    const name = group?.getAttribute("data-n");
    const arrow = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[
      event.key
    ];
    if (act) act();
    else if (name && (event.key === "Enter" || event.key === " ")) this.open(name);
    else if (name && event.key === "f" && !event.ctrlKey && !event.metaKey) {
      this.send("fold", { node: name });
    } else if (name && arrow) this.step(name, arrow);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go to the nearest node in that direction. */
  step(name, [dx, dy]) {
    const middle = ({ box }) => [box.x + box.width / 2, box.y + box.height / 2];
    const [x, y] = middle(this.nodes.get(name));
    let best = null;
    let least = Infinity;
    for (const node of this.nodes.values()) {
      const [nx, ny] = middle(node);
      const along = (nx - x) * dx + (ny - y) * dy;
      const aside = Math.abs((nx - x) * dy) + Math.abs((ny - y) * dx);
      if (along <= 1 || aside > along * 3) continue;
      const far = along + aside * 2;
      if (far < least) [least, best] = [far, node];
    }
    if (best) this.focus(best.name);
  }

  /* ---- states */

  apply(patch) {
    if (patch.seq <= this.seq) return;
    if (this.seq >= 0 && patch.seq > this.seq + 1) this.send("again", {});
    this.seq = patch.seq;
    this.take(patch.nodes);
  }

  replace(state) {
    if (state.seq < this.seq) return;
    this.seq = state.seq;
    this.take(state.nodes);
  }

  take(nodes) {
    for (const name in nodes) {
      this.states[name] = { ...this.states[name], ...nodes[name] };
      this.applied += 1;
      this.dirty.add(name);
    }
    this.schedule();
  }

  schedule() {
    if (!this.frame && this.dirty.size) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    let drawn = 0;
    for (const name of this.dirty) {
      if (drawn === NODES_PER_FRAME) break;
      this.dirty.delete(name);
      const node = this.nodes.get(name);
      if (!node) continue;
      const before = node.state.status;
      node.state = this.states[name];
      node.draw();
      if ((before === "Bypassed") !== (node.state.status === "Bypassed")) this.dim(name);
      if ((before === "Failed") !== (node.state.status === "Failed")) this.light(name);
      drawn += 1;
    }
    const running = Object.values(this.states).filter((s) => s.status === "Running").length;
    this.svg.classList.toggle("pf-many", running > MOST_PULSES);
    this.frames += 1;
    this.most = Math.max(this.most, drawn);
    this.schedule();
    this.tick();
  }

  /* Times of what runs go on between events. */
  tick() {
    if (this.wait) return;
    const running = Object.entries(this.states).filter(([, s]) => s.status === "Running" && s.since);
    if (!running.length) return;
    this.wait = setTimeout(() => {
      this.wait = null;
      for (const [name] of running) this.dirty.add(name);
      this.schedule();
    }, 250);
  }

  dim(name) {
    const off = (end) => this.states[end]?.status === "Bypassed";
    for (const line of this.lines) {
      const ends = [line.dataset.s, line.dataset.t];
      if (ends.includes(name)) line.classList.toggle("z", ends.some(off));
    }
  }

  /** Light the way that led to a node that failed. */
  light(name) {
    const on = this.states[name]?.status === "Failed";
    const seen = new Set([name]);
    for (const node of seen) {
      for (const line of this.lines) {
        if (line.dataset.t === node) {
          line.classList.toggle("pf-lit", on);
          seen.add(line.dataset.s);
        }
      }
    }
  }

  stop() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.wait);
    this.watch?.disconnect();
  }
}
