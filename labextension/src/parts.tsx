// Small pieces that every view is made of.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { PfError } from './api';
import type { RightAnswer } from './api-types';
import { Workspace } from './workspace';

/** Show a component again whenever the workspace has changed. */
export function useWorkspace(workspace: Workspace): void {
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    workspace.changed.connect(again);
    return () => {
      workspace.changed.disconnect(again);
    };
  }, [workspace]);
}

const MARKS: Record<string, string> = {
  ready: '●',
  busy: '◐',
  creating: '◌',
  starting: '◌',
  stopping: '◌',
  stopped: '○',
  failed: '✗',
  Completed: '✓',
  Failed: '✗',
  Running: '◐',
  Canceled: '■',
  Interrupted: '■',
  Bypassed: '↷'
};

/** A state by colour, by shape and in words. */
export function State(props: { of: string }): JSX.Element {
  return (
    <span className={`pf-State pf-mod-${props.of.toLowerCase()}`}>
      <span aria-hidden="true">{MARKS[props.of] ?? '·'}</span> {props.of}
    </span>
  );
}

/** An error with its way out. */
export function Problem(props: {
  error: PfError;
  trans: TranslationBundle;
  again?: () => void;
}): JSX.Element {
  const { error, trans, again } = props;
  return (
    <div className={`pf-Problem${error.refused ? ' pf-mod-refused' : ''}`} role="alert">
      <strong>{error.message}</strong>
      {error.hint && <p>{error.hint}</p>}
      {again && !error.refused && (
        <Act label={trans.__('Try again')} onClick={again} />
      )}
    </div>
  );
}

/** What a list shows when there is nothing in it. */
export function Empty(props: { children: React.ReactNode }): JSX.Element {
  return <div className="pf-Empty">{props.children}</div>;
}

/** Something is on its way. */
export function Busy(props: { children: React.ReactNode }): JSX.Element {
  return (
    <div className="pf-Busy" role="status">
      <span className="pf-Spinner" aria-hidden="true" /> {props.children}
    </div>
  );
}

/** A button; one that a right is missing for says so instead of doing it. */
export function Act(props: {
  label: string;
  onClick?: () => void;
  right?: RightAnswer;
  trans?: TranslationBundle;
  title?: string;
  primary?: boolean;
  danger?: boolean;
  disabled?: boolean;
  /** Sends the form that it is in. */
  submit?: boolean;
}): JSX.Element {
  const { right, trans } = props;
  const refused = right !== undefined && !right.allowed;
  const why = refused ? reason(right, trans) : props.title;
  const classes = ['pf-Act'];
  if (props.primary) {
    classes.push('pf-mod-primary');
  }
  if (props.danger) {
    classes.push('pf-mod-danger');
  }
  return (
    <button
      type={props.submit && !refused ? 'submit' : 'button'}
      className={classes.join(' ')}
      aria-disabled={refused || props.disabled || undefined}
      title={why}
      aria-label={refused ? `${props.label}: ${why}` : undefined}
      onClick={() => {
        if (!refused && !props.disabled && !props.submit) {
          props.onClick?.();
        }
      }}
    >
      {props.label}
    </button>
  );
}

/** Why something may not be done, and who can change that. */
export function reason(right: RightAnswer, trans?: TranslationBundle): string {
  const owners = (right.ask ?? []).join(', ');
  if (!trans) {
    return `needs ${right.needs}; owners: ${owners}`;
  }
  return owners
    ? trans.__('You may not do this: it needs the role %1. Ask %2.', right.needs, owners)
    : trans.__('You may not do this: it needs the role %1.', right.needs);
}

/** How long ago, in the shortest words. */
export function ago(time: string, trans: TranslationBundle): string {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (seconds < 60) {
    return trans.__('just now');
  }
  if (seconds < 3600) {
    return trans.__('%1 min ago', Math.floor(seconds / 60));
  }
  if (seconds < 86400) {
    return trans.__('%1 h ago', Math.floor(seconds / 3600));
  }
  return trans.__('%1 d ago', Math.floor(seconds / 86400));
}

/** A duration in the shortest words. */
export function took(milliseconds: number | null): string {
  if (milliseconds === null || milliseconds === undefined) {
    return '';
  }
  if (milliseconds < 1) {
    return '<1 ms';
  }
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Bytes for people. */
export function bytes(count: number | null | undefined): string {
  if (!count) {
    return '';
  }
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(4, Math.floor(Math.log(count) / Math.log(1024)));
  return `${Number((count / 1024 ** power).toPrecision(3))} ${units[power]}`;
}
