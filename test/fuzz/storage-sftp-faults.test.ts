// Proves that SFTP storage never lies under seeded faults of its connections and its server.
import { afterAll, beforeAll, test } from "vitest";
import {
  faultSeeds,
  RUN_TIMEOUT_MS,
  runSeededFaults,
} from "../conformance/storage-driver.seeded-faults.ts";
import {
  type FaultTally,
  printTally,
} from "../conformance/storage-driver.seeded-service-faults.ts";
import { type FaultySftp, startFaultySftp } from "../conformance/storage-driver.sftp-faults.ts";
import type { Random } from "../support/random.ts";
import type { TcpFault } from "../support/tcp-fault-proxy.ts";

const MIB = 1024 * 1024;

let faulty: FaultySftp;
const tally: FaultTally = new Map();
beforeAll(async () => {
  faulty = await startFaultySftp({ attemptsMax: 4, idleTimeoutMs: 300 });
});
afterAll(async () => {
  printTally("SFTP", tally);
  await faulty?.[Symbol.asyncDispose]();
});

const KINDS = ["reset", "cut", "refuse", "reset", "cut", "stall", undefined, undefined] as const;

function randomFault(random: Random): TcpFault | undefined {
  const kind = random.pick<TcpFault["kind"] | undefined>(KINDS);
  if (kind === undefined) return undefined;
  const direction = random.pick(["up", "down"] as const);
  // Often within the exchange around a small object, sometimes far into a large one.
  const afterBytes = random.below(random.pick([600, 4000, 40_000, 3 * MIB]));
  // A stall takes its time-out each: more of them take the test's time and show no more.
  const times = kind === "stall" ? 1 : 1 + random.below(5);
  return { kind, direction, afterBytes, times };
}

test.each(faultSeeds(1))(
  "seed %i",
  async (seed) => {
    const { driver, nowhere, proxy, server } = faulty;
    const count = (name: string, times = 1) => tally.set(name, (tally.get(name) ?? 0) + times);
    let fault: TcpFault | undefined;
    let isTrusted = true;
    await runSeededFaults({
      seed,
      driver,
      nowhere,
      folder: "run",
      largeBytes: 5 * MIB,
      disturb: async (random) => {
        if (fault !== undefined && proxy.seen.hits > 0) count(fault.kind, proxy.seen.hits);
        fault = randomFault(random);
        proxy.arm(fault);
        if (random.below(12) === 0) {
          count("server killed");
          await server.kill();
          await server.restart();
        }
        if (!isTrusted || random.below(15) === 0) {
          isTrusted = !isTrusted;
          server.trust(isTrusted);
          if (!isTrusted) count("keys refused");
          // Who is in stays in.
          proxy.resetAll();
        }
      },
      calm: async () => {
        server.trust(true);
        proxy.arm();
      },
    });
  },
  RUN_TIMEOUT_MS,
);
