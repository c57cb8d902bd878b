/** Performing calls of fixtures for real, by the server's own way out to vendors. */
import type { Fixture } from '@evenkeel/contract/fixture.ts';
import type { Connector, OutgoingRequest } from '@evenkeel/core/connectors/connector.ts';
import type { VendorReply } from '@evenkeel/core/gateway/answer.ts';
import type { FixtureDraft, Recording } from '@evenkeel/core/gateway/fixture-record.ts';

export interface Recorder {
  record(connector: Connector, draft: FixtureDraft, account: NonNullable<Fixture['account']>): Promise<Recording>;
  close(): Promise<void>;
}

/** `via` leads every vendor elsewhere; `{host}` in it stands for the real host. `cut` shortens the vendor's answers before anything reads them. */
export async function recordWith(via: string | undefined, signal: AbortSignal, cut: (body: Uint8Array) => Uint8Array = (body) => body): Promise<Recorder> {
  const [{ recordFixture }, { headerMap }, { createUpstreamClient }, { createHostMap }, { createCrypto }] = await Promise.all([
    import('@evenkeel/core/gateway/fixture-record.ts'),
    import('@evenkeel/core/connectors/answers/upstream-answer.ts'),
    import('@evenkeel/server/upstream/client.ts'),
    import('@evenkeel/server/upstream/host-map.ts'),
    import('@evenkeel/server/upstream/crypto.ts'),
  ]);
  const upstream = createUpstreamClient({ hostMap: createHostMap(via === undefined ? {} : { '*': via }) });
  const send = async (request: OutgoingRequest): Promise<VendorReply> => {
    const reply = await upstream.send(request, { signal });
    return { status: reply.status, headers: headerMap(reply.headers), bytes: cut(await reply.bytes()) };
  };
  return { record: (connector, draft, account) => recordFixture(connector, draft, account, { crypto: createCrypto(), send }), close: () => upstream.close() };
}
