import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

/** A process that collects its garbage after each of the first requests, as one that rests between them does. */
const program = `
import http from 'node:http';
import { settleObjectShapes } from ${JSON.stringify(new URL('./object-shapes.ts', import.meta.url).href)};
settleObjectShapes();
const seen = [];
const server = http.createServer((request, response) => {
  response.end('ok');
  seen.push(%HasFastProperties(request) && %HasFastProperties(response) && %HasFastProperties(request.socket));
});
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  for (let sent = 0; sent < 40; sent += 1) {
    await fetch('http://127.0.0.1:' + port, { headers: { connection: 'close' } }).then((answer) => answer.text());
    gc();
  }
  console.log(seen.map((fast) => (fast ? '+' : '-')).join(''));
  server.close();
});`;

test('requests, answers and sockets keep their shapes, however much is collected between the first of them', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--allow-natives-syntax', '--input-type=module', '--eval', program]);
  assert.equal(stdout.trim(), '+'.repeat(40));
});
