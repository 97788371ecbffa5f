// One run in the main area: outputs, nodes, and what went wrong where.

import { MainAreaWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { asPfError, PfError } from './api';
import type { RunAnswer } from './api-types';
import { flowIcon } from './icons';
import { Act, Busy, Problem, State, took, useWorkspace } from './parts';
import { Workspace } from './workspace';

export interface NodeState {
  status: string;
  inputs?: unknown;
  output?: unknown;
  duration_ms?: number | null;
  logs?: Record<string, string> | null;
  error?: { message?: string; hint?: string; code?: string; traceback?: string } | null;
}

/** Return the widget that shows a run. */
export function runWidget(
  workspace: Workspace,
  trans: TranslationBundle,
  run: string
): MainAreaWidget {
  const content = ReactWidget.create(
    <Run workspace={workspace} trans={trans} run={run} />
  );
  content.addClass('pf-RunView');
  const widget = new MainAreaWidget({ content });
  widget.id = `pf-run-${run}`;
  widget.title.label = trans.__('Run');
  widget.title.caption = run;
  widget.title.icon = flowIcon;
  widget.title.closable = true;
  widget.toolbar.hide();
  return widget;
}

function Run(props: {
  workspace: Workspace;
  trans: TranslationBundle;
  run: string;
}): JSX.Element {
  const { workspace, trans, run } = props;
  const { api } = workspace;
  useWorkspace(workspace);
  const [found, setFound] = React.useState<RunAnswer | null>(null);
  const [error, setError] = React.useState<PfError | null>(null);
  const listed =
    workspace.runs.state === 'ready'
      ? workspace.runs.items.find(item => item.run_id === run)
      : undefined;
  const load = (): void => {
    setError(null);
    api
      .ask<RunAnswer>('GET', `runs/${encodeURIComponent(run)}`)
      .then(setFound)
      .catch(failure => setError(asPfError(failure)));
  };
  React.useEffect(load, [run, listed?.status]);
  if (error) {
    return <Problem error={error} trans={trans} again={load} />;
  }
  if (!found) {
    return <Busy>{trans.__('Opening the run')}</Busy>;
  }
  return (
    <article className="pf-Run">
      <header>
        <h2>{listed?.flow ?? trans.__('Run')}</h2>
        <State of={found.status} /> <span>{took(found.duration_ms)}</span>
        <p className="pf-ItemLine">
          {[found.runtime, found.environment && `${found.environment.name}:${found.environment.version}`, run]
            .filter(Boolean)
            .join(' · ')}
        </p>
        {found.status === 'Running' && (
          <Act
            label={trans.__('Cancel')}
            onClick={() =>
              void api
                .ask('POST', `runs/${encodeURIComponent(run)}/cancel`, {})
                .catch(failure => setError(asPfError(failure)))
            }
          />
        )}
      </header>
      <Result result={found} trans={trans} />
    </article>
  );
}

/** Outputs and nodes of a run. */
export function Result(props: {
  result: RunAnswer;
  trans: TranslationBundle;
}): JSX.Element {
  const { result, trans } = props;
  const nodes = Object.entries(result.nodes) as [string, NodeState][];
  const failed = nodes.filter(([, node]) => node.status === 'Failed');
  return (
    <>
      {result.error && !failed.length && (
        <Problem
          trans={trans}
          error={
            new PfError(
              500,
              String(result.error.code ?? ''),
              String(result.error.message ?? ''),
              String(result.error.hint ?? '')
            )
          }
        />
      )}
      {result.outputs && Object.keys(result.outputs).length > 0 && (
        <section aria-label={trans.__('Outputs')}>
          <h3>{trans.__('Outputs')}</h3>
          <dl className="pf-Values">
            {Object.entries(result.outputs).map(([name, value]) => (
              <React.Fragment key={name}>
                <dt>{name}</dt>
                <dd>{text(value)}</dd>
              </React.Fragment>
            ))}
          </dl>
        </section>
      )}
      {nodes.length > 0 && (
        <section aria-label={trans.__('Nodes')}>
          <h3>{trans.__('Nodes')}</h3>
          {nodes.map(([name, node]) => (
            <details
              key={name}
              className="pf-Node"
              data-node={name}
              open={node.status === 'Failed'}
            >
              <summary>
                <span className="pf-ItemName">{name}</span> <State of={node.status} />{' '}
                <span className="pf-ItemLine">{took(node.duration_ms ?? null)}</span>
              </summary>
              <NodeDetails node={node} trans={trans} />
            </details>
          ))}
        </section>
      )}
    </>
  );
}

/** What one node got, gave, said, and failed with. */
export function NodeDetails(props: {
  node: NodeState;
  trans: TranslationBundle;
}): JSX.Element {
  const { node, trans } = props;
  const logs = Object.entries(node.logs ?? {}).filter(([, said]) => said);
  return (
    <div className="pf-Details">
      {node.error && (
        <Problem
          trans={trans}
          error={
            new PfError(
              500,
              node.error.code ?? '',
              node.error.message ?? '',
              node.error.hint ?? ''
            )
          }
        />
      )}
      {node.error?.traceback && (
        <pre className="pf-Log" tabIndex={0} aria-label={trans.__('Traceback')}>
          {node.error.traceback}
        </pre>
      )}
      {logs.map(([stream, said]) => (
        <React.Fragment key={stream}>
          <h4>{trans.__('Log: %1', stream)}</h4>
          <pre className="pf-Log" tabIndex={0} aria-label={trans.__('Log: %1', stream)}>
            {String(said)}
          </pre>
        </React.Fragment>
      ))}
      {node.inputs !== null && node.inputs !== undefined && (
        <Value name={trans.__('Inputs')} value={node.inputs} />
      )}
      {node.output !== null && node.output !== undefined && (
        <Value name={trans.__('Output')} value={node.output} />
      )}
    </div>
  );
}

function Value(props: { name: string; value: unknown }): JSX.Element {
  return (
    <>
      <h4>{props.name}</h4>
      <pre className="pf-Log" tabIndex={0} aria-label={props.name}>
        {text(props.value)}
      </pre>
    </>
  );
}

/** A value as people read it. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
