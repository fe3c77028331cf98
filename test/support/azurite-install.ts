import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testCacheDir } from "./go-install.ts";

const AZURITE_VERSION = "3.37.0";

/** The script of Azurite's blob service; installed once, into a cache outside the checkout. */
export async function installAzurite(): Promise<string> {
  const folder = join(testCacheDir(), `azurite-${AZURITE_VERSION}`);
  const script = "node_modules/azurite/dist/src/blob/main.js";
  if (existsSync(join(folder, script))) return join(folder, script);
  console.log(`getting azurite ${AZURITE_VERSION} from npm, 190 MB unpacked, into ${folder}`);
  const unfinished = `${folder}.${crypto.randomUUID()}`;
  mkdirSync(unfinished, { recursive: true });
  const dependencies = { azurite: AZURITE_VERSION };
  writeFileSync(join(unfinished, "package.json"), JSON.stringify({ private: true, dependencies }));
  const install = Bun.spawn(
    [process.execPath, "install", "--production", "--ignore-scripts", "--no-progress"],
    { cwd: unfinished, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const stderr = await new Response(install.stderr).text();
  if ((await install.exited) !== 0 || !existsSync(join(unfinished, script))) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new Error(`azurite cannot be installed from npm: ${stderr.slice(-2000)}`);
  }
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another process was first, with the same version.
    if (!existsSync(join(folder, script))) throw error;
  }
  return join(folder, script);
}
