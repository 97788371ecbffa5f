// The flow's picture as the server draws it, with what happens in it, for mouse and keys.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { took } from './parts';
import type { NodeState } from './run';

const CLASSES: Record<string, [string, string]> = {
  Running: ['go', '◐'],
  Completed: ['ok', '✓'],
  Failed: ['no', '✗'],
  Bypassed: ['by', '↷'],
  Canceled: ['st', '■']
};

export function Graph(props: {
  svg: string;
  states: Record<string, NodeState>;
  selected: string | null;
  select: (node: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { svg, states, selected, select, trans } = props;
  const place = React.useRef<HTMLDivElement>(null);

  React.useEffect(() => {
    place.current!.innerHTML = svg;
    const picture = place.current!.querySelector('svg');
    picture?.setAttribute('role', 'group');
    if (picture) {
      // a long flow is scrolled rather than made too small to read
      picture.style.minWidth = `${0.8 * Number(picture.getAttribute('width'))}px`;
    }
    picture?.setAttribute('aria-label', trans.__('Graph of the flow'));
    for (const node of nodes(place.current!)) {
      node.setAttribute('role', 'button');
      node.setAttribute('tabindex', '0');
    }
  }, [svg]);

  React.useEffect(() => {
    for (const node of nodes(place.current!)) {
      const name = node.dataset.n!;
      const state = states[name];
      if (!name.startsWith(':')) {
        const [style, mark] = (state && CLASSES[state.status]) || ['un', ''];
        node.setAttribute('class', style);
        note(node, state ? `${mark} ${took(state.duration_ms ?? null)}`.trim() : '');
      }
      const said = [name.replace(':', ''), state?.status, took(state?.duration_ms ?? null)];
      node.setAttribute('aria-label', said.filter(Boolean).join(', '));
      node.setAttribute('aria-pressed', String(name === selected));
      node.classList.toggle('pf-mod-selected', name === selected);
    }
  }, [svg, states, selected]);

  const chosen = (target: EventTarget): string | undefined =>
    (target as Element).closest<SVGGElement>('g[data-n]')?.dataset.n;
  return (
    <div
      className="pf-Graph"
      ref={place}
      onClick={event => {
        const node = chosen(event.target);
        if (node) {
          select(node);
        }
      }}
      onKeyDown={event => {
        const node = chosen(event.target);
        if (node && (event.key === 'Enter' || event.key === ' ')) {
          event.preventDefault();
          select(node);
        } else if (node && event.key.startsWith('Arrow')) {
          event.preventDefault();
          move(place.current!, node, event.key);
        }
      }}
    />
  );
}

function nodes(place: HTMLElement): SVGGElement[] {
  return Array.from(place.querySelectorAll<SVGGElement>('g[data-n]'));
}

/** Write a node's state at its lower right, where the server's picture has it, too. */
function note(node: SVGGElement, text: string): void {
  let place = node.querySelector<SVGTextElement>('text.s');
  if (!place) {
    const box = node.querySelector('rect.x');
    const line = node.querySelector('text.d');
    if (!box || !text) {
      return;
    }
    place = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    place.setAttribute('class', 's');
    const right = Number(box.getAttribute('x')) + Number(box.getAttribute('width')) - 10;
    place.setAttribute('x', String(right));
    place.setAttribute('y', line?.getAttribute('y') ?? String(Number(box.getAttribute('y')) + 35));
    node.append(place);
  }
  place.textContent = text;
}

/** Put the focus on the node above, below or beside. */
function move(place: HTMLElement, from: string, key: string): void {
  const all = nodes(place).map(node => ({ node, box: node.getBoundingClientRect() }));
  const here = all.find(one => one.node.dataset.n === from)!.box;
  const across = key === 'ArrowLeft' || key === 'ArrowRight';
  const forward = key === 'ArrowDown' || key === 'ArrowRight' ? 1 : -1;
  const distance = (box: DOMRect): number => {
    const x = box.x + box.width / 2 - here.x - here.width / 2;
    const y = box.y + box.height / 2 - here.y - here.height / 2;
    const along = (across ? x : y) * forward;
    return along > 5 ? along + 2 * Math.abs(across ? y : x) : Infinity;
  };
  const next = all
    .map(one => ({ ...one, far: distance(one.box) }))
    .filter(one => one.far < Infinity)
    .sort((a, b) => a.far - b.far)[0];
  next?.node.focus();
}
