import { existsSync } from "node:fs";

declare const TIDEMARK_VERSION: string;

/**
 * Where the native addons lie: inside the executable when compiled, in node_modules when run from
 * source. The build lets its target's addons in by these literal names and makes all others
 * undefined; the branch that is not taken leaves the bundle with them.
 */
const IS_COMPILED = typeof TIDEMARK_VERSION === "string";

/** The addon of `@mongodb-js/zstd`, if there is one for this machine. */
export async function zstdAddonPath(): Promise<string | undefined> {
  if (IS_COMPILED) {
    return firstPath([
      await import("@mongodb-js/zstd-linux-x64-gnu/zstd.linux-x64-gnu.node", {
        with: { type: "file" },
      }),
      await import("@mongodb-js/zstd-linux-arm64-gnu/zstd.linux-arm64-gnu.node", {
        with: { type: "file" },
      }),
      await import("@mongodb-js/zstd-linux-x64-musl/zstd.linux-x64-musl.node", {
        with: { type: "file" },
      }),
      await import("@mongodb-js/zstd-linux-arm64-musl/zstd.linux-arm64-musl.node", {
        with: { type: "file" },
      }),
    ]);
  }
  const name = `linux-${process.arch}-${isMusl() ? "musl" : "gnu"}`;
  return installedPath(`@mongodb-js/zstd-${name}/zstd.${name}.node`);
}

/** The addon of `sodium-native`, which is made for glibc only. */
export async function sodiumAddonPath(): Promise<string | undefined> {
  if (IS_COMPILED) {
    return firstPath([
      await import("sodium-native/prebuilds/linux-x64/sodium-native.node", {
        with: { type: "file" },
      }),
    ]);
  }
  if (isMusl() || process.arch !== "x64") return undefined;
  return installedPath("sodium-native/prebuilds/linux-x64/sodium-native.node");
}

function firstPath(modules: readonly { readonly default: unknown }[]): string | undefined {
  for (const { default: path } of modules) if (typeof path === "string") return path;
  return undefined;
}

function isMusl(): boolean {
  return existsSync(`/lib/ld-musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`);
}

function installedPath(specifier: string): string | undefined {
  try {
    return Bun.resolveSync(specifier, import.meta.dirname);
  } catch {
    return undefined;
  }
}
