// What JupyterLab loads: puts the views where people look for them.

import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  IToolbarWidgetRegistry,
  Notification,
  showDialog,
  WidgetTracker
} from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api, asPfError } from './api';
import type { ChecksAnswer, NamesAnswer, StarterFilesAnswer } from './api-types';
import { checksBody, ExampleChoice } from './dialogs';
import { FlowDocument, FlowFactory } from './flow';
import { flowIcon } from './icons';
import { SidePanel } from './panel';
import { Binding, Picker } from './picker';
import { runWidget } from './run';
import { StatusItem } from './status';
import { Workspace } from './workspace';

const FACTORY = 'Flow';
const FILE_TYPE = 'pf-flow';
const STARTED = 'my-flow';

namespace CommandIDs {
  export const panel = 'pf-jupyter:show';
  export const create = 'pf-jupyter:create-runtime';
  export const pick = 'pf-jupyter:pick-runtime';
  export const flow = 'pf-jupyter:new-flow';
  export const example = 'pf-jupyter:open-example';
  export const run = 'pf-jupyter:run-flow';
  export const show = 'pf-jupyter:open-run';
  export const doctor = 'pf-jupyter:doctor';
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'pf-jupyter:plugin',
  description: 'Prompt flow runtimes: side panel, notebook picker, flow viewer.',
  autoStart: true,
  requires: [IEditorServices],
  optional: [
    ITranslator,
    ISettingRegistry,
    ICommandPalette,
    ILauncher,
    IStatusBar,
    INotebookTracker,
    IToolbarWidgetRegistry,
    IDefaultFileBrowser,
    ILayoutRestorer,
    ILabShell
  ],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  editorServices: IEditorServices,
  translator: ITranslator | null,
  registry: ISettingRegistry | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  statusBar: IStatusBar | null,
  notebooks: INotebookTracker | null,
  toolbars: IToolbarWidgetRegistry | null,
  browser: IDefaultFileBrowser | null,
  restorer: ILayoutRestorer | null,
  labShell: ILabShell | null
): void {
  const trans = (translator ?? nullTranslator).load('pf_jupyter');
  const { commands, shell, serviceManager, docRegistry } = app;
  const { contents } = serviceManager;
  const workspace = new Workspace(new Api(serviceManager.serverSettings));
  let delay = 400;
  if (registry) {
    void registry.load(plugin.id).then(settings => {
      const read = (): void => {
        delay = settings.get('checkDelay').composite as number;
      };
      read();
      settings.changed.connect(read);
    });
  }

  // the side panel
  const openRun = (run: string): void => void commands.execute(CommandIDs.show, { run });
  const panel = new SidePanel(workspace, trans, openRun);
  shell.add(panel, 'left', { rank: 650 });
  restorer?.add(panel, 'pf-panel');

  // flow files
  const flows = new WidgetTracker<FlowDocument>({ namespace: 'pf-flows' });
  docRegistry.addFileType({
    name: FILE_TYPE,
    displayName: trans.__('Prompt flow'),
    pattern: 'flow\\.dag\\.ya?ml$',
    extensions: ['.dag.yaml', '.dag.yml'],
    mimeTypes: ['text/x-yaml'],
    fileFormat: 'text',
    contentType: 'file',
    icon: flowIcon
  });
  const factory = new FlowFactory(
    {
      name: FACTORY,
      label: trans.__('Flow'),
      modelName: 'text',
      fileTypes: [FILE_TYPE],
      defaultFor: [FILE_TYPE]
    },
    editorServices,
    {
      workspace,
      trans,
      delay: () => delay,
      openFile: path => void commands.execute('docmanager:open', { path })
    }
  );
  factory.widgetCreated.connect((_, widget) => {
    void flows.add(widget);
  });
  docRegistry.addWidgetFactory(factory);
  if (restorer) {
    void restorer.restore(flows, {
      command: 'docmanager:open',
      args: widget => ({ path: widget.context.path, factory: FACTORY }),
      name: widget => widget.context.path
    });
  }

  // the notebook's runtime
  const pickers = new WeakMap<NotebookPanel, Picker>();
  const bindings = new WeakMap<NotebookPanel, Binding>();
  const create = (): void => void commands.execute(CommandIDs.create);
  notebooks?.widgetAdded.connect((_, notebook) => {
    bind(notebook);
  });
  const bind = (notebook: NotebookPanel): Binding => {
    let found = bindings.get(notebook);
    if (!found) {
      found = new Binding(notebook, () => serviceManager.kernelspecs.specs);
      bindings.set(notebook, found);
    }
    return found;
  };
  const picker = (notebook: NotebookPanel): Picker => {
    const made = new Picker(bind(notebook), workspace, trans, create);
    pickers.set(notebook, made);
    return made;
  };
  toolbars?.addFactory<NotebookPanel>('Notebook', 'pf-runtime', picker);

  if (statusBar) {
    const item = new StatusItem(workspace, trans, () => void commands.execute(CommandIDs.panel));
    const about = (): void => {
      const notebook = notebooks?.currentWidget;
      item.binding =
        notebook && labShell?.currentWidget === notebook ? bind(notebook) : null;
      item.update();
    };
    labShell?.currentChanged.connect(about);
    statusBar.registerStatusItem('pf-jupyter:status', { item, align: 'left', rank: 3 });
  }

  // commands
  const inFolder = (): string => browser?.model.path ?? '';
  const told = (error: unknown): void => {
    const { message, hint } = asPfError(error);
    Notification.error(hint ? `${message}\n${hint}` : message, { autoClose: 10000 });
  };
  const write = async (name: string, files: Record<string, string>): Promise<void> => {
    const folder = await free(contents, PathExt.join(inFolder(), name));
    await contents.save(folder, { type: 'directory' });
    const made = new Set(['']);
    for (const [file, content] of Object.entries(files)) {
      const parts = PathExt.dirname(file).split('/').filter(Boolean);
      for (let depth = 1; depth <= parts.length; depth++) {
        const inner = parts.slice(0, depth).join('/');
        if (!made.has(inner)) {
          made.add(inner);
          await contents.save(PathExt.join(folder, inner), { type: 'directory' });
        }
      }
      await contents.save(PathExt.join(folder, file), {
        type: 'file',
        format: 'text',
        content
      });
    }
    const main = 'flow.dag.yaml' in files ? 'flow.dag.yaml' : Object.keys(files)[0];
    await commands.execute('docmanager:open', { path: PathExt.join(folder, main) });
  };

  commands.addCommand(CommandIDs.panel, {
    label: trans.__('Show Runtimes'),
    icon: flowIcon,
    execute: () => shell.activateById(panel.id)
  });
  commands.addCommand(CommandIDs.create, {
    label: trans.__('Create a Runtime…'),
    caption: trans.__('A place where flows run'),
    icon: flowIcon,
    isEnabled: () => workspace.right('runtime.create').allowed,
    execute: () => {
      shell.activateById(panel.id);
      panel.create();
    }
  });
  commands.addCommand(CommandIDs.pick, {
    label: trans.__("Pick the Notebook's Runtime"),
    isEnabled: () => Boolean(notebooks?.currentWidget),
    execute: () => {
      const notebook = notebooks?.currentWidget;
      if (notebook) {
        pickers.get(notebook)?.focusOn();
      }
    }
  });
  commands.addCommand(CommandIDs.flow, {
    label: args => (args.isPalette ? trans.__('New Prompt Flow') : trans.__('New Flow')),
    caption: trans.__('A small flow that works as it is'),
    icon: flowIcon,
    execute: async () => {
      try {
        const started = await workspace.api.ask<StarterFilesAnswer>(
          'GET',
          'flow-starters/standard'
        );
        await write(STARTED, started.files);
      } catch (error) {
        told(error);
      }
    }
  });
  commands.addCommand(CommandIDs.example, {
    label: trans.__('Open an Example Flow…'),
    caption: trans.__('A copy of one of the flows that come with pf_jupyter'),
    icon: flowIcon,
    execute: async () => {
      try {
        const found = await workspace.api.ask<NamesAnswer>('GET', 'flow-examples');
        const body = new ExampleChoice(found.names, trans);
        const answer = await showDialog({
          title: trans.__('Open an example flow'),
          body,
          focusNodeSelector: 'select',
          buttons: [
            Dialog.cancelButton(),
            Dialog.okButton({ label: trans.__('Open a copy') })
          ]
        });
        if (answer.button.accept && answer.value) {
          const files = await workspace.api.ask<StarterFilesAnswer>(
            'GET',
            `flow-examples/${encodeURIComponent(answer.value)}`
          );
          await write(answer.value, files.files);
        }
      } catch (error) {
        told(error);
      }
    }
  });
  commands.addCommand(CommandIDs.run, {
    label: trans.__('Run the Flow'),
    isEnabled: () => Boolean(flows.currentWidget),
    execute: () => flows.currentWidget?.run()
  });
  commands.addCommand(CommandIDs.show, {
    label: trans.__('Open a Run'),
    isVisible: () => false,
    execute: args => {
      const id = `pf-run-${args.run}`;
      const open = Array.from(shell.widgets('main')).find(widget => widget.id === id);
      if (!open) {
        shell.add(runWidget(workspace, trans, String(args.run)), 'main');
      }
      shell.activateById(id);
    }
  });
  commands.addCommand(CommandIDs.doctor, {
    label: trans.__('Check the Installation'),
    execute: async () => {
      try {
        const found = await workspace.api.ask<ChecksAnswer>('GET', 'doctor');
        await showDialog({
          title: trans.__('Check of the installation'),
          body: checksBody(found.checks, trans),
          buttons: [Dialog.okButton({ label: trans.__('Close') })]
        });
      } catch (error) {
        told(error);
      }
    }
  });

  const category = trans.__('Prompt Flow');
  const { panel: show, create: make, pick, flow, example, run, doctor } = CommandIDs;
  for (const command of [show, make, pick, flow, example, run, doctor]) {
    palette?.addItem({ command, category, args: { isPalette: true } });
  }
  for (const [rank, command] of [flow, example, make].entries()) {
    launcher?.add({ command, category, rank });
  }
}

/** A path that nothing is at yet. */
async function free(
  contents: JupyterFrontEnd['serviceManager']['contents'],
  path: string
): Promise<string> {
  for (let number = 1; ; number++) {
    const tried = number === 1 ? path : `${path}-${number}`;
    try {
      await contents.get(tried, { content: false });
    } catch {
      return tried;
    }
  }
}
