import { resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { openCipher } from "../cipher/registry.ts";
import { loadPostgresCatchupNetwork } from "../database/registry.ts";
import { networkThrottle } from "./backup-limits.ts";
import { parsePlace } from "./catchup-place.ts";
import type { Invocation } from "./command.ts";
import { openBackupAdapter } from "./take-backup.ts";

/** Sends what a standby lacks to the host where catchup-receive waits; needs no storage. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [directory = "", destination = ""] = invocation.arguments;
  const place = parsePlace(destination);
  if (place.host === undefined) {
    throw new UsageError(`${JSON.stringify(destination)} names no host`, "Give it as host:port.");
  }
  const { sendOverNetwork, NO_JOURNAL } = await loadPostgresCatchupNetwork();
  const { encrypt, decrypt } = await openCipher(settings, { log, clock, signal });
  const limited = networkThrottle(invocation);
  const progress = invocation.progress("catchup-send", undefined);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    const { name, plainBytes } = await sendOverNetwork({
      dataDir: resolve(directory),
      place,
      cipher: { decrypt, encrypt: (input) => limited(encrypt(input)) },
      beginBackup: async (catchup) => {
        const adapter = await openBackupAdapter(invocation, { dataDir: directory, catchup });
        return await adapter.beginBackup({
          parent: undefined,
          journal: NO_JOURNAL,
          isPermanent: false,
          userData: undefined,
          signal: either,
        });
      },
      log,
      signal,
      onPlainBytes: (bytes) => progress.advance(bytes),
    });
    log.info(`${name} is in place at ${destination}`, { plainBytes });
  } finally {
    stop.abort(new Error("the catchup has ended"));
    progress.finish();
  }
}
