// Proves with real pipes that all of stdin is read, and that a wait for more can be interrupted.
import { expect, test } from "vitest";

const MODULE = `${import.meta.dirname}/../../../src/cli/input.ts`;

function read(script: string) {
  const code = `
    const { STANDARD_INPUT } = await import(${JSON.stringify(MODULE)});
    const controller = new AbortController();
    ${script}`;
  return Bun.spawn([process.execPath, "-e", code], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
}

test("gives every byte of a pipe, in chunks that stay as they were", async () => {
  const child = read(`
    const kept = [];
    for await (const chunk of STANDARD_INPUT.open(controller.signal)) kept.push(chunk);
    console.log(new Bun.CryptoHasher("sha256").update(Buffer.concat(kept)).digest("hex"));`);
  const bytes = new Uint8Array(3_000_001).map((_, index) => (index * 31) ^ (index >> 8));
  child.stdin.write(bytes);
  await child.stdin.end();
  const expected = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  expect((await new Response(child.stdout).text()).trim()).toBe(expected);
});

test("an abort ends the wait for a pipe that gives nothing", async () => {
  const child = read(`
    const wait = (async () => { for await (const _ of STANDARD_INPUT.open(controller.signal)); })();
    controller.abort(new Error("stopped"));
    console.log(await wait.catch((error) => error.message));
    process.exit(0);`);
  expect((await new Response(child.stdout).text()).trim()).toBe("stopped");
  await child.stdin.end();
});
