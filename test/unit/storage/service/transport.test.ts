// Proves time-outs, proxies, authorities and ends of bodies against small servers on the loopback.
import { afterEach, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";
import { createTransport, readText } from "../../../../src/storage/service/transport.ts";
import { freePort } from "../../../support/free-port.ts";

const NEVER = new AbortController().signal;
const servers: { stop(force: boolean): unknown }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

function serve(answer: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer, idleTimeout: 0 });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

function transportOf(options: Partial<Parameters<typeof createTransport>[0]> = {}) {
  return createTransport({
    clock: SYSTEM_CLOCK,
    idleTimeoutMs: 150,
    certificateAuthorities: undefined,
    proxy: { https: undefined, http: undefined, none: undefined },
    ...options,
  });
}

function get(url: string, signal = NEVER) {
  return { method: "GET", url: new URL(url), headers: {}, body: undefined, signal };
}

/** Sends some bytes and then nothing. */
function stalled(firstBytes: number): Response {
  return new Response(
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(firstBytes));
        return new Promise(() => {});
      },
    }),
  );
}

describe("createTransport", () => {
  test("sends method, headers and body, and gives the bytes as they are stored", async () => {
    const url = serve(async (request) => {
      const body = await request.text();
      const facts = `${request.method} ${request.headers.get("x-one")} ${body}`;
      const headers = {
        "content-encoding": "gzip",
        encoding: `${request.headers.get("accept-encoding")}`,
      };
      return new Response(facts, { headers });
    });
    const response = await transportOf()({
      method: "PUT",
      url: new URL(url),
      headers: { "x-one": "1" },
      body: "abc",
      signal: NEVER,
    });
    // Not decoded, though the answer says that it is compressed.
    expect(await readText(response)).toBe("PUT 1 abc");
    expect(response.headers.get("encoding")).toBe("null");
  });

  test("redirections are answers like others", async () => {
    const url = serve(() => new Response(null, { status: 307, headers: { location: "/other" } }));
    expect((await transportOf()(get(url))).status).toBe(307);
  });

  test("no answer in time is a connection error", async () => {
    const url = serve(() => new Promise(() => {}));
    await expect(transportOf()(get(url))).rejects.toThrow("no byte in time");
  });

  test("a body that stalls is one too, but a consumer may take its time", async () => {
    const response = await transportOf()(get(serve(() => stalled(5))));
    const chunks = response.body[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toHaveLength(5);
    await Bun.sleep(250);
    await expect(chunks.next()).rejects.toThrow("no byte in time");
  });

  test("a refused connection keeps its cause", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error = await transportOf()(get(url)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  test("the caller's abort comes out as its reason, before, during and in the body", async () => {
    const reason = new Error("stopped");
    await expect(transportOf()(get("http://x", AbortSignal.abort(reason)))).rejects.toBe(reason);
    const waiting = new AbortController();
    const silent = serve(() => new Promise(() => {}));
    const sent = transportOf({ idleTimeoutMs: 5000 })(get(silent, waiting.signal));
    waiting.abort(reason);
    await expect(sent).rejects.toBe(reason);
    const reading = new AbortController();
    const url = serve(() => stalled(5));
    const response = await transportOf({ idleTimeoutMs: 5000 })(get(url, reading.signal));
    const chunks = response.body[Symbol.asyncIterator]();
    await chunks.next();
    const next = chunks.next();
    reading.abort(reason);
    await expect(next).rejects.toBe(reason);
  });

  test("goes through the proxy that the settings name, and around it", async () => {
    const proxy = serve((request) => new Response(`proxied ${request.url}`));
    const proxies = { https: undefined, http: proxy, none: undefined };
    const through = await transportOf({ proxy: proxies })(get("http://storage.invalid/a"));
    expect(await readText(through)).toBe("proxied http://storage.invalid/a");
    const around = transportOf({ proxy: { ...proxies, none: "invalid" } });
    await expect(around(get("http://storage.invalid/a"))).rejects.toBeInstanceOf(ConnectionError);
  });

  test("connects elsewhere under the URL's own name when told so", async () => {
    const url = new URL(serve((request) => new Response(request.headers.get("host"))));
    const transport = transportOf({ connectTo: async () => url });
    expect(await readText(await transport(get("http://storage.invalid:81/a")))).toBe(
      "storage.invalid:81",
    );
  });

  test("a body that is not read to its end is dropped with its connection", async () => {
    let isCanceled = false;
    const url = serve(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
            cancel: () => void (isCanceled = true),
          }),
        ),
    );
    const response = await transportOf()(get(url));
    for await (const _ of response.body) break;
    for (let wait = 0; wait < 100 && !isCanceled; wait += 1) await Bun.sleep(10);
    expect(isCanceled).toBe(true);
  });
});
