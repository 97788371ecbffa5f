// The side panel: everything that there is, as it is now.

import { ReactWidget } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { flowIcon } from './icons';
import { Computes, Environments, Runs } from './lists';
import { Busy, useWorkspace } from './parts';
import { Runtimes } from './runtimes';
import { Workspace } from './workspace';

export class SidePanel extends ReactWidget {
  constructor(
    private readonly workspace: Workspace,
    private readonly trans: TranslationBundle,
    private readonly openRun: (run: string) => void
  ) {
    super();
    this.id = 'pf-panel';
    this.addClass('pf-Panel');
    this.title.icon = flowIcon;
    this.title.caption = trans.__('Prompt flow runtimes');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Prompt flow runtimes'));
  }

  /** Show the form that makes a runtime. */
  create(): void {
    this.creating = true;
    this.update();
  }

  render(): JSX.Element {
    return (
      <Panel
        workspace={this.workspace}
        trans={this.trans}
        openRun={this.openRun}
        creating={this.creating}
        onCreating={open => {
          this.creating = open;
          this.update();
        }}
      />
    );
  }

  private creating = false;
}

function Panel(props: {
  workspace: Workspace;
  trans: TranslationBundle;
  openRun: (run: string) => void;
  creating: boolean;
  onCreating: (open: boolean) => void;
}): JSX.Element {
  const { workspace, trans } = props;
  useWorkspace(workspace);
  const right = workspace.right('runtime.create');
  return (
    <>
      {!workspace.live && workspace.runtimes.state !== 'loading' && (
        <div className="pf-Offline" role="status">
          {trans.__('The server does not answer; what is shown may be old.')}
        </div>
      )}
      {[...workspace.work].map(([key, work]) => (
        <div className="pf-Work" key={key}>
          <Busy>
            {work.title}
            {work.step && <span className="pf-ItemLine">{work.step}</span>}
          </Busy>
        </div>
      ))}
      <Section
        name={trans.__('Runtimes')}
        add={
          props.creating
            ? undefined
            : {
                label: trans.__('Create a runtime'),
                refused: !right.allowed,
                onClick: () => props.onCreating(true)
              }
        }
      >
        <Runtimes
          workspace={workspace}
          trans={trans}
          creating={props.creating}
          onCreating={props.onCreating}
        />
      </Section>
      <Section name={trans.__('Runs')}>
        <Runs workspace={workspace} trans={trans} open={props.openRun} />
      </Section>
      <Section name={trans.__('Environments')} closed>
        <Environments workspace={workspace} trans={trans} />
      </Section>
      <Section name={trans.__('Computes')} closed>
        <Computes workspace={workspace} trans={trans} />
      </Section>
    </>
  );
}

function Section(props: {
  name: string;
  closed?: boolean;
  add?: { label: string; refused: boolean; onClick: () => void };
  children: React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(!props.closed);
  return (
    <section className="pf-Section" aria-label={props.name}>
      <div className="pf-SectionHead">
        <h3>
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            <span className="pf-Caret" aria-hidden="true" />
            {props.name}
          </button>
        </h3>
        {props.add && !props.add.refused && (
          <button
            type="button"
            className="pf-Add"
            title={props.add.label}
            aria-label={props.add.label}
            onClick={() => {
              setOpen(true);
              props.add!.onClick();
            }}
          >
            <span aria-hidden="true">+</span>
          </button>
        )}
      </div>
      {open && <div className="pf-SectionBody">{props.children}</div>}
    </section>
  );
}
