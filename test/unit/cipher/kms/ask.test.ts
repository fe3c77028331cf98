// Proves which answers of a key service are asked for again and which are not, that nothing waits
// for ever, and that answers without what was asked for are errors; the transport is scripted.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import {
  type AskOptions,
  ask,
  bytesField,
  KeyServiceError,
  textField,
} from "../../../../src/cipher/kms/ask.ts";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";
import type { Transport } from "../../../../src/storage/service/transport.ts";

type Step = Error | { readonly status: number; readonly text: string };

function scripted(steps: readonly Step[]) {
  const left = [...steps];
  const waits: number[] = [];
  let requests = 0;
  const transport: Transport = async () => {
    const step = left.shift();
    if (step === undefined) throw new Error("asked too often");
    if (step instanceof Error) throw step;
    const { status, text } = step;
    async function* body() {
      yield Buffer.from(text);
    }
    return { status, headers: new Headers(), body: body() };
  };
  const sleep = async (delayMs: number) => void waits.push(delayMs);
  const options: AskOptions = {
    name: "a service",
    transport,
    clock: { ...SYSTEM_CLOCK, sleep },
    log: SILENT_LOGGER,
    signal: new AbortController().signal,
    random: () => 1,
  };
  const makeRequest = async () => {
    requests += 1;
    return { method: "POST", url: new URL("https://kms.test"), headers: {}, body: "{}" };
  };
  const explain = ({ status }: { readonly status: number }) =>
    new KeyServiceError("a service", { detail: `status ${status}`, isTransient: status >= 500 });
  return { waits, requests: () => requests, answer: ask(options, makeRequest, explain) };
}

const OK = { status: 200, text: '{"a":"b"}' };

test("failures that pass are asked again with a new request, and waits grow", async () => {
  const broken = new ConnectionError("the request failed", new Error("reset"));
  const run = scripted([broken, { status: 503, text: "<html>" }, { status: 500, text: "" }, OK]);
  expect(await run.answer).toEqual({ a: "b" });
  expect(run.requests()).toBe(4);
  expect(run.waits).toEqual([100, 200, 400]);
});

test("after eight attempts the last failure is told", async () => {
  const run = scripted(Array.from({ length: 9 }, () => ({ status: 503, text: "" })));
  await expect(run.answer).rejects.toThrow("a service: status 503");
  expect(run.requests()).toBe(8);
});

test("refusals, foreign errors and certificates that are not trusted end it at once", async () => {
  const refused = scripted([{ status: 400, text: "{}" }]);
  await expect(refused.answer).rejects.toThrow("a service: status 400");
  const bug = new TypeError("a bug");
  await expect(scripted([bug]).answer).rejects.toBe(bug);
  const cause = Object.assign(new Error("self signed"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  const untrusted = scripted([new ConnectionError("the request failed", cause)]);
  await expect(untrusted.answer).rejects.toMatchObject({
    message: "a service: the request failed (DEPTH_ZERO_SELF_SIGNED_CERT)",
    code: "storage",
    hint: expect.stringContaining("AWS_CA_BUNDLE"),
  });
  expect(untrusted.requests()).toBe(1);
});

test("fields that are missing or of another kind are errors", () => {
  expect(bytesField("kms", { key: "AQI=" }, "key")).toEqual(Buffer.of(1, 2));
  for (const key of [undefined, "", "A", "A*==", 5, null]) {
    expect(() => bytesField("kms", { key }, "key")).toThrow("kms: the answer has no key");
  }
  expect(textField("kms", { token: "t" }, "token")).toBe("t");
  for (const token of [undefined, "", 5]) {
    expect(() => textField("kms", { token }, "token")).toThrow("kms: the answer has no token");
  }
});
