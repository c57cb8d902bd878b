/**
 * The first page and the assets of server-rendered pages, read once from the console's folder. Scripts are TypeScript
 * there; their types are stripped here (by the same stripper as Node's), so that no build stands between a checkout and
 * a page.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/wasm-typescript';
import { route, type Route } from '../http/route.ts';

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Asset {
  readonly path: string;
  readonly file: string;
  readonly type: string;
  readonly summary: string;
}

const assets: readonly Asset[] = [
  { path: '/', file: 'overview.html', type: 'text/html; charset=utf-8', summary: 'Overview of accounts and calls' },
  { path: '/favicon.ico', file: 'icon.svg', type: 'image/svg+xml', summary: 'Icon of pages' },
  { path: '/assets/page.css', file: 'page.css', type: 'text/css; charset=utf-8', summary: 'Style sheet of pages' },
  { path: '/assets/overview.js', file: 'overview.ts', type: 'text/javascript; charset=utf-8', summary: 'Script of the overview' },
];

export function overviewRoutes(pagesDir: string): Route[] {
  return assets.map(({ path, file, type, summary }) => {
    const text = readFileSync(join(pagesDir, file), 'utf8');
    const body = file.endsWith('.ts') ? transformSync(text, { mode: 'strip-only' }).code : text;
    return route({
      method: 'GET',
      path,
      summary,
      tag: 'pages',
      access: 'open',
      audit: { none: 'reads only' },
      schema: { response: { 200: null } },
      handle: ({ reply }) =>
        reply.type(type).header('content-security-policy', policy).header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer').send(body),
    });
  });
}
