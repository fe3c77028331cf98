import { concatBytes } from "../../src/stream/byte-stream.ts";

/**
 * The resumable uploads of Google Cloud Storage's documentation in front of a server that has
 * them only as far as nothing fails: fake-gcs-server takes the question for a position as the end
 * of an upload, and stores a chunk that comes twice two times. Here chunks have their place, what
 * is there already is ignored, and the object is made by one conditional request behind it.
 */
export interface GcsSessions {
  readonly url: string;
  /** Keeps only so many bytes of the next chunk: the service may. */
  keepOfNextChunk(keptBytes: number): void;
  /** Uploads that are neither completed nor removed. */
  openCount(): number;
  stop(): Promise<void>;
}

interface Session {
  readonly query: URLSearchParams;
  readonly resource: string;
  readonly chunks: Uint8Array[];
  storedBytes: number;
  completed: { readonly body: string } | undefined;
}

/** Every chunk but the last is a multiple of it, and so is what is kept of one. */
const UNIT_BYTES = 256 * 1024;

export function startGcsSessions(upstream: string): GcsSessions {
  const sessions = new Map<string, Session>();
  let keptBytes: number | undefined;

  const begin = async (request: Request, url: URL): Promise<Response> => {
    const resource = await request.text();
    const name = url.searchParams.get("name") ?? "";
    if (url.searchParams.get("ifGenerationMatch") === "0" && (await exists(url, name))) {
      return refusal(412, "conditionNotMet");
    }
    const id = crypto.randomUUID();
    sessions.set(id, {
      query: url.searchParams,
      resource,
      chunks: [],
      storedBytes: 0,
      completed: undefined,
    });
    const query = `uploadType=resumable&upload_id=${id}`;
    const location = `http://${request.headers.get("host")}${url.pathname}?${query}`;
    return new Response("", { headers: { location } });
  };

  const exists = async (url: URL, name: string): Promise<boolean> => {
    const path = url.pathname.replace("/upload", "");
    const answer = await fetch(`${upstream}${path}/${encodeURIComponent(name)}`);
    await answer.text();
    return answer.status === 200;
  };

  const put = async (request: Request, url: URL): Promise<Response> => {
    const id = url.searchParams.get("upload_id") ?? "";
    const session = sessions.get(id);
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (session === undefined) return refusal(404, "notFound");
    if (session.completed !== undefined) return new Response(session.completed.body);
    const range = request.headers.get("content-range") ?? "";
    const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(range);
    if (match === null) return refusal(400, "invalid");
    const [, first, last, total] = match;
    if (first !== undefined) {
      if (Number(last) - Number(first) + 1 !== bytes.byteLength) return refusal(400, "invalid");
      const fault = take(session, { bytes, first: Number(first), isOpen: total === "*" });
      if (fault !== undefined) return fault;
    }
    if (total !== "*" && Number(total) === session.storedBytes) return complete(session, url);
    const headers: Record<string, string> =
      session.storedBytes === 0 ? {} : { range: `bytes=0-${session.storedBytes - 1}` };
    return new Response("", { status: 308, headers });
  };

  const take = (
    session: Session,
    chunk: { readonly bytes: Uint8Array; readonly first: number; readonly isOpen: boolean },
  ): Response | undefined => {
    const known = session.storedBytes - chunk.first;
    const isAligned = (chunk.first + chunk.bytes.byteLength) % UNIT_BYTES === 0;
    if (known < 0 || (chunk.isOpen && !isAligned)) return refusal(400, "invalid");
    const limit = keptBytes ?? chunk.bytes.byteLength;
    keptBytes = undefined;
    const end = limit < chunk.bytes.byteLength ? limit - (limit % UNIT_BYTES) : limit;
    const kept = chunk.bytes.subarray(Math.min(known, end), end);
    session.chunks.push(kept);
    session.storedBytes += kept.byteLength;
    return undefined;
  };

  const complete = async (session: Session, url: URL): Promise<Response> => {
    const query = new URLSearchParams(session.query);
    query.set("uploadType", "multipart");
    const boundary = `sessions-${crypto.randomUUID()}`;
    const part = (type: string) =>
      Buffer.from(`\r\n--${boundary}\r\ncontent-type: ${type}\r\n\r\n`);
    const body = concatBytes([
      part("application/json"),
      Buffer.from(session.resource),
      part("application/octet-stream"),
      ...session.chunks,
      Buffer.from(`\r\n--${boundary}--`),
    ]);
    const answer = await fetch(`${upstream}${url.pathname}?${query}`, {
      method: "POST",
      headers: { "content-type": `multipart/related; boundary=${boundary}` },
      body,
    });
    const text = await answer.text();
    if (answer.ok) session.completed = { body: text };
    return new Response(text, { status: answer.status });
  };

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    async fetch(request) {
      const url = new URL(request.url);
      const isUpload = url.pathname.startsWith("/upload/");
      const isKnown = url.searchParams.has("upload_id");
      if (isUpload && isKnown && request.method === "PUT") return put(request, url);
      if (isUpload && isKnown && request.method === "DELETE") {
        sessions.delete(url.searchParams.get("upload_id") ?? "");
        return new Response("", { status: 499 });
      }
      if (isUpload && url.searchParams.get("uploadType") === "resumable") {
        return begin(request, url);
      }
      return pass(request, `${upstream}${url.pathname}${url.search}`);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    keepOfNextChunk: (bytes) => {
      keptBytes = bytes;
    },
    openCount: () =>
      [...sessions.values()].filter(({ completed }) => completed === undefined).length,
    stop: () => server.stop(true),
  };
}

async function pass(request: Request, target: string): Promise<Response> {
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  const answer = await fetch(target, {
    method: request.method,
    headers,
    redirect: "manual",
    decompress: false,
    ...(hasBody ? { body: await request.arrayBuffer() } : {}),
  });
  // A streamed answer would be sent without its size.
  return new Response(await answer.arrayBuffer(), {
    status: answer.status,
    headers: answer.headers,
  });
}

function refusal(code: number, reason: string): Response {
  const error = { code, message: reason, errors: [{ domain: "global", reason, message: reason }] };
  return Response.json({ error }, { status: code });
}
