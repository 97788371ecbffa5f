// Asks the server: requests, long work, streams of events. Nothing here knows of pictures.

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { ErrorAnswer, OperationAnswer } from './api-types';

const PREFIX = 'pf/api';

/** What the server refused or failed to do, with the way out. */
export class PfError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string
  ) {
    super(message);
  }

  /** Whether a right is missing. */
  get refused(): boolean {
    return this.status === 403;
  }
}

export interface ServerEvent {
  id: string;
  name: string;
  data: any;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The routes below a server's base URL. */
export class Api {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** Ask, and return the answer's document. */
  async ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const response = await this.send(method, path, {
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' }
    });
    if (response.status === 204) {
      return undefined as T;
    }
    return (await response.json()) as T;
  }

  /** Follow a stream until it ends or is aborted. */
  async *events(
    path: string,
    signal: AbortSignal,
    last = ''
  ): AsyncGenerator<ServerEvent> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (last) {
      headers['Last-Event-ID'] = last;
    }
    const response = await this.send('GET', path, { headers, signal });
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = '';
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          return;
        }
        text += decoder.decode(value, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) {
          const event = parsed(block);
          if (event) {
            yield event;
          }
        }
      }
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  }

  /**
   * Begin long work, follow it to its end and return what came of it.
   *
   * A stream that is cut is taken up again where it was; the work goes on meanwhile.
   */
  async work<T>(
    method: Method,
    path: string,
    body: unknown,
    hear: (event: ServerEvent) => void = () => undefined
  ): Promise<T> {
    const operation = await this.ask<OperationAnswer>(method, path, body ?? {});
    let last = '';
    for (let failures = 0; ; ) {
      try {
        const stream = this.events(
          `operations/${operation.id}/events`,
          new AbortController().signal,
          last
        );
        for await (const event of stream) {
          failures = 0;
          last = event.id || last;
          if (event.name === 'end') {
            if (event.data.error) {
              throw failed(500, event.data.error);
            }
            return event.data.result as T;
          }
          hear(event);
        }
      } catch (error) {
        if (error instanceof PfError || ++failures > 5) {
          throw asPfError(error);
        }
      }
      await pause(500);
    }
  }

  private async send(
    method: Method,
    path: string,
    init: RequestInit
  ): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, PREFIX, path);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        url,
        { method, ...init },
        this.settings
      );
    } catch (error) {
      throw asPfError(error);
    }
    if (!response.ok) {
      const document = await response.json().catch(() => ({}));
      throw failed(response.status, document);
    }
    return response;
  }
}

/** Return the error that a thrown thing is, for people. */
export function asPfError(error: unknown): PfError {
  if (error instanceof PfError) {
    return error;
  }
  return new PfError(
    0,
    'unreachable',
    'The server does not answer',
    'Look whether it still runs; it is asked again by itself.'
  );
}

/** Wait for so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

function failed(status: number, document: Partial<ErrorAnswer>): PfError {
  const kind = document.kind === 'Refused' ? 403 : status;
  return new PfError(
    kind,
    document.code ?? 'error',
    document.message ?? `The server answered with ${status}`,
    document.hint ?? ''
  );
}

function parsed(block: string): ServerEvent | null {
  const event: ServerEvent = { id: '', name: 'message', data: null };
  for (const line of block.split('\n')) {
    if (line.startsWith('id: ')) {
      event.id = line.slice(4);
    } else if (line.startsWith('event: ')) {
      event.name = line.slice(7);
    } else if (line.startsWith('data: ')) {
      event.data = JSON.parse(line.slice(6));
    }
  }
  return block.startsWith(':') ? null : event;
}
