// Proves that the OpenPGP library that WAL-G uses reads what is written, with RSA and elliptic
// curves, around the limits of a part.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect } from "../../src/stream/byte-stream.ts";
import { makeOpenPgpKey, openPgpCipher } from "../support/openpgp-key.ts";
import { inChunks, incompressible } from "../support/sample-bytes.ts";
import {
  installWalgLibraries,
  runWalgLibrary,
  WALG_LIBRARIES_HOOK_TIMEOUT_MS,
} from "../support/walg-libraries.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-openpgp-"));

beforeAll(async () => {
  await installWalgLibraries();
}, WALG_LIBRARIES_HOOK_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

test.each(["rsa", "ecc"] as const)("WAL-G's library reads messages for %s keys", async (type) => {
  const key = await makeOpenPgpKey({ type });
  const keyFile = join(folder, `${type}.asc`);
  writeFileSync(keyFile, key.private);
  const cipher = await openPgpCipher(key.public);
  for (const sizeBytes of [0, 1, 65_530, 65_531, 131_066, 700_000]) {
    const plain = incompressible(sizeBytes, 1);
    const input = inChunks(plain, { sizeBytesMax: 50_000, seed: 2 });
    const stored = await collect(cipher.encrypt(input), 1 << 24);
    const read = await runWalgLibrary("openpgp-decrypt", keyFile, stored);
    expect(Buffer.compare(read, plain), `${sizeBytes} bytes`).toBe(0);
  }
});
