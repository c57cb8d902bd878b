/** A mail server on loopback that speaks SMTP (RFC 5321) and keeps what it is given. It may refuse for a while. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { atEnd } from './database.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  /** As it was sent: quoted-printable taken back. */
  readonly text: string;
}

export interface SmtpServer {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** So many mails from now on are refused for a passing reason. */
  refuse(count: number): void;
  /** Resolves with the first mail that fits, past or to come. */
  mail(fits: (mail: ReceivedMail) => boolean): Promise<ReceivedMail>;
}

/** It ends with the test file, after its database was let go. */
export async function startSmtpServer(): Promise<SmtpServer> {
  const mails: ReceivedMail[] = [];
  const waiting = new Set<() => void>();
  let refusals = 0;
  const server = createServer((socket) => {
    let buffer = '';
    let lines: string[] | null = null;
    let [from, to] = ['', ''];
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const command = (line: string): void => {
      const [, sender] = /^MAIL FROM:<(.*?)>/i.exec(line) ?? [];
      const [, recipient] = /^RCPT TO:<(.*?)>/i.exec(line) ?? [];
      if (/^(EHLO|HELO) /i.test(line)) say('250 loopback');
      else if (sender !== undefined) {
        from = sender;
        say('250 fine');
      } else if (recipient !== undefined) {
        to = recipient;
        if (refusals > 0) {
          refusals -= 1;
          say('451 try again later');
        } else say('250 fine');
      } else if (/^DATA$/i.test(line)) {
        lines = [];
        say('354 end with a dot');
      } else if (/^QUIT$/i.test(line)) socket.end('221 bye\r\n');
      else if (/^(RSET|NOOP)/i.test(line)) say('250 fine');
      else say('502 unknown');
    };
    socket.on('data', (chunk) => {
      buffer += chunk.toString('latin1');
      for (let at = buffer.indexOf('\r\n'); at !== -1; at = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, at);
        buffer = buffer.slice(at + 2);
        if (lines === null) command(line);
        else if (line === '.') {
          mails.push(readMail(from, to, lines));
          lines = null;
          say('250 taken');
          for (const look of waiting) look();
        } else lines.push(line.startsWith('.') ? line.slice(1) : line);
      }
    });
    socket.on('error', () => undefined);
    say('220 loopback ESMTP');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => void server.close());
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    refuse: (count) => void (refusals = count),
    mail(fits) {
      return new Promise((resolve) => {
        const look = (): void => {
          const found = mails.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
  };
}

function readMail(from: string, to: string, lines: readonly string[]): ReceivedMail {
  const end = lines.indexOf('');
  const headers = lines.slice(0, end).join('\r\n').replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const subject = headers.find((line) => /^subject:/i.test(line))?.replace(/^subject: */i, '') ?? '';
  const encoding = headers.find((line) => /^content-transfer-encoding:/i.test(line)) ?? '';
  const body = lines.slice(end + 1).join('\n');
  const text = /quoted-printable/i.test(encoding) ? body.replace(/=\n/g, '').replace(/(?:=[0-9A-F]{2})+/g, (hex) => Buffer.from(hex.replaceAll('=', ''), 'hex').toString()) : body;
  return { from, to, subject, text };
}
