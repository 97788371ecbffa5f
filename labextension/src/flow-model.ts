// What is known of the flow in one editor, and what a run tells of its nodes.

import { PathExt } from '@jupyterlab/coreutils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { PfError } from './api';
import type { LookAnswer, RunAnswer } from './api-types';
import type { Mark } from './marks';
import type { NodeState } from './run';
import { Workspace } from './workspace';

export interface FlowOptions {
  workspace: Workspace;
  trans: TranslationBundle;
  /** Milliseconds after the last key until the text is checked. */
  delay: () => number;
  openFile: (path: string) => void;
}

/** What is known of the flow in one editor. */
export class FlowModel {
  look: LookAnswer | null = null;
  error: PfError | null = null;
  node: string | null = null;
  states: Record<string, NodeState> = {};
  running = '';
  result: RunAnswer | null = null;
  failure: PfError | null = null;
  readonly changed = new Signal<this, void>(this);

  tell(): void {
    this.changed.emit();
  }
}

/** The state of a node after an event of its run. */
export const STATUS: Record<string, string> = {
  node_started: 'Running',
  node_running: 'Running',
  node_completed: 'Completed',
  node_failed: 'Failed',
  node_bypassed: 'Bypassed',
  node_canceled: 'Canceled'
};

/** What is wrong in the file itself. */
export function marksOf(look: LookAnswer, path: string): Mark[] {
  const file = PathExt.basename(path);
  return [
    ...look.problems.map(problem => ({ ...problem, warning: false })),
    ...look.warnings.map(problem => ({ ...problem, warning: true }))
  ].filter(mark => !mark.file || PathExt.basename(mark.file) === file);
}
