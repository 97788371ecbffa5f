// What stands beside the text of a flow: its form, its problems, its graph, a node.

import { PathExt } from '@jupyterlab/coreutils';
import * as React from 'react';

import { RunForm } from './flow-form';
import { FlowModel, FlowOptions, marksOf } from './flow-model';
import { Graph } from './graph';
import { Mark } from './marks';
import { Act, Busy, Problem, took, useWorkspace } from './parts';
import { NodeDetails } from './run';

export function FlowSide(props: {
  model: FlowModel;
  options: FlowOptions;
  path: string;
  select: (node: string) => void;
  go: (mark: Mark) => void;
  run: (inputs: Record<string, unknown>) => Promise<void>;
}): JSX.Element {
  const { model, options, path } = props;
  const { trans, workspace } = options;
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    model.changed.connect(again);
    return () => {
      model.changed.disconnect(again);
    };
  }, [model]);
  useWorkspace(workspace);
  const { look } = model;
  const problems = look ? marksOf(look, path) : [];
  const elsewhere = look
    ? [...look.problems, ...look.warnings].filter(
        one => one.file && PathExt.basename(one.file) !== PathExt.basename(path)
      )
    : [];
  const node = model.node && !model.node.startsWith(':') ? model.node : null;
  const source = node ? look?.sources[node] : undefined;
  return (
    <>
      <RunForm model={model} trans={trans} workspace={workspace} run={props.run} />
      {model.error && <Problem error={model.error} trans={trans} />}
      {!look && !model.error && <Busy>{trans.__('Reading the flow')}</Busy>}
      {(problems.length > 0 || elsewhere.length > 0) && (
        <ul className="pf-Problems" aria-label={trans.__('Problems')}>
          {problems.map((mark, number) => (
            <li key={number} className={mark.warning ? 'pf-mod-warning' : ''}>
              <button type="button" onClick={() => props.go(mark)}>
                <span className="pf-Place">
                  {mark.line}:{mark.column}
                </span>{' '}
                {mark.message}
                {mark.hint && <span className="pf-ItemLine">{mark.hint}</span>}
              </button>
            </li>
          ))}
          {elsewhere.map((problem, number) => (
            <li key={`other-${number}`}>
              <button
                type="button"
                onClick={() => options.openFile(PathExt.join(PathExt.dirname(path), problem.file))}
              >
                <span className="pf-Place">
                  {problem.file}:{problem.line}
                </span>{' '}
                {problem.message}
              </button>
            </li>
          ))}
        </ul>
      )}
      {look?.svg && (
        <Graph
          svg={look.svg}
          states={model.states}
          selected={model.node}
          select={props.select}
          trans={trans}
        />
      )}
      {node && (
        <section className="pf-Selected" aria-label={trans.__('Node %1', node)}>
          <h3>
            {node}{' '}
            <span className="pf-ItemLine">
              {model.states[node] && took(model.states[node].duration_ms ?? null)}
            </span>
          </h3>
          {source && (
            <Act
              label={trans.__('Open %1', source)}
              onClick={() => options.openFile(PathExt.join(PathExt.dirname(path), source))}
            />
          )}
          {model.states[node] ? (
            <NodeDetails node={model.states[node]} trans={trans} />
          ) : (
            <p className="pf-ItemLine">{trans.__('It has not run yet.')}</p>
          )}
        </section>
      )}
    </>
  );
}
