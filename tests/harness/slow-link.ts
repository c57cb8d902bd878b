/** A TCP connection to PostgreSQL through a link that can be made slow: what is sent waits until the link is released. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { atEnd } from './database.ts';

export interface SlowLink {
  /** The database's address through the link. */
  readonly url: string;
  hold(): void;
  release(): void;
}

export async function startSlowLink(databaseUrl: string): Promise<SlowLink> {
  const target = new URL(databaseUrl);
  const waiting = new Map<Socket, Buffer[]>();
  let held = false;
  const server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname);
    waiting.set(database, []);
    client.on('data', (bytes) => {
      if (held) waiting.get(database)?.push(bytes as Buffer);
      else database.write(bytes);
    });
    database.on('data', (bytes) => client.write(bytes));
    for (const socket of [client, database]) {
      socket.on('error', () => undefined);
      // What still waits dies with whoever sent it.
      socket.on('close', () => {
        waiting.delete(database);
        client.destroy();
        database.destroy();
      });
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  atEnd(async () => {
    for (const database of waiting.keys()) database.destroy();
    await new Promise((closed) => server.close(closed));
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    hold() {
      held = true;
    },
    release() {
      held = false;
      for (const [database, bytes] of waiting) {
        for (const one of bytes) database.write(one);
        waiting.set(database, []);
      }
    },
  };
}
