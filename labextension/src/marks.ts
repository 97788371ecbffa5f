// Underlines what is wrong with a flow, at its place in the text.

import { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { CodeEditor } from '@jupyterlab/codeeditor';
import { RangeSet, StateEffect, StateField } from '@codemirror/state';
import { Decoration, DecorationSet, EditorView, hoverTooltip } from '@codemirror/view';

import type { ProblemAnswer } from './api-types';

export interface Mark extends ProblemAnswer {
  warning: boolean;
}

const setMarks = StateEffect.define<{ marks: Mark[]; set: DecorationSet }>();

const field = StateField.define<{ marks: Mark[]; set: DecorationSet }>({
  create: () => ({ marks: [], set: Decoration.none }),
  update(value, transaction) {
    let { marks, set } = value;
    set = set.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) {
        ({ marks, set } = effect.value);
      }
    }
    return { marks, set };
  },
  provide: own => EditorView.decorations.from(own, value => value.set)
});

const tooltip = hoverTooltip((view, position) => {
  const line = view.state.doc.lineAt(position).number;
  const here = view.state.field(field).marks.filter(mark => mark.line === line);
  if (!here.length) {
    return null;
  }
  return {
    pos: view.state.doc.line(line).from,
    above: true,
    create: () => {
      const dom = document.createElement('div');
      dom.className = 'pf-Tooltip';
      for (const mark of here) {
        const told = document.createElement('p');
        told.textContent = [mark.message, mark.hint].filter(Boolean).join(': ');
        dom.append(told);
      }
      return { dom };
    }
  };
});

/** The problems of one text editor. */
export class Marks {
  constructor(editor: CodeEditor.IEditor) {
    this.view = (editor as CodeMirrorEditor).editor;
    this.view.dispatch({ effects: StateEffect.appendConfig.of([field, tooltip]) });
  }

  /** Show these and no others. */
  show(marks: Mark[]): void {
    const { doc } = this.view.state;
    const ranges = marks
      .filter(mark => mark.line >= 1 && mark.line <= doc.lines)
      .map(mark => {
        const line = doc.line(mark.line);
        const indent = line.text.length - line.text.trimStart().length;
        let from = line.from + Math.max(indent, mark.column - 1);
        if (from >= line.to) {
          from = line.from + Math.min(indent, Math.max(0, line.length - 1));
        }
        const style = Decoration.mark({
          class: mark.warning ? 'pf-Underline pf-mod-warning' : 'pf-Underline',
          attributes: { title: [mark.message, mark.hint].filter(Boolean).join('\n') }
        });
        return line.to > from ? [style.range(from, line.to)] : [];
      })
      .flat()
      .sort((a, b) => a.from - b.from);
    this.view.dispatch({
      effects: setMarks.of({ marks, set: RangeSet.of(ranges, true) })
    });
  }

  private readonly view: EditorView;
}
