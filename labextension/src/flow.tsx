// A flow file: its text and its graph side by side, checked while it is written, and run.

import { CodeEditor } from '@jupyterlab/codeeditor';
import { ABCWidgetFactory, DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry';
import { FileEditor } from '@jupyterlab/fileeditor';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { PathExt } from '@jupyterlab/coreutils';
import { SplitPanel } from '@lumino/widgets';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { asPfError, PfError } from './api';
import type { LookAnswer, RunAnswer } from './api-types';
import { Graph } from './graph';
import { flowIcon } from './icons';
import { Mark, Marks } from './marks';
import { Act, Busy, Problem, took, useWorkspace } from './parts';
import { NodeDetails, NodeState, text } from './run';
import { Workspace } from './workspace';

export interface FlowOptions {
  workspace: Workspace;
  trans: TranslationBundle;
  /** Milliseconds after the last key until the text is checked. */
  delay: () => number;
  openFile: (path: string) => void;
}

/** What is known of the flow in one editor. */
class FlowModel {
  look: LookAnswer | null = null;
  error: PfError | null = null;
  node: string | null = null;
  states: Record<string, NodeState> = {};
  running = '';
  result: RunAnswer | null = null;
  failure: PfError | null = null;
  readonly changed = new Signal<this, void>(this);

  tell(): void {
    this.changed.emit();
  }
}

export class FlowDocument extends DocumentWidget<SplitPanel> {
  constructor(
    context: DocumentRegistry.CodeContext,
    services: IEditorServices,
    private readonly options: FlowOptions
  ) {
    super({ context, content: new SplitPanel({ orientation: 'horizontal', spacing: 1 }) });
    this.addClass('pf-Flow');
    this.toolbar.hide();
    this.title.icon = flowIcon;
    this.editor = new FileEditor({
      factory: (given: CodeEditor.IOptions) => services.factoryService.newDocumentEditor(given),
      context,
      mimeTypeService: services.mimeTypeService
    });
    this.editor.addClass('pf-FlowText');
    const side = ReactWidget.create(
      <FlowSide
        model={this.model}
        options={options}
        path={context.path}
        select={node => this.select(node)}
        go={mark => this.go(mark.line, mark.column)}
        run={inputs => this.run(inputs)}
      />
    );
    side.addClass('pf-FlowSide');
    this.content.addWidget(this.editor);
    this.content.addWidget(side);
    this.content.setRelativeSizes([1, 1]);
    void context.ready.then(() => this.begin());
  }

  /** Run the flow with these inputs, in the runtime in use. */
  async run(inputs: Record<string, unknown> = {}): Promise<void> {
    const { model, options } = this;
    const { trans, workspace } = options;
    if (model.running) {
      return;
    }
    Object.assign(model, { running: trans.__('Starting'), states: {}, result: null, failure: null });
    model.tell();
    try {
      if (this.context.model.dirty) {
        await this.context.save();
      }
      const record = await workspace.do<RunAnswer>(
        trans.__('Running %1', this.context.path),
        'POST',
        'runs',
        { flow: { contents: this.context.path }, inputs },
        event => this.hear(event.name, event.data)
      );
      const found = await workspace.api.ask<RunAnswer>('GET', `runs/${record.run_id}`);
      model.result = found;
      model.states = found.nodes as Record<string, NodeState>;
    } catch (error) {
      model.failure = asPfError(error);
    }
    model.running = '';
    model.tell();
  }

  private begin(): void {
    this.marks = new Marks(this.editor.editor);
    this.context.model.sharedModel.changed.connect(this.later, this);
    this.context.fileChanged.connect(() => void this.check(), this);
    this.editor.editor.model.selections.changed.connect(this.follow, this);
    void this.check();
  }

  dispose(): void {
    window.clearTimeout(this.timer);
    Signal.clearData(this);
    super.dispose();
  }

  private later(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.check(), this.options.delay());
  }

  private async check(): Promise<void> {
    const number = ++this.asked;
    const { model } = this;
    let look: LookAnswer | null = null;
    let error: PfError | null = null;
    try {
      look = await this.options.workspace.api.ask<LookAnswer>('POST', 'flows/look', {
        contents: this.context.path,
        text: this.context.model.toString()
      });
    } catch (failure) {
      error = asPfError(failure);
    }
    if (number !== this.asked || this.isDisposed) {
      return;
    }
    if (look && !look.svg && model.look) {
      // while the text is no flow at all, the last graph stays
      look.svg = model.look.svg;
      look.lines = model.look.lines;
    }
    model.look = look ?? model.look;
    model.error = error;
    this.marks?.show(look ? marksOf(look, this.context.path) : []);
    model.tell();
  }

  private hear(name: string, data: any): void {
    const { model } = this;
    if (name === 'phase') {
      model.running = [data.phase, data.detail].filter(Boolean).join(' · ');
    } else if (name === 'run') {
      const status = STATUS[data.event as string];
      if (data.event === 'run_started') {
        model.running = this.options.trans.__('Running');
      } else if (status) {
        model.states = {
          ...model.states,
          [data.node]: { status, duration_ms: data.duration_ms, error: data.error }
        };
      } else {
        return;
      }
    } else {
      return;
    }
    model.tell();
  }

  /** Show a node in the text; its details appear beside. */
  private select(node: string): void {
    this.model.node = node;
    const line = this.model.look?.lines[node];
    if (line) {
      this.go(line, 1);
    }
    this.model.tell();
  }

  private go(line: number, column: number): void {
    const { editor } = this.editor;
    const position = { line: line - 1, column: Math.max(0, column - 1) };
    this.moving = true;
    editor.setCursorPosition(position);
    editor.revealPosition(position);
    this.moving = false;
  }

  /** Show in the graph where the cursor is in the text. */
  private follow(): void {
    const { look } = this.model;
    if (this.moving || !look) {
      return;
    }
    const line = this.editor.editor.getCursorPosition().line + 1;
    const before = Object.entries(look.lines)
      .filter(([, start]) => start <= line)
      .sort((a, b) => b[1] - a[1])[0];
    const node = before ? before[0] : null;
    if (node !== this.model.node) {
      this.model.node = node;
      this.model.tell();
    }
  }

  readonly editor: FileEditor;
  private readonly model = new FlowModel();
  private marks: Marks | null = null;
  private timer = 0;
  private asked = 0;
  private moving = false;
}

const STATUS: Record<string, string> = {
  node_started: 'Running',
  node_running: 'Running',
  node_completed: 'Completed',
  node_failed: 'Failed',
  node_bypassed: 'Bypassed',
  node_canceled: 'Canceled'
};

function marksOf(look: LookAnswer, path: string): Mark[] {
  const file = PathExt.basename(path);
  return [
    ...look.problems.map(problem => ({ ...problem, warning: false })),
    ...look.warnings.map(problem => ({ ...problem, warning: true }))
  ].filter(mark => !mark.file || PathExt.basename(mark.file) === file);
}

function FlowSide(props: {
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

function RunForm(props: {
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

export class FlowFactory extends ABCWidgetFactory<FlowDocument, DocumentRegistry.ICodeModel> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<FlowDocument>,
    private readonly services: IEditorServices,
    private readonly flow: FlowOptions
  ) {
    super(options);
  }

  protected createNewWidget(context: DocumentRegistry.CodeContext): FlowDocument {
    return new FlowDocument(context, this.services, this.flow);
  }
}
