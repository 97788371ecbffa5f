// The side panel's other sections: runs, environments, computes.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ComputeAnswer, RunLine, VersionAnswer } from './api-types';
import { ago, Busy, bytes, Empty, Problem, State } from './parts';
import { Loaded, Noun, Workspace } from './workspace';

interface Props {
  workspace: Workspace;
  trans: TranslationBundle;
}

function List<T>(
  props: Props & {
    noun: Noun;
    loaded: Loaded<T>;
    wait: string;
    empty: React.ReactNode;
    line: (item: T) => JSX.Element;
  }
): JSX.Element {
  const { loaded, trans } = props;
  if (loaded.state === 'loading') {
    return <Busy>{props.wait}</Busy>;
  }
  if (loaded.state === 'failed') {
    return (
      <Problem
        error={loaded.error}
        trans={trans}
        again={() => void props.workspace.load(props.noun)}
      />
    );
  }
  if (!loaded.items.length) {
    return <Empty>{props.empty}</Empty>;
  }
  return <ul className="pf-List">{loaded.items.map(props.line)}</ul>;
}

/** The newest runs; one opens with a click. */
export function Runs(props: Props & { open: (run: string) => void }): JSX.Element {
  const { workspace, trans } = props;
  return (
    <List<RunLine>
      {...props}
      noun="runs"
      loaded={workspace.runs}
      wait={trans.__('Looking for runs')}
      empty={<p>{trans.__('Nothing ran yet. Open a flow and press Run.')}</p>}
      line={run => (
        <li className="pf-Item" key={run.run_id} data-run={run.run_id}>
          <button
            type="button"
            className="pf-ItemHead"
            title={run.run_id}
            onClick={() => props.open(run.run_id)}
          >
            <span className="pf-ItemName">{run.flow}</span>
            <State of={run.status} />
            <span className="pf-ItemLine">
              {run.runtime} · {ago(run.created_at, trans)}
            </span>
          </button>
        </li>
      )}
    />
  );
}

/** What can be in a runtime. */
export function Environments(props: Props): JSX.Element {
  const { workspace, trans } = props;
  return (
    <List<VersionAnswer>
      {...props}
      noun="environments"
      loaded={workspace.environments}
      wait={trans.__('Looking for environments')}
      empty={
        <p>
          {trans.__(
            'The default environment is always there. One of your own begins with %1 in a terminal.',
            'jupyter pf env init'
          )}
        </p>
      }
      line={item => (
        <li className="pf-Item" key={`${item.name}:${item.version}`}>
          <details>
            <summary className="pf-ItemHead">
              <span className="pf-ItemName">
                {item.name}:{item.version}
              </span>
              <span className="pf-ItemLine">
                {[
                  `Python ${item.python}`,
                  trans._n('%1 package', '%1 packages', item.packages.length),
                  bytes(item.size)
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </summary>
            <div className="pf-Details">
              {item.description && <p>{item.description}</p>}
              <dl>
                <dt>{trans.__('Base')}</dt>
                <dd>{item.base}</dd>
                <dt>{trans.__('Digest')}</dt>
                <dd>{item.digest.replace(/^.*:/, '').slice(0, 12)}</dd>
                <dt>{trans.__('Made')}</dt>
                <dd>
                  {ago(item.created_at, trans)} · {item.owner}
                </dd>
                {item.used_by.length > 0 && (
                  <>
                    <dt>{trans.__('Used by')}</dt>
                    <dd>{item.used_by.join(', ')}</dd>
                  </>
                )}
              </dl>
              <ul className="pf-Packages">
                {item.packages.map(one => (
                  <li key={one.name}>
                    {one.name} {one.version}
                  </li>
                ))}
              </ul>
            </div>
          </details>
        </li>
      )}
    />
  );
}

/** Where runtimes can live. */
export function Computes(props: Props): JSX.Element {
  const { workspace, trans } = props;
  return (
    <List<ComputeAnswer>
      {...props}
      noun="computes"
      loaded={workspace.computes}
      wait={trans.__('Asking the engines')}
      empty={<p>{trans.__('No compute is assigned to you.')}</p>}
      line={item => (
        <li className="pf-Item" key={item.name}>
          <div className="pf-ItemHead">
            <span className="pf-ItemName">{item.name}</span>
            <span className={`pf-State pf-mod-${item.reachable ? 'ready' : 'failed'}`}>
              <span aria-hidden="true">{item.reachable ? '●' : '✗'}</span>{' '}
              {item.reachable ? trans.__('answers') : trans.__('does not answer')}
            </span>
            <span className="pf-ItemLine">
              {[item.isolated ? trans.__('isolates') : trans.__('does not isolate'), item.detail]
                .filter(Boolean)
                .join(' · ')}
            </span>
          </div>
        </li>
      )}
    />
  );
}
