import { resolve } from "node:path";
import { openCipher } from "../cipher/registry.ts";
import { loadPostgresCatchupNetwork } from "../database/registry.ts";
import { networkThrottle } from "./backup-limits.ts";
import { parsePlace } from "./catchup-place.ts";
import type { Invocation } from "./command.ts";

/** Waits for catchup-send, and brings a stopped standby forward in place; needs no storage. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [directory = "", port = ""] = invocation.arguments;
  const place = parsePlace(port);
  const { receiveOverNetwork } = await loadPostgresCatchupNetwork();
  const cipher = await openCipher(settings, { log, clock, signal });
  if (cipher.keyId === "") {
    log.warning(
      "no encryption key is set: whoever reaches the port can send, and read what is sent",
    );
  }
  const { encrypt, decrypt } = cipher;
  const limited = networkThrottle(invocation);
  const progress = invocation.progress("catchup-receive", undefined);
  try {
    const name = await receiveOverNetwork({
      dataDir: resolve(directory),
      place,
      cipher: { encrypt, decrypt: (input) => decrypt(limited(input)) },
      syncsFiles: !settings.flag("TAR_DISABLE_FSYNC"),
      log,
      signal,
      onPlainBytes: (bytes) => progress.advance(bytes),
    });
    log.info(`${directory} was brought forward with ${name}: it can be started`);
  } finally {
    progress.finish();
  }
}
