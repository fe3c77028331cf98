import { assert, defined } from "../../base/assert.ts";
import { CorruptObjectError } from "../../base/errors.ts";
import { parsePostgresBackupName } from "../../catalog/backup-name.ts";
import type { Sentinel } from "../../catalog/sentinel.ts";
import type {
  JournalReader,
  PartContent,
  RestoreAdapter,
  RestorePart,
  RestoreRequest,
  RestoreSession,
} from "../adapter.ts";
import { CatchupApply } from "./catchup-apply.ts";
import {
  type CatchupOffer,
  type CatchupStandby,
  openStandby,
  placeOf,
  proveTimeline,
} from "./catchup-standby.ts";
import { type BackupFiles, planBackupFiles } from "./restore-files.ts";
import { listedBackup } from "./restore-list.ts";
import { catchupSince, decodePostgresSentinel } from "./sentinel-document.ts";
import { linksOf } from "./tablespace-links.ts";

/** Applies what catchup-push stored to a standby's directory. `journal`: the archived WAL. */
export function catchupAdapter(journal: JournalReader): RestoreAdapter {
  return { kind: "postgres", beginRestore: (request) => beginCatchupFetch(request, journal) };
}

async function beginCatchupFetch(
  request: RestoreRequest,
  journal: JournalReader,
): Promise<RestoreSession> {
  const { chain, targetDir, options, log, signal } = request;
  const [sentinel, ...others] = chain;
  assert(sentinel !== undefined && others.length === 0, "a catchup builds on no other backup");
  const { tablespaces } = decodePostgresSentinel(sentinel);
  const offer = offerOf(sentinel);
  const standby = await openStandby(targetDir);
  try {
    await proveTimeline(placeOf(standby), offer, (name) => journal.read(name, signal));
    const [files] = await planBackupFiles([listedBackup(sentinel, request)]);
    const links = linksOf(tablespaces, `sentinel of ${sentinel.name}`);
    const { syncsFiles } = options;
    const facts = { standby, offer, tablespaces: links, syncsFiles, log, signal };
    const apply = await CatchupApply.begin(facts);
    return new CatchupFetch(apply, { standby, offer, files: defined(files, "the files") });
  } catch (error) {
    standby[Symbol.dispose]();
    throw error;
  }
}

/** What the sentinel says, where it says enough. */
function offerOf(sentinel: Sentinel): CatchupOffer {
  const { startLsn, systemIdentifier, pgVersion } = decodePostgresSentinel(sentinel);
  const sinceLsn = catchupSince(sentinel);
  const name = parsePostgresBackupName(sentinel.name);
  if (startLsn === undefined || sinceLsn === undefined || name === undefined) {
    throw new CorruptObjectError(`sentinel of ${sentinel.name}`, "is of no catchup");
  }
  const { timeline } = name;
  return { name: sentinel.name, systemIdentifier, pgVersion, timeline, sinceLsn, startLsn };
}

class CatchupFetch implements RestoreSession {
  readonly #apply: CatchupApply;
  readonly #facts: {
    readonly standby: CatchupStandby;
    readonly offer: CatchupOffer;
    readonly files: BackupFiles;
  };

  constructor(
    apply: CatchupApply,
    facts: {
      readonly standby: CatchupStandby;
      readonly offer: CatchupOffer;
      readonly files: BackupFiles;
    },
  ) {
    this.#apply = apply;
    this.#facts = facts;
  }

  /** The label comes after the data, and pg_control in the end. */
  plan(parts: readonly RestorePart[]): readonly (readonly RestorePart[])[] {
    const isLast = ({ name }: RestorePart) =>
      /(?:^|\/)(?:pg_control|backup_label)\.tar$/.test(name);
    return [parts.filter((part) => !isLast(part)), parts.filter(isLast)];
  }

  async restorePart({ name, receipt }: RestorePart, content: PartContent): Promise<void> {
    const { files } = this.#facts;
    const isForeign = receipt === undefined;
    const part = { name, receipt, files, isForeign, isEndLenient: false };
    await this.#apply.applyPart(part, await content.whole());
  }

  async finish(): Promise<void> {
    const { files, offer } = this.#facts;
    const missing = files.missing();
    if (missing.length > 0) {
      throw new CorruptObjectError(offer.name, `${missing.join(", ")} is in none of its parts`);
    }
    await this.#apply.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#apply[Symbol.asyncDispose]();
    this.#facts.standby[Symbol.dispose]();
  }
}
