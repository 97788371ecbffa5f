// The side panel's first section: runtimes, and what one does with them.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { asPfError, PfError } from './api';
import type { LinesAnswer, RightAnswer, RuntimeAnswer } from './api-types';
import { CreateForm } from './create';
import { Act, ago, Busy, bytes, Empty, Problem, reason, State } from './parts';
import { Version } from './version';
import { Workspace } from './workspace';

interface Props {
  workspace: Workspace;
  trans: TranslationBundle;
  creating: boolean;
  onCreating: (open: boolean) => void;
}

export function Runtimes(props: Props): JSX.Element {
  const { workspace, trans } = props;
  const { runtimes } = workspace;
  return (
    <>
      {props.creating && (
        <CreateForm
          workspace={workspace}
          trans={trans}
          onClose={() => props.onCreating(false)}
        />
      )}
      {runtimes.state === 'loading' && <Busy>{trans.__('Looking for runtimes')}</Busy>}
      {runtimes.state === 'failed' && (
        <Problem
          error={runtimes.error}
          trans={trans}
          again={() => void workspace.load('runtimes')}
        />
      )}
      {runtimes.state === 'ready' && !runtimes.items.length && !props.creating && (
        <Empty>
          <p>{trans.__('No runtimes yet. A runtime is where flows run.')}</p>
          <Act
            primary
            label={trans.__('Create a runtime')}
            right={workspace.right('runtime.create')}
            trans={trans}
            onClick={() => props.onCreating(true)}
          />
        </Empty>
      )}
      {runtimes.state === 'ready' && (
        <ul className="pf-List">
          {runtimes.items.map(item => (
            <Runtime key={item.id} item={item} workspace={workspace} trans={trans} />
          ))}
        </ul>
      )}
    </>
  );
}

