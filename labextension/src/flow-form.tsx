// The inputs of a flow, where it runs, and what came out.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { RunAnswer } from './api-types';
import { FlowModel } from './flow-model';
import { Act, Busy, Problem, took } from './parts';
import { NodeState, text } from './run';
import { Workspace } from './workspace';

export function RunForm(props: {
  model: FlowModel;
  trans: TranslationBundle;
  workspace: Workspace;
  run: (inputs: Record<string, unknown>) => Promise<void>;
}): JSX.Element {
  const { model, trans, workspace } = props;
  const [values, setValues] = React.useState<Record<string, string>>({});
  const [wrong, setWrong] = React.useState('');
  const inputs = (model.look?.inputs ?? []) as {
    name: string;
    type: string;
    default: unknown;
    description?: string;
  }[];
  const start = (): void => {
    const given: Record<string, unknown> = {};
    for (const input of inputs) {
      const typed = values[input.name];
      if (typed === undefined || (typed === '' && input.type !== 'string')) {
        continue;
      }
      const value = typedValue(typed, input.type);
      if (value === undefined) {
        setWrong(trans.__('%1 is to be a value of type %2', input.name, input.type));
        return;
      }
      given[input.name] = value;
    }
    setWrong('');
    void props.run(given);
  };
  const where = workspace.runtime(workspace.current);
  const { result, failure } = model;
  return (
    <form
      className="pf-RunForm"
      aria-label={trans.__('Run the flow')}
      onSubmit={event => {
        event.preventDefault();
        start();
      }}
    >
      <div className="pf-Acts">
        <Act
          primary
          submit
          label={model.running ? trans.__('Running') : trans.__('Run')}
          right={workspace.right('run.create')}
          trans={trans}
          disabled={Boolean(model.running) || !model.look}
        />
        <label className="pf-Where">
          {trans.__('in')}
          <select
            aria-label={trans.__('Runtime')}
            value={workspace.current ?? ''}
            onChange={event =>
              void workspace.api
                .ask('PUT', 'current-runtime', { name: event.target.value || null })
                .catch(() => undefined)
            }
          >
            <option value="">{trans.__('a runtime made for this')}</option>
            {workspace.runtimes.state === 'ready' &&
              workspace.runtimes.items.map(item => (
                <option key={item.name} value={item.name}>
                  {item.name}
                </option>
              ))}
          </select>
        </label>
        {where && <span className="pf-ItemLine">{where.state}</span>}
      </div>
      {inputs.length > 0 && (
        <div className="pf-Inputs">
          {inputs.map(input => (
            <label key={input.name} title={input.description || undefined}>
              {input.name} <span className="pf-ItemLine">{input.type}</span>
              <input
                value={values[input.name] ?? ''}
                placeholder={
                  input.default === null || input.default === undefined ? '' : text(input.default)
                }
                onChange={event => setValues({ ...values, [input.name]: event.target.value })}
              />
            </label>
          ))}
        </div>
      )}
      {wrong && (
        <p className="pf-Wrong" role="alert">
          {wrong}
        </p>
      )}
      {model.running && <Busy>{model.running}</Busy>}
      {failure && <Problem error={failure} trans={trans} />}
      {result && (
        <p className={`pf-Outcome pf-mod-${result.status.toLowerCase()}`} role="status">
          {outcome(result, trans)}
        </p>
      )}
      {result?.outputs && Object.keys(result.outputs).length > 0 && (
        <dl className="pf-Values">
          {Object.entries(result.outputs).map(([name, value]) => (
            <React.Fragment key={name}>
              <dt>{name}</dt>
              <dd>{text(value)}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
    </form>
  );
}

function outcome(result: RunAnswer, trans: TranslationBundle): string {
  const where = result.runtime ?? '';
  if (result.status === 'Completed') {
    return trans.__('Completed in %1 · %2', took(result.duration_ms), where);
  }
  const failed = Object.entries(result.nodes).find(
    ([, node]) => (node as NodeState).status === 'Failed'
  );
  return failed
    ? trans.__('%1 failed: press it in the graph for its log', failed[0])
    : trans.__('%1 · %2', result.status, String(result.error?.message ?? where));
}

function typedValue(typed: string, type: string): unknown {
  if (type === 'string' || type === 'image') {
    return typed;
  }
  if (type === 'int' || type === 'double') {
    const number = Number(typed);
    return Number.isFinite(number) && (type === 'double' || Number.isInteger(number))
      ? number
      : undefined;
  }
  if (type === 'bool') {
    return { true: true, false: false }[typed.toLowerCase()];
  }
  try {
    return JSON.parse(typed);
  } catch {
    return undefined;
  }
}
