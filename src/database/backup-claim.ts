import type { Clock } from "../base/clock.ts";
import { messageOf, ToolError } from "../base/errors.ts";
import { decodeUtf8, parseJsonObject, printJson } from "../base/json.ts";
import { JsonDocument } from "../base/json-document.ts";
import type { Logger } from "../base/log.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { claimKey } from "../catalog/storage-layout.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { ObjectExistsError, ObjectNotFoundError } from "../storage/errors.ts";
import { bytesSource, collect } from "../stream/byte-stream.ts";

/** Who takes a backup: what tells a run that goes on from one that died. */
export interface BackupOwner {
  readonly hostname: string;
  readonly processId: number;
  /** Whether a process of this machine is there. */
  isAlive(processId: number): boolean;
}

/** A claim of another machine is believed for so long; no backup takes longer without an end. */
const BELIEVED_MS = 24 * 3_600_000;
const CLAIM_BYTES_MAX = 64 << 10;
const RELEASE_MS = 10_000;

/** Another run writes a backup of the same name. */
export class BackupRunningError extends ToolError {
  constructor(name: BackupName, claim: ClaimFacts, key: string) {
    super({
      code: "backup-running",
      message:
        `backup ${name} is being taken by process ${claim.processId} of ${claim.hostname}, ` +
        `since ${claim.startedAt.toISOString()}`,
      hint: `Wait for its end. If it is known to be dead, remove ${key} from the storage.`,
    });
  }
}

interface ClaimFacts {
  readonly hostname: string;
  readonly processId: number;
  readonly startedAt: Date;
}

export interface ClaimRequest {
  readonly driver: StorageDriver;
  readonly name: BackupName;
  readonly owner: BackupOwner;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Keeps a backup's name for one run. Two runs can come upon the same name, as a standby starts
 * both from its last restart point, and would overwrite each other's parts. The claim is an
 * object below the name that only one of them can make; it goes when the run ends, and the next
 * run takes over the claim of a run that died.
 */
export class BackupClaim implements AsyncDisposable {
  readonly #request: ClaimRequest;

  private constructor(request: ClaimRequest) {
    this.#request = request;
  }

  /** Throws `BackupRunningError` when another run has the name. */
  static async take(request: ClaimRequest): Promise<BackupClaim> {
    const { driver, name, log, signal } = request;
    const key = claimKey(name);
    if (await putClaim(request)) return new BackupClaim(request);
    const other = await readClaim(request);
    if (other !== undefined && isGoingOn(other, request)) {
      throw new BackupRunningError(name, other, key);
    }
    log.warning(`an earlier run of backup ${name} died: taking over its name`);
    await driver.delete([key], signal);
    if (await putClaim(request)) return new BackupClaim(request);
    throw new BackupRunningError(name, (await readClaim(request)) ?? ownFacts(request), key);
  }

  /** Gives the name back; what cannot be removed only costs the next run of that name a look. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { driver, name, log } = this.#request;
    try {
      await driver.delete([claimKey(name)], AbortSignal.timeout(RELEASE_MS));
    } catch (error) {
      log.warning(`the claim of backup ${name} stays in storage: ${messageOf(error)}`);
    }
  }
}

function ownFacts({ owner, clock }: ClaimRequest): ClaimFacts {
  return { hostname: owner.hostname, processId: owner.processId, startedAt: clock.now() };
}

async function putClaim(request: ClaimRequest): Promise<boolean> {
  const { hostname, processId, startedAt } = ownFacts(request);
  const document = {
    Hostname: hostname,
    ProcessId: processId,
    StartTime: startedAt.toISOString(),
  };
  const body = bytesSource(printJson(document, { escaping: "plain" }));
  try {
    await request.driver.put(claimKey(request.name), body, {
      ifAbsent: true,
      signal: request.signal,
    });
    return true;
  } catch (error) {
    if (error instanceof ObjectExistsError) return false;
    throw error;
  }
}

/** undefined: it went meanwhile. */
async function readClaim({ driver, name, signal }: ClaimRequest): Promise<ClaimFacts | undefined> {
  const key = claimKey(name);
  let bytes: Uint8Array;
  try {
    bytes = await collect(await driver.get(key, { signal }), CLAIM_BYTES_MAX);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
  const fields = new JsonDocument(key, parseJsonObject(decodeUtf8(bytes, key), key));
  return {
    hostname: fields.text("Hostname") ?? "",
    processId: fields.count("ProcessId") ?? 0,
    startedAt: new Date(fields.text("StartTime") ?? 0),
  };
}

/** On this machine the process is looked at; elsewhere only time tells. */
function isGoingOn(claim: ClaimFacts, { owner, clock }: ClaimRequest): boolean {
  const ageMs = clock.now().getTime() - claim.startedAt.getTime();
  if (!(ageMs < BELIEVED_MS)) return false;
  if (claim.hostname !== owner.hostname) return true;
  // Containers give the same number again and again: our own is not another's.
  return claim.processId !== owner.processId && owner.isAlive(claim.processId);
}