function Runtime(props: {
  item: RuntimeAnswer;
  workspace: Workspace;
  trans: TranslationBundle;
}): JSX.Element {
  const { item, workspace, trans } = props;
  const [open, setOpen] = React.useState(false);
  const current = workspace.current === item.name;
  return (
    <li className="pf-Item" data-runtime={item.name}>
      <button
        type="button"
        className="pf-ItemHead"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span className="pf-ItemName">
          {item.name}
          {current && <span className="pf-Badge">{trans.__('in use')}</span>}
          {item.update && <span className="pf-Badge pf-mod-update">{trans.__('update')}</span>}
        </span>
        <State of={item.state} />
        <span className="pf-ItemLine">
          {[
            item.isolated ? item.compute : trans.__('%1, does not isolate', item.compute),
            item.environment && `${item.environment.name}:${item.environment.version}`,
            item.phase
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </button>
      {item.error && !open && (
        <p className="pf-ItemError">{String(item.error.message)}</p>
      )}
      {open && <Details item={item} workspace={workspace} trans={trans} />}
    </li>
  );
}

const UP = ['ready', 'busy'];
const MOVING = ['creating', 'starting', 'stopping'];

function Details(props: {
  item: RuntimeAnswer;
  workspace: Workspace;
  trans: TranslationBundle;
}): JSX.Element {
  const { item, workspace, trans } = props;
  const { api } = workspace;
  const [rights, setRights] = React.useState<Record<string, RightAnswer>>({});
  const [error, setError] = React.useState<PfError | null>(null);
  const [log, setLog] = React.useState<string[] | null>(null);
  const [asking, setAsking] = React.useState(false);
  const here = `runtimes/${encodeURIComponent(item.name)}`;
  React.useEffect(() => {
    workspace
      .rightsOn(`runtime:${item.name}`)
      .then(setRights)
      .catch(() => undefined);
  }, [workspace, item.name, item.owner, workspace.rightsVersion]);
  React.useEffect(() => {
    if (log !== null) {
      void showLog();
    }
  }, [item.state, item.phase]);

  const right = (name: string): RightAnswer => rights[name] ?? { allowed: true };
  const act = async (what: () => Promise<unknown>): Promise<void> => {
    setError(null);
    try {
      await what();
    } catch (failure) {
      setError(asPfError(failure));
    }
  };
  const showLog = (): Promise<void> =>
    act(async () => {
      setLog((await api.ask<LinesAnswer>('GET', `${here}/logs?tail=200`)).lines);
    });
  const start = (): Promise<void> =>
    act(() => workspace.do(trans.__('Starting %1', item.name), 'POST', `${here}/start`));

  const up = UP.includes(item.state);
  const moving = MOVING.includes(item.state);
  return (
    <div className="pf-Details">
      <dl>
        {facts(item, trans).map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
      {item.error && (
        <Problem
          trans={trans}
          error={
            new PfError(
              500,
              String(item.error.code),
              String(item.error.message),
              String(item.error.hint ?? '')
            )
          }
        />
      )}
      {error && <Problem error={error} trans={trans} />}
      {!right('runtime.update').allowed && (
        <p className="pf-Why">{reason(right('runtime.update'), trans)}</p>
      )}
      <div className="pf-Acts">
        {!up && !moving && (
          <Act
            primary
            label={trans.__('Start')}
            right={right('runtime.use')}
            trans={trans}
            onClick={() => void start()}
          />
        )}
        {up && workspace.current !== item.name && (
          <Act
            label={trans.__('Use')}
            title={trans.__('What runs without naming a runtime runs here')}
            right={right('runtime.use')}
            trans={trans}
            onClick={() =>
              void act(() => api.ask('PUT', 'current-runtime', { name: item.name }))
            }
          />
        )}
        {up && (
          <Act
            label={trans.__('Stop')}
            right={right('runtime.update')}
            trans={trans}
            onClick={() => void act(() => api.ask('POST', `${here}/stop`, {}))}
          />
        )}
        {up && (
          <Act
            label={trans.__('Restart')}
            right={right('runtime.update')}
            trans={trans}
            onClick={() =>
              void act(() =>
                workspace.do(trans.__('Restarting %1', item.name), 'POST', `${here}/restart`)
              )
            }
          />
        )}
        <Act
          label={log === null ? trans.__('Log') : trans.__('Hide log')}
          right={right('runtime.use')}
          trans={trans}
          onClick={() => (log === null ? void showLog() : setLog(null))}
        />
        {!asking && (
          <Act
            danger
            label={trans.__('Delete…')}
            right={right('runtime.delete')}
            trans={trans}
            onClick={() => setAsking(true)}
          />
        )}
      </div>
      {asking && (
        <div className="pf-Question" role="group" aria-label={trans.__('Delete?')}>
          <p>
            {trans.__('Delete %1? What runs in it ends; its runs stay listed.', item.name)}
          </p>
          <div className="pf-Acts">
            <Act
              danger
              label={trans.__('Delete')}
              onClick={() => {
                setAsking(false);
                void act(() => api.ask('DELETE', here));
              }}
            />
            <Act label={trans.__('Keep it')} onClick={() => setAsking(false)} />
          </div>
        </div>
      )}
      {item.environment && (
        <Version
          item={item}
          workspace={workspace}
          trans={trans}
          right={right('runtime.update')}
        />
      )}
      {up && (
        <InstallForm
          item={item}
          workspace={workspace}
          trans={trans}
          right={right('runtime.update')}
        />
      )}
      {log !== null && (
        <pre className="pf-Log" tabIndex={0} aria-label={trans.__('Log of %1', item.name)}>
          {log.length ? log.map(short).join('\n') : trans.__('Nothing was logged yet.')}
        </pre>
      )}
    </div>
  );
}

function facts(item: RuntimeAnswer, trans: TranslationBundle): [string, string][] {
  const limits = item.limits as { cpus?: number; memory?: number };
  const found: [string, string | null | undefined][] = [
    [trans.__('Environment'), item.environment && described(item.environment)],
    [trans.__('Kind'), item.kind],
    [trans.__('Limits'), limited(limits, trans)],
    [trans.__('Owner'), item.owner],
    [trans.__('Container'), item.container_id?.slice(0, 12)],
    [trans.__('Created'), ago(item.created_at, trans)]
  ];
  return found.filter((fact): fact is [string, string] => Boolean(fact[1]));
}

function described(environment: { name: string; version: string; digest: string }): string {
  const digest = environment.digest.replace(/^.*:/, '').slice(0, 12);
  return `${environment.name}:${environment.version} @ ${digest}`;
}

function limited(
  limits: { cpus?: number; memory?: number },
  trans: TranslationBundle
): string {
  return [limits.cpus && trans.__('%1 CPU', limits.cpus), bytes(limits.memory)]
    .filter(Boolean)
    .join(', ');
}

function InstallForm(props: {
  item: RuntimeAnswer;
  workspace: Workspace;
  trans: TranslationBundle;
  right: RightAnswer;
}): JSX.Element {
  const { item, workspace, trans } = props;
  const [packages, setPackages] = React.useState('');
  const [told, setTold] = React.useState('');
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<PfError | null>(null);
  const install = async (): Promise<void> => {
    const words = packages.split(/[\s,]+/).filter(Boolean);
    if (!words.length || busy) {
      return;
    }
    setBusy(true);
    setError(null);
    setTold('');
    try {
      const done = await workspace.do<{ installed: Record<string, string>; seconds: number }>(
        trans.__('Installing into %1', item.name),
        'POST',
        `runtimes/${encodeURIComponent(item.name)}/packages`,
        { packages: words }
      );
      const names = Object.entries(done.installed).map(([name, version]) => `${name} ${version}`);
      setTold(
        names.length
          ? trans.__('Installed %1 in %2 s', names.join(', '), done.seconds.toFixed(1))
          : trans.__('All of it was there already')
      );
      setPackages('');
    } catch (failure) {
      setError(asPfError(failure));
    }
    setBusy(false);
  };
  return (
    <form
      className="pf-Install"
      onSubmit={event => {
        event.preventDefault();
        void install();
      }}
    >
      <label>
        {trans.__('Install packages, for this runtime only')}
        <input
          value={packages}
          placeholder="beautifulsoup4"
          disabled={!props.right.allowed}
          onChange={event => setPackages(event.target.value)}
        />
      </label>
      <Act
        label={trans.__('Install')}
        right={props.right}
        trans={trans}
        disabled={busy}
        submit
      />
      {busy && <Busy>{trans.__('Installing')}</Busy>}
      {told && <p role="status">{told}</p>}
      {error && <Problem error={error} trans={trans} />}
    </form>
  );
}

/** A line of a log with the time of day alone. */
function short(line: string): string {
  return line.replace(/^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)Z */, '$1  ');
}
