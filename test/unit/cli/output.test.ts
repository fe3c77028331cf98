// Proves that a reader that goes away ends the command as a signal would, by a real pipe.
import { join } from "node:path";
import { expect, test } from "vitest";

test("throws a cancellation when the pipe is closed", async () => {
  const module = join(import.meta.dirname, "../../../src/cli/output.ts");
  const source = `
    import { STANDARD_OUTPUT } from ${JSON.stringify(module)};
    try {
      for (let i = 0; i < 1000; i++) STANDARD_OUTPUT.write("x".repeat(10_000));
    } catch (error) {
      console.error(error.name, error.exitCode);
      process.exit(error.exitCode);
    }
  `;
  const command = `"$1" -e "$2" | head -c 10`;
  const child = Bun.spawn(
    ["bash", "-c", `set -o pipefail; ${command}`, "x", process.execPath, source],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  expect(await new Response(child.stderr).text()).toBe("CanceledError 141\n");
  expect(await new Response(child.stdout).text()).toBe("xxxxxxxxxx");
  expect(await child.exited).toBe(141);
});
