// Proves which directories a catchup may work in, where a standby stands by its state, and which
// offers are refused: with control files of real servers, changed field by field.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../../src/base/crc32c.ts";
import {
  beginStandby,
  type CatchupOffer,
  CONTROL_AFTER,
  CONTROL_BEFORE,
  checkOffer,
  finishStandby,
  openStandby,
  proveTimeline,
} from "../../../../src/database/postgres/catchup-standby.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import { makeScratch } from "../../../support/scratch.ts";

const CRC_OFFSET = 288;
const STATE = { shutDown: 1, shutDownInRecovery: 2, inArchiveRecovery: 5, inProduction: 6 };

interface Fields {
  readonly state?: number;
  readonly checkpoint?: bigint;
  readonly redo?: bigint;
  readonly minRecovery?: bigint;
  readonly timeline?: number;
}

/** A control file of version 1300 with these fields, and a right checksum. */
function control(fields: Fields): Uint8Array {
  const bytes = new Uint8Array(8192);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 77n, true);
  view.setUint32(8, 1300, true);
  view.setUint32(16, fields.state ?? STATE.shutDownInRecovery, true);
  view.setBigUint64(32, fields.checkpoint ?? 5000n, true);
  view.setBigUint64(40, fields.redo ?? 4000n, true);
  view.setUint32(48, fields.timeline ?? 1, true);
  view.setBigUint64(136, fields.minRecovery ?? 0n, true);
  view.setUint32(216, 8192, true);
  view.setUint32(228, 1 << 24, true);
  view.setUint32(CRC_OFFSET, crc32c(bytes.subarray(0, CRC_OFFSET)), true);
  return bytes;
}

function standbyDir(fields: Fields = {}) {
  const scratch = makeScratch("catchup");
  const dir = join(scratch.path, "data");
  for (const folder of ["global", "pg_tblspc"]) mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, "PG_VERSION"), "15\n");
  writeFileSync(join(dir, "global/pg_control"), control(fields));
  return { dir, [Symbol.dispose]: () => scratch[Symbol.dispose]() };
}

async function position(fields: Fields) {
  using made = standbyDir(fields);
  using standby = await openStandby(made.dir);
  return [standby.knownLsn, standby.reachedLsn];
}

describe("openStandby", () => {
  test.each([
    ["a clean standby", { minRecovery: 6000n }, 4000n, 6000n],
    ["a clean standby at its checkpoint", { minRecovery: 4500n }, 4000n, 5000n],
    ["a clean primary", { state: STATE.shutDown, redo: 5000n }, 5000n, 5000n],
    ["a standby that crashed", { state: STATE.inArchiveRecovery }, 4000n, 5000n],
  ])("tells what %s holds, and how far it came", async (_title, fields, known, reached) => {
    expect(await position(fields)).toEqual([known, reached]);
  });

  test("refuses a primary that crashed, and what is no data directory", async () => {
    await expect(position({ state: STATE.inProduction })).rejects.toThrow("in production");
    using scratch = makeScratch("catchup");
    await expect(openStandby(scratch.path)).rejects.toThrow("PG_VERSION");
    await expect(openStandby(join(scratch.path, "absent"))).rejects.toThrow("ENOENT");
  });

  test("refuses a directory with a server, with another catchup, or half restored", async () => {
    using made = standbyDir();
    {
      using _first = await openStandby(made.dir);
      await expect(openStandby(made.dir)).rejects.toThrow("another catchup works");
    }
    writeFileSync(join(made.dir, "tidemark_restore.unfinished"), "{}");
    await expect(openStandby(made.dir)).rejects.toThrow("interrupted restore");
    cpSync(join(made.dir, "PG_VERSION"), join(made.dir, "tidemark_restore.unfinished"));
    writeFileSync(join(made.dir, "postmaster.pid"), `${process.pid}\n${made.dir}\n`);
    await expect(openStandby(made.dir)).rejects.toThrow(`server ${process.pid} runs`);
  });

  test("finds the place of a standby whose catchup was interrupted", async () => {
    using made = standbyDir();
    {
      using standby = await openStandby(made.dir);
      beginStandby(standby);
    }
    expect(existsSync(join(made.dir, "global/pg_control"))).toBe(false);
    {
      using standby = await openStandby(made.dir);
      expect(standby).toMatchObject({ isInterrupted: true, reachedLsn: 5000n });
      beginStandby(standby);
      writeFileSync(join(made.dir, CONTROL_AFTER), control({ checkpoint: 9000n }));
      finishStandby(standby);
    }
    expect(existsSync(join(made.dir, CONTROL_BEFORE))).toBe(false);
    expect(readFileSync(join(made.dir, "global/pg_control"))).toEqual(
      Buffer.from(control({ checkpoint: 9000n })),
    );
  });

  test("a catchup that ended before its last file was removed counts as ended", async () => {
    using made = standbyDir({ checkpoint: 9000n });
    writeFileSync(join(made.dir, CONTROL_BEFORE), control({}));
    using standby = await openStandby(made.dir);
    expect(standby).toMatchObject({ isInterrupted: false, reachedLsn: 9000n });
  });
});

const OFFER: CatchupOffer = {
  name: "base_1",
  systemIdentifier: 77n,
  pgVersion: 150_018,
  timeline: 1,
  sinceLsn: toLsn(4000n),
  startLsn: toLsn(7000n),
};

describe("checkOffer", () => {
  test.each([
    ["of another system", { systemIdentifier: 78n }, "of system 78"],
    ["of no system", { systemIdentifier: undefined }, "of system undefined"],
    ["of another version", { pgVersion: 160_002 }, "of version 16"],
    ["with a gap", { sinceLsn: toLsn(4001n) }, "this what changed from 0/FA1 on"],
    ["from before the standby", { startLsn: toLsn(4999n) }, "past its start"],
  ])("refuses one %s", async (_title, change, message) => {
    using made = standbyDir();
    using standby = await openStandby(made.dir);
    expect(() => checkOffer(standby, { ...OFFER, ...change })).toThrow(message);
  });

  test("takes one that fits, to the byte", async () => {
    using made = standbyDir();
    using standby = await openStandby(made.dir);
    checkOffer(standby, OFFER);
    checkOffer(standby, { ...OFFER, startLsn: toLsn(5000n) });
  });
});

const at = (timeline: number, lsn: bigint) => {
  return { timeline, knownLsn: toLsn(0n), reachedLsn: toLsn(lsn) };
};

describe("proveTimeline", () => {
  const history = async (name: string) =>
    name === "00000003.history"
      ? new TextEncoder().encode("1\t0/1388\tx\n2\t0/1770\tx\n")
      : undefined;

  test.each([
    ["its own timeline", 3, 9000n, true],
    ["an ancestor, before the switch", 1, 5000n, true],
    ["an ancestor, past the switch", 1, 5001n, false],
    ["a nearer ancestor", 2, 6000n, true],
    ["a later timeline", 4, 1n, false],
  ])("a standby on %s", async (_title, timeline, lsn, isFine) => {
    const proof = proveTimeline(at(timeline, lsn), { ...OFFER, timeline: 3 }, history);
    if (isFine) await proof;
    else await expect(proof).rejects.toThrow("not on its way");
  });

  test("says when nobody has the history", async () => {
    const proof = proveTimeline(at(1, 1n), { ...OFFER, timeline: 2 }, history);
    await expect(proof).rejects.toThrow("nobody has 00000002.history");
  });
});
