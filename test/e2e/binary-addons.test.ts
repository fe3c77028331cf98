// Proves that each variant embeds the addons of its own machine only, by reading the ELF headers
// in it, and that the x64 one needs nothing beside itself, by running it where nothing else is.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildBinary, TARGETS, type TargetName } from "../../scripts/build.ts";
import { findElfImages } from "../support/elf.ts";
import { asServer, type RunResult, runAsServer, runToEnd } from "../support/run-as.ts";
import { builtBinary } from "../support/run-binary.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";

const NAMES = Object.keys(TARGETS) as readonly TargetName[];
const HISTORY = "1\t0/3000000\tno recovery target specified\n";
const ADDON_BYTES_MAX = 3_000_000;
let scratch: ScratchDir;

beforeAll(() => {
  builtBinary();
  scratch = makeScratch("alone");
});

afterAll(() => scratch[Symbol.dispose]());

function folder(name: string): string {
  const path = join(scratch.path, name);
  mkdirSync(path, { recursive: true });
  giveToServers(path);
  return path;
}

describe("what a variant embeds", () => {
  test.each(NAMES)("%s: its own addons and no other", async (target) => {
    const outfile = join(folder("variants"), target, "tidemark");
    await buildBinary({ target, outfile });
    const file = readFileSync(outfile);
    const [executable, ...embedded] = findElfImages(file);
    const { cpu, addons } = TARGETS[target];
    expect(executable).toEqual({ offset: 0, machine: cpu });
    expect(embedded.map(({ machine }) => machine)).toEqual(addons.map(() => cpu));
    const needsGlibc = embedded.map(({ offset }) =>
      file.subarray(offset, offset + ADDON_BYTES_MAX).includes("libc.so.6\0"),
    );
    expect(needsGlibc).toEqual(addons.map(() => !target.endsWith("-musl")));
  });

  test("the bytes of the host's addons are those of the pinned packages", () => {
    const file = readFileSync(join(scratch.path, "variants/linux-x64/tidemark"));
    const offsets = findElfImages(file).map(({ offset }) => offset);
    const { resolve } = createRequire(import.meta.url);
    for (const addon of TARGETS["linux-x64"].addons) {
      const at = file.indexOf(readFileSync(resolve(addon)));
      expect(offsets, addon).toContain(at);
    }
  });

  test("the same tree gives the same bytes", async () => {
    const outfile = join(folder("again"), "tidemark");
    await buildBinary({ target: "linux-x64", outfile });
    const first = readFileSync(join(scratch.path, "variants/linux-x64/tidemark"));
    expect(Bun.hash.xxHash3(readFileSync(outfile))).toBe(Bun.hash.xxHash3(first));
  });
});

/**
 * Runs the executable as a user who owns nothing, in an empty folder, with a temporary folder that
 * does not exist; where the kernel lets us, also with /tmp read-only and node_modules covered.
 */
async function runAlone(args: readonly string[], env: Record<string, string>): Promise<RunResult> {
  return runAsServer([...cover(), binaryPath(), ...args], {
    cwd: folder("empty"),
    // Inside the namespace the user looks like root.
    env: {
      TMPDIR: "/nonexistent",
      BUN_TMPDIR: "/nonexistent",
      TIDEMARK_ALLOW_ROOT: "true",
      ...env,
    },
  });
}

/** What hides all that could help: a mount namespace; empty where we may not have one. */
function cover(): readonly string[] {
  const modules = join(import.meta.dirname, "../../node_modules");
  const script = [
    `mount --bind '${scratch.path}' '${scratch.path}'`,
    "mount --rbind /tmp /tmp",
    "mount -o remount,bind,ro /tmp",
    `mount -t tmpfs -o ro none '${modules}'`,
    "! touch /tmp/probe 2>/dev/null",
    'exec "$@"',
  ].join(" && ");
  const command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
  return Bun.spawnSync(asServer([...command, "true"])).exitCode === 0 ? command : [];
}

