// A flow file: its text and its graph side by side, checked while it is written, and run.

import { CodeEditor, IEditorServices } from '@jupyterlab/codeeditor';
import { ABCWidgetFactory, DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry';
import { FileEditor } from '@jupyterlab/fileeditor';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { SplitPanel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { asPfError, PfError } from './api';
import type { LookAnswer, RunAnswer } from './api-types';
import { FlowModel, FlowOptions, marksOf, STATUS } from './flow-model';
import { FlowSide } from './flow-side';
import { flowIcon } from './icons';
import { Marks } from './marks';
import { NodeState } from './run';

/** Below so many pixels text and graph stand below each other. */
const NARROW = 640;

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

  protected onResize(msg: Widget.ResizeMessage): void {
    super.onResize(msg);
    const width = msg.width < 0 ? this.node.offsetWidth : msg.width;
    this.content.orientation = width < NARROW ? 'vertical' : 'horizontal';
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
