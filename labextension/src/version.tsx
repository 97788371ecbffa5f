// Whether a runtime's environment is the newest, and the way onto a newer one and back.

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { asPfError, PfError } from './api';
import type {
  NewerAnswer,
  RehearsalAnswer,
  RightAnswer,
  RuntimeAnswer,
  UpdateAnswer,
  VersionCheckAnswer
} from './api-types';
import { Act, Busy, Problem } from './parts';
import { Workspace } from './workspace';

interface Check {
  newer: boolean;
  notice: string;
  latest: { name: string; version: string } | null;
  problem: { code: string; message: string; hint: string } | null;
}

interface Rehearsal {
  passed: boolean;
  counts: { equal: number; differs: number; varies: number; not_compared: number };
}

export function Version(props: {
  item: RuntimeAnswer;
  workspace: Workspace;
  trans: TranslationBundle;
  right: RightAnswer;
}): JSX.Element {
  const { item, workspace, trans, right } = props;
  const here = `runtimes/${encodeURIComponent(item.name)}/version`;
  const [known, setKnown] = React.useState<NewerAnswer | null>(null);
  const [busy, setBusy] = React.useState('');
  const [told, setTold] = React.useState('');
  const [later, setLater] = React.useState(false);
  const [error, setError] = React.useState<PfError | null>(null);
  const digest = item.environment?.digest;

  const load = async (): Promise<void> => {
    setKnown(await workspace.api.ask<NewerAnswer>('GET', here));
  };
  React.useEffect(() => {
    load().catch(() => undefined);
  }, [item.id, digest, item.state]);

  const act = async (title: string, what: () => Promise<string>): Promise<void> => {
    setBusy(title);
    setError(null);
    setTold('');
    try {
      setTold(await what());
      await load();
    } catch (failure) {
      setError(asPfError(failure));
    }
    setBusy('');
  };
  const check = (): Promise<void> =>
    act(trans.__('Looking for a newer version'), async () => {
      const found = await workspace.api.ask<VersionCheckAnswer>('POST', `${here}/check`, {
        fresh: true
      });
      const { newer, problem } = found.check as unknown as Check;
      setLater(false);
      if (problem) {
        throw new PfError(503, problem.code, problem.message, problem.hint);
      }
      return newer ? '' : trans.__('This is the newest version.');
    });
  const rehearse = (): Promise<void> =>
    act(trans.__('Rehearsing the last runs in both'), async () => {
      await workspace.do<RehearsalAnswer>(
        trans.__('Rehearsing %1', item.name),
        'POST',
        `${here}/rehearse`
      );
      return '';
    });
  const move = (verb: 'update' | 'rollback', title: string, done: string): Promise<void> =>
    act(title, async () => {
      await workspace.do<UpdateAnswer>(title, 'POST', `${here}/${verb}`);
      return done;
    });

  const found = known?.check as unknown as Check | null | undefined;
  const rehearsal = known?.rehearsal as unknown as Rehearsal | null | undefined;
  const offered = Boolean(found?.newer) && !later;
  return (
    <div className="pf-Version">
      {offered && (
        <div className="pf-Notice" role="group" aria-label={trans.__('A newer version')}>
          <p>{found!.notice}</p>
          {rehearsal && (
            <p role="status">
              {rehearsal.passed ? '✓ ' : '✗ '}
              {trans._n('%1 output is equal', '%1 outputs are equal', rehearsal.counts.equal)}
              {', '}
              {trans.__('%1 differ', rehearsal.counts.differs)}
              {rehearsal.counts.varies > 0 &&
                `, ${trans.__('%1 vary by themselves', rehearsal.counts.varies)}`}
            </p>
          )}
          <div className="pf-Acts">
            <Act
              label={trans.__('Rehearse')}
              title={trans.__('Repeat the last runs in both versions, side by side')}
              right={right}
              trans={trans}
              disabled={Boolean(busy)}
              onClick={() => void rehearse()}
            />
            <Act
              primary
              label={trans.__('Update')}
              right={right}
              trans={trans}
              disabled={Boolean(busy)}
              onClick={() =>
                void move(
                  'update',
                  trans.__('Updating %1', item.name),
                  trans.__('Updated; what it stood on before is kept.')
                )
              }
            />
            <Act label={trans.__('Not now')} onClick={() => setLater(true)} />
          </div>
        </div>
      )}
      <div className="pf-Acts">
        {!offered && (
          <Act
            label={trans.__('Check version')}
            disabled={Boolean(busy)}
            onClick={() => void check()}
          />
        )}
        {known?.previous && (
          <Act
            label={trans.__('Roll back')}
            title={trans.__('Go back to before the last update')}
            right={right}
            trans={trans}
            disabled={Boolean(busy)}
            onClick={() =>
              void move(
                'rollback',
                trans.__('Rolling back %1', item.name),
                trans.__('It is what it was before the update.')
              )
            }
          />
        )}
      </div>
      {busy && <Busy>{busy}</Busy>}
      {told && <p role="status">{told}</p>}
      {error && <Problem error={error} trans={trans} />}
    </div>
  );
}