describe("the executable alone", () => {
  test.each(["builtin", "addon"])(
    "compresses and decompresses with the %s engine",
    async (engine) => {
      const repository = folder(`repository-${engine}`);
      const wal = folder(`wal-${engine}`);
      writeFileSync(join(wal, "00000002.history"), HISTORY);
      const env = { TIDEMARK_FILE_PREFIX: repository, TIDEMARK_ZSTD_ENGINE: engine };
      const pushed = await runAlone(["wal-push", join(wal, "00000002.history")], env);
      expect(pushed.exitCode, pushed.stderr).toBe(0);
      expect(readdirSync(join(repository, "wal_005"))).toEqual(["00000002.history.zst"]);
      const target = join(wal, "fetched");
      const fetched = await runAlone(["wal-fetch", "00000002.history", target], env);
      expect(fetched.exitCode, fetched.stderr).toBe(0);
      expect(readFileSync(target, "utf8")).toBe(HISTORY);
    },
  );

  test("encrypts and decrypts with the addon of libsodium, which it finds in itself", async () => {
    const repository = folder("repository-sodium");
    const wal = folder("wal-sodium");
    writeFileSync(join(wal, "00000002.history"), HISTORY);
    const env = {
      TIDEMARK_FILE_PREFIX: repository,
      TIDEMARK_LIBSODIUM_KEY: "k".repeat(32),
      TIDEMARK_LOG_LEVEL: "DEVEL",
    };
    const pushed = await runAlone(["wal-push", join(wal, "00000002.history")], env);
    expect(pushed.exitCode, pushed.stderr).toBe(0);
    expect(pushed.stderr).not.toMatch(/WARN|addon not loaded/i);
    const target = join(wal, "fetched");
    const fetched = await runAlone(["wal-fetch", "00000002.history", target], env);
    expect(fetched.exitCode, fetched.stderr).toBe(0);
    expect(readFileSync(target, "utf8")).toBe(HISTORY);
  });

  test("leaves nothing in the temporary folder", async () => {
    const temporary = folder("temporary");
    const wal = folder("wal-temporary");
    writeFileSync(join(wal, "00000002.history"), HISTORY);
    const { exitCode, stderr } = await runAsServer(
      [binaryPath(), "wal-push", join(wal, "00000002.history")],
      {
        env: {
          TIDEMARK_FILE_PREFIX: folder("repository-temporary"),
          TIDEMARK_ZSTD_ENGINE: "addon",
          TMPDIR: temporary,
          BUN_TMPDIR: temporary,
        },
      },
    );
    expect(exitCode, stderr).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe("what lies in the working directory", () => {
  test("is not read: neither bunfig.toml nor .env nor tsconfig.json", async () => {
    const trap = folder("trap");
    const sprung = join(trap, "sprung");
    writeFileSync(join(trap, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(trap, "preload.ts"), `await Bun.write("${sprung}", "preloaded");\n`);
    writeFileSync(join(trap, ".env"), "TIDEMARK_FILE_PREFIX=/from/dotenv\n");
    writeFileSync(join(trap, "tsconfig.json"), "{ broken");
    const { exitCode, stdout, stderr } = await runToEnd([binaryPath(), "config"], { cwd: trap });
    expect(exitCode, stderr).toBe(0);
    expect(existsSync(sprung)).toBe(false);
    expect(stdout).not.toContain("/from/dotenv");
    // The trap works: the runtime itself falls into it.
    writeFileSync(join(trap, "probe.js"), "console.log(process.env.TIDEMARK_FILE_PREFIX)");
    writeFileSync(join(trap, "tsconfig.json"), "{}");
    const control = await runToEnd([process.execPath, "probe.js"], { cwd: trap });
    expect(control.stdout).toContain("/from/dotenv");
    expect(existsSync(sprung)).toBe(true);
  });
});
