/* A graph as a part of a panel, and the slider that plays a finished run again. */

import { Graph, duration } from "./graph.js";

const SHORTEST_MS = 2500;

/** What each node was at a moment: the last thing that the timeline says before it. */
function statesAt(timeline, names, moment) {
  const states = {};
  for (const name of names) {
    states[name] = { status: "NotStarted", duration_ms: null, note: "", text: "", since: null };
  }
  for (const [at, name, change] of timeline) {
    if (at > moment) break;
    states[name] = { ...states[name], ...change };
  }
  return states;
}

class Replay {
  constructor(graph, state) {
    this.graph = graph;
    this.state = state;
    this.row = document.createElement("div");
    this.row.className = "pf-replay";
    this.play = document.createElement("button");
    this.play.type = "button";
    this.play.className = "pf-button pf-quiet pf-bare";
    this.slider = document.createElement("input");
    this.slider.type = "range";
    this.slider.min = 0;
    this.slider.max = 1000;
    this.slider.value = 1000;
    this.slider.setAttribute("aria-label", "moment of the run");
    this.moment = document.createElement("output");
    this.row.append(this.play, this.slider, this.moment);
    this.slider.addEventListener("input", () => this.at(this.slider.value / 1000));
    this.play.addEventListener("click", () => (this.running ? this.pause() : this.begin()));
    this.pause();
    this.say(1);
    graph.bar.prepend(this.row);
  }

  say(share) {
    const length = this.state.length;
    const text = `${duration(share * length) || "0 ms"} of ${duration(length)}`;
    this.moment.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  at(share) {
    const { timeline, length } = this.state;
    const end = share >= 1;
    const moment = end ? Infinity : share * length;
    this.graph.take(statesAt(timeline, Object.keys(this.state.nodes), moment));
    if (end) this.graph.take(this.state.nodes);
    this.say(share);
  }

  begin() {
    const from = this.slider.value >= 1000 ? 0 : this.slider.value / 1000;
    const whole = Math.max(this.state.length, SHORTEST_MS);
    const started = performance.now() - from * whole;
    this.show("❚❚", "pause");
    const step = (now) => {
      const share = Math.min(Math.max((now - started) / whole, 0), 1);
      this.slider.value = share * 1000;
      this.at(share);
      if (share < 1) this.running = requestAnimationFrame(step);
      else this.pause();
    };
    this.running = requestAnimationFrame(step);
  }

  pause() {
    cancelAnimationFrame(this.running);
    this.running = 0;
    this.show("▶", "play the run again");
  }

  show(sign, label) {
    this.play.textContent = sign;
    this.play.setAttribute("aria-label", label);
    this.play.title = label;
  }

  stop() {
    this.pause();
    this.row.remove();
  }
}

/** The part "graph": its picture, its state and its choice stand in attributes. */
export function graphPart(place, id, view) {
  let graph = null;
  let replay = null;
  let raw = null;
  const send = (what, args) => view.send(what, { ...args, graph: id });
  const read = () => {
    const picture = place.getAttribute("data-picture");
    if (!graph || graph.picture !== picture) {
      graph?.stop();
      replay?.stop();
      replay = null;
      raw = null;
      place.innerHTML = place.getAttribute("data-svg");
      const before = graph;
      graph = new Graph(place, send);
      if (before) graph.states = before.states;
      place.pfGraph = graph; // for those who look into it, tests among them
    }
    const text = place.getAttribute("data-state");
    if (text !== raw) {
      raw = text;
      const state = JSON.parse(text);
      graph.replace(state);
      if (state.timeline?.length) {
        replay?.stop();
        replay = new Replay(graph, state);
      } else {
        replay?.stop();
        replay = null;
      }
    }
    graph.choose(place.getAttribute("data-chosen"));
  };
  read();
  return {
    place,
    graph: () => graph,
    update: read,
    receive: (message) => graph.apply(message),
    stop: () => {
      graph.stop();
      replay?.stop();
    },
  };
}
