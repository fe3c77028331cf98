import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CommandSpec, Invocation } from "../../src/command/command.ts";
import { testInvocation } from "./invocation.ts";

export interface ToolRun {
  readonly stdout: string;
  /** `level message` for each log line that users see. */
  readonly logged: readonly string[];
}

/** A repository in a directory, beside a folder for local files; for commands run in process. */
export class StorageFolder implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), "tidemark-storage-"));
  readonly root = join(this.#dir, "storage");
  readonly local = join(this.#dir, "local");

  constructor() {
    mkdirSync(this.root);
    mkdirSync(this.local);
  }

  put(key: string, content: string | Uint8Array = "x"): void {
    const path = join(this.root, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  /** undefined: there is no such object. */
  content(key: string): Buffer | undefined {
    const path = join(this.root, key);
    return existsSync(path) ? readFileSync(path) : undefined;
  }

  keys(): string[] {
    return [...new Bun.Glob("**").scanSync({ cwd: this.root, dot: true })].sort();
  }

  async run(
    command: { readonly spec: CommandSpec; run(invocation: Invocation): Promise<void> },
    words: readonly string[],
    options: {
      readonly environment?: Readonly<Record<string, string>>;
      readonly input?: Invocation["input"];
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<ToolRun> {
    const environment = { WALG_FILE_PREFIX: this.root, ...options.environment };
    const invocation = testInvocation(command.spec, { ...options, words, environment });
    await command.run(invocation);
    const logged = invocation.logged.filter((line) => !line.startsWith("debug "));
    return { stdout: invocation.stdout(), logged };
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
