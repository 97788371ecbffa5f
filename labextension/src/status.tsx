// The item in the status bar: where the notebook in front runs, else how much there is.

import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useWorkspace } from './parts';
import { Binding } from './picker';
import { Workspace } from './workspace';

export class StatusItem extends ReactWidget {
  binding: Binding | null = null;

  constructor(
    private readonly workspace: Workspace,
    private readonly trans: TranslationBundle,
    private readonly open: () => void
  ) {
    super();
  }

  render(): JSX.Element {
    const { workspace, trans, open, binding } = this;
    return <Status {...{ workspace, trans, open, binding }} />;
  }
}

function Status(props: {
  workspace: Workspace;
  trans: TranslationBundle;
  open: () => void;
  binding: Binding | null;
}): JSX.Element {
  const { workspace, trans, binding } = props;
  useWorkspace(workspace);
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    binding?.changed.connect(again);
    return () => {
      binding?.changed.disconnect(again);
    };
  }, [binding]);
  const { runtimes } = workspace;
  let text = trans.__('runtimes: …');
  let state = '';
  if (runtimes.state === 'failed') {
    text = runtimes.error.refused ? trans.__('runtimes: refused') : trans.__('runtimes: no answer');
    state = 'failed';
  } else if (runtimes.state === 'ready') {
    const shown = workspace.runtime(binding?.runtime ?? workspace.current);
    state = shown?.state ?? '';
    text = shown
      ? `${shown.name}: ${shown.state}`
      : trans._n('%1 runtime', '%1 runtimes', runtimes.items.length);
  }
  return (
    <button
      type="button"
      className="pf-Status"
      title={trans.__('Show runtimes')}
      onClick={props.open}
    >
      <span className={`pf-Dot pf-mod-${state}`} aria-hidden="true" /> {text}
    </button>
  );
}
