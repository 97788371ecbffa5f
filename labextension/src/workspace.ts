// What the workspace holds, kept up to date by the server's events: never by asking again
// and again.

import { ISignal, Signal } from '@lumino/signaling';

import { Api, asPfError, pause, PfError, ServerEvent } from './api';
import type {
  ComputeAnswer,
  ComputesAnswer,
  CurrentAnswer,
  EnvironmentsAnswer,
  RightAnswer,
  RightsAnswer,
  RunLine,
  RunsAnswer,
  RuntimeAnswer,
  RuntimesAnswer,
  VersionAnswer
} from './api-types';

/** A list on its way, there, or not to be had. */
export type Loaded<T> =
  | { state: 'loading' }
  | { state: 'ready'; items: T[] }
  | { state: 'failed'; error: PfError };

/** Long work of this page that goes on. */
export interface Work {
  title: string;
  step: string;
}

export type Noun = 'runtimes' | 'runs' | 'environments' | 'computes';

const NOUNS: Noun[] = ['runtimes', 'runs', 'environments', 'computes'];
const LOADING = { state: 'loading' } as const;

export class Workspace {
  runtimes: Loaded<RuntimeAnswer> = LOADING;
  runs: Loaded<RunLine> = LOADING;
  environments: Loaded<VersionAnswer> = LOADING;
  computes: Loaded<ComputeAnswer> = LOADING;
  current: string | null = null;
  /** Grows whenever somebody's rights have changed. */
  rightsVersion = 0;
  /** Whether events arrive. */
  live = false;
  readonly work = new Map<number, Work>();

  constructor(readonly api: Api) {
    void this.follow();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A runtime by its name. */
  runtime(name: string | null): RuntimeAnswer | undefined {
    return this.runtimes.state === 'ready'
      ? this.runtimes.items.find(item => item.name === name)
      : undefined;
  }

  /** Whether a right is there, on nothing in particular; unknown means yes. */
  right(name: string): RightAnswer {
    return this.rights[name] ?? { allowed: true };
  }

  /** What may be done to one thing. */
  async rightsOn(thing: string): Promise<Record<string, RightAnswer>> {
    const path = `rights?on=${encodeURIComponent(thing)}`;
    return (await this.api.ask<RightsAnswer>('GET', path)).rights;
  }

  /** Do long work; what it tells is shown while it lasts. */
  async do<T>(
    title: string,
    method: 'POST' | 'PATCH',
    path: string,
    body: unknown = {},
    hear?: (event: ServerEvent) => void
  ): Promise<T> {
    const key = this._next++;
    this.work.set(key, { title, step: '' });
    this._changed.emit();
    try {
      return await this.api.work<T>(method, path, body, event => {
        if (event.name === 'phase') {
          const { phase, detail } = event.data;
          this.work.set(key, { title, step: [phase, detail].filter(Boolean).join(' · ') });
          this._changed.emit();
        }
        hear?.(event);
      });
    } finally {
      this.work.delete(key);
      this._changed.emit();
    }
  }

  /** Load a list anew. */
  async load(noun: Noun): Promise<void> {
    const number = (this._asked[noun] = (this._asked[noun] ?? 0) + 1);
    let found: Loaded<any>;
    try {
      found = { state: 'ready', items: await this.ask(noun) };
    } catch (error) {
      found = { state: 'failed', error: asPfError(error) };
    }
    if (number === this._asked[noun]) {
      // an answer that was overtaken by a later one says nothing
      (this as any)[noun] = found;
      this._changed.emit();
    }
  }

  dispose(): void {
    this._end.abort();
    Signal.clearData(this);
  }

  private async ask(noun: Noun): Promise<unknown[]> {
    switch (noun) {
      case 'runtimes': {
        const [all, current] = await Promise.all([
          this.api.ask<RuntimesAnswer>('GET', 'runtimes'),
          this.api.ask<CurrentAnswer>('GET', 'current-runtime')
        ]);
        this.current = current.runtime?.name ?? null;
        return all.runtimes;
      }
      case 'runs':
        return (await this.api.ask<RunsAnswer>('GET', 'runs?limit=50')).runs;
      case 'environments':
        return (await this.api.ask<EnvironmentsAnswer>('GET', 'environments'))
          .environments;
      case 'computes':
        return (await this.api.ask<ComputesAnswer>('GET', 'computes')).computes;
    }
  }

  private async loadRights(): Promise<void> {
    try {
      this.rights = (await this.api.ask<RightsAnswer>('GET', 'rights')).rights;
    } catch {
      this.rights = {};
    }
    this.rightsVersion++;
    this._changed.emit();
  }

  private async follow(): Promise<void> {
    let wait = 500;
    while (!this._end.signal.aborted) {
      try {
        for await (const event of this.api.events('events', this._end.signal)) {
          wait = 500;
          this.live = true;
          const nouns: string[] = event.data.nouns;
          NOUNS.filter(noun => nouns.includes(noun)).forEach(
            noun => void this.load(noun)
          );
          if (nouns.includes('roles')) {
            void this.loadRights();
          }
        }
      } catch (error) {
        NOUNS.filter(noun => this[noun].state === 'loading').forEach(noun => {
          (this as any)[noun] = { state: 'failed', error: asPfError(error) };
        });
      }
      this.live = false;
      this._changed.emit();
      await pause(wait);
      wait = Math.min(2 * wait, 15000);
    }
  }

  private rights: Record<string, RightAnswer> = {};
  private _asked: Partial<Record<Noun, number>> = {};
  private _next = 0;
  private _end = new AbortController();
  private _changed = new Signal<this, void>(this);
}
