import { defineConfig } from "vitest/config";

/**
 * Tests run on the runtime that ships: `bun --bun vitest run`, worker threads only
 * (the default pool of processes fails under Bun).
 */
function project(name: string, timeoutMs: number, fileParallelism: boolean) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      pool: "threads" as const,
      fileParallelism,
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
    },
  };
}

export default defineConfig({
  test: {
    pool: "threads",
    reporters: ["default", "./test/support/summary-reporter.ts"],
    projects: [
      project("unit", 20_000, true),
      project("fuzz", 120_000, true),
      project("conformance", 180_000, true),
      project("guarantee", 300_000, true),
      project("e2e", 300_000, false),
    ],
  },
});
