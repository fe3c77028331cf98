import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { AWS_KMS_FORMAT, openKmsCipher } from "../../src/cipher/kms-envelope.ts";
import { openLibsodiumCipher } from "../../src/cipher/libsodium.ts";
import { makeOpenPgpKey, openPgpCipher } from "../support/openpgp-key.ts";
import { incompressible } from "../support/sample-bytes.ts";
import { alternate, type Contestant, type Measure, measure, type Result } from "./measure.ts";
import type { BenchTable } from "./report.ts";

const MIB = 1 << 20;
const SAMPLE_MIB = 32;
const PASSES = 8;
const TOTAL_MIB = SAMPLE_MIB * PASSES;
const CHUNK_BYTES = 256 << 10;
const DIRECTIONS = ["encrypt", "decrypt"] as const;
type Direction = (typeof DIRECTIONS)[number];
/** Leave the second processor out: its runtime would compile and collect there. */
const ONE_CORE = ["taskset", "-c", "0"];
const REFERENCE = "openssl enc, ChaCha20";
const GOALS = [
  { cipher: "libsodium, addon", min: 500 },
  { cipher: "libsodium, WebAssembly", min: 140 },
];

const KEY = new Uint8Array(32).fill(7);
const sodium = (engine: "addon" | "wasm") =>
  openLibsodiumCipher(KEY, { log: SILENT_LOGGER, engine });

/** Enveloped OpenPGP and Yandex KMS pass their bytes through the same code as their neighbours. */
const CIPHERS: Readonly<Record<string, () => Cipher | Promise<Cipher>>> = {
  "libsodium, addon": () => sodium("addon"),
  "libsodium, WebAssembly": () => sodium("wasm"),
  "KMS, AES-256-GCM": () =>
    openKmsCipher(AWS_KMS_FORMAT, {
      // One small request for a whole process: what it takes is not the cipher's.
      service: {
        name: "none",
        encrypt: async (key) => Buffer.concat([key, Buffer.alloc(152)]),
        decrypt: async (encrypted) => encrypted.slice(0, 32),
      },
      keyId: "00000000",
    }),
  "OpenPGP, AES-CFB and SHA-1": async () => openPgpCipher((await makeOpenPgpKey()).private),
};

/** What the ciphers take of one core, beside openssl and gpg. */
export async function benchCiphers(rounds: number): Promise<BenchTable> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  try {
    const contestants = [
      ...Object.keys(CIPHERS).flatMap((cipher) =>
        DIRECTIONS.map((direction) => ownContestant(cipher, direction)),
      ),
      ...peers(folder),
    ];
    const results = (await alternate(contestants, rounds)).map(withRate);
    return {
      title: "Encryption",
      note:
        `${TOTAL_MIB} MiB that do not compress, on one core; ours in the memory of one process, ` +
        "without its start. The memory is the benchmark's own. " +
        GOALS.map((goal) => verdict(goal, results)).join(" "),
      results,
      reference: results.find(({ name }) => name.startsWith(REFERENCE))?.name ?? REFERENCE,
      goals: [],
    };
  } finally {
    Bun.spawnSync(["gpgconf", "--homedir", folder, "--kill", "all"]);
    rmSync(folder, { recursive: true });
  }
}

function ownContestant(cipher: string, direction: Direction): Contestant {
  return {
    name: `${cipher}, ${direction}`,
    prepare: async () => {},
    run: async () => {
      const command = [...ONE_CORE, process.execPath, import.meta.path, cipher, direction];
      const child = Bun.spawnSync(command, { stderr: "inherit" });
      if (child.exitCode !== 0) throw new Error(`${cipher}: exit code ${child.exitCode}`);
      return JSON.parse(child.stdout.toString()) as Measure;
    },
  };
}

function peers(folder: string): readonly Contestant[] {
  const plain = join(folder, "plain");
  const stored = join(folder, "stored");
  const sample = incompressible(SAMPLE_MIB * MIB, 1);
  writeFileSync(plain, Buffer.concat(Array.from({ length: PASSES }, () => sample)));
  const gpg = ["gpg", "--homedir", folder, "--batch", "--yes", "--quiet", "--no-tty"];
  const key = ["--passphrase", "", "--quick-generate-key", "bench", "rsa2048", "encrypt", "never"];
  const encrypt = [
    ...[...gpg, "--trust-model", "always", "--recipient", "bench", "--compress-algo", "none"],
    ...["--cipher-algo", "AES128", "--output", stored, "--encrypt", plain],
  ];
  for (const command of [[...gpg, ...key], encrypt]) {
    const { exitCode, stderr } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  }
  const openssl = ["openssl", "enc", "-chacha20", "-K", "07".repeat(32), "-iv", "00".repeat(16)];
  const peer = (name: string, argv: readonly string[]): Contestant => ({
    name,
    prepare: async () => {},
    run: () => measure({ argv: [...ONE_CORE, ...argv] }),
  });
  return [
    peer("gpg, encrypt", encrypt),
    peer("gpg, decrypt", [...gpg, "--output", "/dev/null", "--decrypt", stored]),
    peer(REFERENCE, [...openssl, "-in", plain, "-out", "/dev/null"]),
  ];
}

function rateOf({ measures }: Result): number {
  const wall = measures.map(({ wallMs }) => wallMs).sort((left, right) => left - right);
  return TOTAL_MIB / ((wall[wall.length >>> 1] ?? Number.NaN) / 1000);
}

function withRate(result: Result): Result {
  return { ...result, name: `${result.name}: ${rateOf(result).toFixed(0)} MiB/s` };
}

function verdict(goal: (typeof GOALS)[number], results: readonly Result[]): string {
  const rates = results.filter(({ name }) => name.startsWith(goal.cipher)).map(rateOf);
  const slowest = Math.min(...rates);
  const word = slowest >= goal.min ? "reached" : "NOT reached";
  return `${goal.cipher}, at least ${goal.min} MiB/s: **${slowest.toFixed(0)}**, ${word}.`;
}

/** In a process of its own: one cipher in one direction. */
async function runOne(name: string, direction: string): Promise<Measure> {
  const open = CIPHERS[name];
  if (open === undefined) throw new Error(`no cipher ${name}`);
  const cipher = await open();
  const plain = chunksOf(incompressible(SAMPLE_MIB * MIB, 1));
  const stored: Uint8Array[] = [];
  for await (const chunk of cipher.encrypt(streamOf(plain))) stored.push(chunk.slice());
  const stage = direction === "encrypt" ? cipher.encrypt : cipher.decrypt;
  const source = direction === "encrypt" ? plain : stored;
  const [cpuBefore, before] = [process.cpuUsage(), performance.now()];
  for (let pass = 0; pass < PASSES; pass += 1) {
    let bytes = 0;
    for await (const chunk of stage(streamOf(source))) bytes += chunk.byteLength;
    if (bytes < SAMPLE_MIB * MIB) throw new Error(`${name}: only ${bytes} bytes`);
  }
  const wallMs = performance.now() - before;
  const { user, system } = process.cpuUsage(cpuBefore);
  const peakRssMiB = process.resourceUsage().maxRSS / 1024;
  return { wallMs, cpuMs: (user + system) / 1000, peakRssMiB };
}

function chunksOf(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(bytes.byteLength / CHUNK_BYTES);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  );
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

if (import.meta.main) {
  const [name = "", direction = ""] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await runOne(name, direction)));
}
