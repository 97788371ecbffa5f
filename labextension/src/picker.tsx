// The runtime of a notebook: picked in its toolbar, kept in its metadata, told its kernel.

import { ISessionContext } from '@jupyterlab/apputils';
import { NotebookPanel } from '@jupyterlab/notebook';
import { Kernel, KernelSpec } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { useWorkspace } from './parts';
import { Workspace } from './workspace';

const KEY = 'pf_jupyter';
const VARIABLE = 'PF_JUPYTER_RUNTIME';
const COMM = 'pf-jupyter:runtime';
const CREATE = ' create';

/** Which runtime a notebook is bound to. */
export class Binding {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly specs: () => KernelSpec.ISpecModels | null
  ) {
    const { sessionContext } = panel;
    sessionContext.kernelChanged.connect(this.tellNewKernel, this);
    sessionContext.statusChanged.connect(this.onStatus, this);
    void panel.context.ready.then(() => {
      this.panel.content.model?.metadataChanged.connect((_, change) => {
        if (change.key === KEY) {
          this._changed.emit();
        }
      });
      this._changed.emit();
      this.tell();
    });
    panel.disposed.connect(() => Signal.clearData(this));
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get runtime(): string | null {
    const found = this.panel.content.model?.getMetadata(KEY) as { runtime?: string } | undefined;
    return found?.runtime ?? null;
  }

  set runtime(name: string | null) {
    const model = this.panel.content.model;
    if (!model || name === this.runtime) {
      return;
    }
    if (name === null) {
      model.deleteMetadata(KEY);
    } else {
      model.setMetadata(KEY, { runtime: name });
    }
    this._changed.emit();
    this.tell();
  }

  /** Tell the kernel: whatever is sent to it after this runs there. */
  private tell(): void {
    const kernel = this.panel.sessionContext.session?.kernel;
    const name = this.runtime;
    if (!kernel || (name === null && !this.told.has(kernel.id)) || !this.speaksPython(kernel)) {
      return;
    }
    this.told.add(kernel.id);
    // the shell's commands and child processes see it, too
    const set =
      name === null
        ? `__import__('os').environ.pop('${VARIABLE}', None)`
        : `__import__('os').environ.__setitem__('${VARIABLE}', ${JSON.stringify(name)})`;
    kernel.requestExecute({
      code: set,
      silent: true,
      store_history: false,
      allow_stdin: false,
      stop_on_error: false
    });
  }

  private tellNewKernel(): void {
    // cells may choose by themselves: %pfruntime use
    this.panel.sessionContext.session?.kernel?.registerCommTarget(COMM, (comm, message) => {
      const { runtime } = message.content.data as { runtime: string | null };
      this.runtime = runtime;
      void comm.close().done.catch(() => undefined);
    });
    this.tell();
  }

  private onStatus(_: ISessionContext, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this.restarted = true;
    } else if (this.restarted && (status === 'idle' || status === 'starting')) {
      this.restarted = false;
      this.tell();
    }
  }

  private speaksPython(kernel: Kernel.IKernelConnection): boolean {
    return this.specs()?.kernelspecs[kernel.name]?.language === 'python';
  }

  private readonly told = new Set<string>();
  private restarted = false;
  private _changed = new Signal<this, void>(this);
}

/** The picker of one notebook. */
export class Picker extends ReactWidget {
  constructor(
    private readonly binding: Binding,
    private readonly workspace: Workspace,
    private readonly trans: TranslationBundle,
    private readonly create: () => void
  ) {
    super();
    this.addClass('pf-Picker');
  }

  /** Put the keyboard there. */
  focusOn(): void {
    this.node.querySelector('select')?.focus();
  }

  render(): JSX.Element {
    const { binding, workspace, trans, create } = this;
    return <Pick {...{ binding, workspace, trans, create }} />;
  }
}

function Pick(props: {
  binding: Binding;
  workspace: Workspace;
  trans: TranslationBundle;
  create: () => void;
}): JSX.Element {
  const { binding, workspace, trans } = props;
  useWorkspace(workspace);
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    binding.changed.connect(again);
    return () => {
      binding.changed.disconnect(again);
    };
  }, [binding]);
  const bound = binding.runtime;
  const shown = workspace.runtime(bound ?? workspace.current);
  const items = workspace.runtimes.state === 'ready' ? workspace.runtimes.items : [];
  const lost = bound !== null && !items.some(item => item.name === bound);
  const state =
    workspace.runtimes.state !== 'ready' ? '' : lost ? 'failed' : (shown?.state ?? '');
  const told = lost
    ? trans.__('There is no runtime %1 any more: pick another one', bound)
    : shown
      ? `${shown.name}: ${[shown.state, shown.phase].filter(Boolean).join(', ')}`
      : trans.__('A runtime is made when something needs one');
  return (
    <>
      <span className={`pf-Dot pf-mod-${state}`} title={told} aria-hidden="true" />
      <select
        className="pf-PickerSelect"
        aria-label={trans.__('Runtime of this notebook')}
        title={told}
        value={bound ?? ''}
        onChange={event => {
          if (event.target.value === CREATE) {
            props.create();
            again();
          } else {
            binding.runtime = event.target.value || null;
          }
        }}
      >
        <option value="">
          {workspace.current
            ? trans.__('in use: %1', workspace.current)
            : trans.__('no runtime picked')}
        </option>
        {lost && <option value={bound!}>{trans.__('%1 (gone)', bound)}</option>}
        {items.map(item => (
          <option key={item.name} value={item.name}>
            {item.state === 'ready' ? item.name : `${item.name} (${item.state})`}
          </option>
        ))}
        <option value={CREATE} disabled={!workspace.right('runtime.create').allowed}>
          {trans.__('Create a runtime…')}
        </option>
      </select>
    </>
  );
}
