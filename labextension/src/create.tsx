// The form that makes a runtime; until it is sent there is nothing to take back.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { asPfError, PfError } from './api';
import { Act, Busy, Problem } from './parts';
import { Workspace } from './workspace';

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function CreateForm(props: {
  workspace: Workspace;
  trans: TranslationBundle;
  onClose: () => void;
}): JSX.Element {
  const { workspace, trans, onClose } = props;
  const { computes, environments, runtimes } = workspace;
  const taken = runtimes.state === 'ready' ? runtimes.items.map(item => item.name) : [];
  const [name, setName] = React.useState(() => free(taken));
  const [compute, setCompute] = React.useState('');
  const [environment, setEnvironment] = React.useState('default');
  const [cpus, setCpus] = React.useState('');
  const [memory, setMemory] = React.useState('');
  const [network, setNetwork] = React.useState('open');
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<PfError | null>(null);
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => field.current?.select(), []);

  const wrong = !NAME.test(name)
    ? trans.__('Small letters, digits, - and _; it begins with a letter or a digit')
    : taken.includes(name) && !busy
      ? trans.__('There is a runtime of that name')
      : '';

  const create = async (): Promise<void> => {
    if (wrong || busy) {
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await workspace.do(trans.__('Creating %1', name), 'POST', 'runtimes', {
        name,
        environment,
        compute: compute || null,
        network,
        limits: {
          cpus: cpus ? Number(cpus) : null,
          memory: memory ? Math.round(Number(memory) * 1024 ** 3) : null
        }
      });
      onClose();
    } catch (failure) {
      setError(asPfError(failure));
      setBusy(false);
    }
  };
  const places = computes.state === 'ready' ? computes.items : [];
  const names =
    environments.state === 'ready'
      ? environments.items.map(item => `${item.name}:${item.version}`)
      : [];
  return (
    <form
      className="pf-Form"
      aria-label={trans.__('Create a runtime')}
      onSubmit={event => {
        event.preventDefault();
        void create();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && !busy) {
          onClose();
        }
      }}
    >
      <label>
        {trans.__('Name')}
        <input
          ref={field}
          value={name}
          aria-invalid={Boolean(wrong)}
          aria-describedby="pf-create-wrong"
          disabled={busy}
          onChange={event => setName(event.target.value)}
        />
        <span id="pf-create-wrong" className="pf-Wrong" role="alert">
          {wrong}
        </span>
      </label>
      <label>
        {trans.__('Where')}
        <select
          value={compute}
          disabled={busy}
          onChange={event => setCompute(event.target.value)}
        >
          <option value="">{trans.__('The best place that answers')}</option>
          {places.map(place => (
            <option key={place.name} value={place.name} disabled={!place.reachable}>
              {place.reachable
                ? place.isolated
                  ? place.name
                  : trans.__('%1 (does not isolate)', place.name)
                : trans.__('%1 (does not answer)', place.name)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {trans.__('Environment')}
        <select
          value={environment}
          disabled={busy}
          onChange={event => setEnvironment(event.target.value)}
        >
          <option value="default">{trans.__('default, the newest')}</option>
          {names.map(item => (
            <option key={item} value={item}>
              {item}
            </option>
          ))}
        </select>
      </label>
      <div className="pf-Row">
        <label>
          {trans.__('CPUs')}
          <input
            type="number"
            min="0.1"
            step="0.1"
            placeholder={trans.__('default')}
            value={cpus}
            disabled={busy}
            onChange={event => setCpus(event.target.value)}
          />
        </label>
        <label>
          {trans.__('Memory in GB')}
          <input
            type="number"
            min="0.1"
            step="0.1"
            placeholder={trans.__('default')}
            value={memory}
            disabled={busy}
            onChange={event => setMemory(event.target.value)}
          />
        </label>
        <label>
          {trans.__('Network')}
          <select
            value={network}
            disabled={busy}
            onChange={event => setNetwork(event.target.value)}
          >
            <option value="open">{trans.__('open')}</option>
            <option value="none">{trans.__('none')}</option>
          </select>
        </label>
      </div>
      {error && <Problem error={error} trans={trans} />}
      {busy && <Busy>{trans.__('On its way; it goes on when this panel is closed')}</Busy>}
      <div className="pf-Acts">
        <Act
          primary
          label={trans.__('Create')}
          right={workspace.right('runtime.create')}
          trans={trans}
          disabled={busy || Boolean(wrong)}
          submit
        />
        <Act
          label={busy ? trans.__('Close') : trans.__('Cancel')}
          onClick={onClose}
        />
      </div>
    </form>
  );
}

function free(taken: string[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? 'demo' : `demo-${number}`;
    if (!taken.includes(name)) {
      return name;
    }
  }
}
