// Proves what a build may embed and how its command line is read; the executables themselves are
// looked at in test/e2e/binary-addons.test.ts.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { hostTarget, TARGETS } from "../../../scripts/build.ts";

const SCRIPT = join(import.meta.dirname, "../../../scripts/build.ts");
const VERSIONS: Readonly<Record<string, string>> = {
  ...packageJson.dependencies,
  ...packageJson.devDependencies,
};

describe("targets", () => {
  test.each(Object.entries(TARGETS))("%s names addons of its own machine only", (name, target) => {
    const [, cpu, musl] = name.split("-");
    expect(target.cpu).toBe(cpu);
    expect(target.bunTarget).toBe(`bun-${name}`);
    for (const addon of target.addons) {
      expect(addon).toContain(`linux-${cpu}`);
      if (addon.startsWith("@mongodb-js/")) {
        expect(addon.endsWith(`-${musl ?? "gnu"}.node`)).toBe(true);
      } else {
        expect(name, "sodium-native is made for glibc on x64").toBe("linux-x64");
      }
    }
  });

  test("every embedded package is pinned to one version", () => {
    for (const { addons } of Object.values(TARGETS)) {
      for (const addon of addons) {
        const name = /^(?:@[^/]+\/)?[^/]+/.exec(addon)?.[0] ?? "";
        expect(VERSIONS[name], name).toMatch(/^\d+\.\d+\.\d+$/);
      }
    }
  });

  test("this machine has one", () => {
    expect(hostTarget()).toContain(`linux-${process.arch}`);
  });
});

test("an unknown target is refused with those that are known", () => {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, SCRIPT, "--target", "plan9"]);
  expect(exitCode).not.toBe(0);
  expect(stderr.toString()).toContain("unknown target plan9; known: linux-x64, linux-arm64");
});
