// What dialogs show.

import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { CheckAnswer } from './api-types';

/** A choice among the flows that come with us. */
export class ExampleChoice extends Widget {
  constructor(names: string[], trans: TranslationBundle) {
    super();
    this.addClass('pf-Choice');
    const label = document.createElement('label');
    label.textContent = trans.__('Example');
    for (const name of names) {
      const option = document.createElement('option');
      option.value = name;
      option.textContent = name;
      this.select.append(option);
    }
    this.select.className = 'jp-mod-styled';
    label.append(this.select);
    this.node.append(label);
  }

  getValue(): string {
    return this.select.value;
  }

  private readonly select = document.createElement('select');
}

/** The lines of a check, what failed first. */
export function checksBody(checks: CheckAnswer[], trans: TranslationBundle): Widget {
  const marks = { pass: '✓', warn: '!', fail: '✗' };
  const words = {
    pass: trans.__('good'),
    warn: trans.__('look at this'),
    fail: trans.__('failed')
  };
  const widget = new Widget();
  widget.addClass('pf-Checks');
  const list = document.createElement('ul');
  const order = ['fail', 'warn', 'pass'];
  const sorted = [...checks].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  for (const check of sorted) {
    const line = document.createElement('li');
    line.className = `pf-mod-${check.status}`;
    const mark = document.createElement('span');
    mark.textContent = `${marks[check.status]} ${check.name}`;
    mark.title = words[check.status];
    const told = document.createElement('span');
    told.textContent = check.message;
    line.append(mark, ' ', told);
    if (check.hint && check.status !== 'pass') {
      const hint = document.createElement('p');
      hint.textContent = check.hint;
      line.append(hint);
    }
    list.append(line);
  }
  widget.node.append(list);
  return widget;
}
