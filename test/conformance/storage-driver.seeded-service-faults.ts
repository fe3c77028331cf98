// The seeded runs of object services: which faults their requests meet on the way.
import type { IncomingMessage } from "node:http";
import type { Fault, FaultRule } from "../support/fault-proxy.ts";
import type { Random } from "../support/random.ts";
import { type FaultDialect, WrongClock } from "./storage-driver.faulty-service.ts";
import { runSeededFaults } from "./storage-driver.seeded-faults.ts";

const MINUTE_MS = 60_000;

function isSmall(request: IncomingMessage): boolean {
  return Number(request.headers["content-length"] ?? 0) < 20_000;
}

function randomFault(random: Random, { answer, expired }: FaultDialect): Fault {
  const isForwarded = random.below(2) === 0;
  const afterBytes = random.below(80_000);
  return random.pick<Fault>([
    { ...answer(500), isForwarded },
    { ...answer(503), isForwarded },
    { ...answer(429, { "retry-after": "1" }), isForwarded },
    { ...answer(500), status: 200 },
    expired(),
    { kind: "reset", isForwarded },
    { kind: "reset-request", afterBytes },
    { kind: "reset-body", afterBytes },
    { kind: "cut-body", afterBytes },
    { kind: "cut-body", afterBytes: random.below(300) },
  ]);
}

function randomRule(random: Random, dialect: FaultDialect): FaultRule {
  const place = { skip: random.below(4), times: 1 + random.below(3) };
  const afterBytes = random.below(20_000);
  const one = { skip: place.skip, times: 1 };
  // Waiting for silence takes its time, the more the larger a body is: few, and small ones.
  switch (random.below(40)) {
    case 0:
      return { ...one, when: isSmall, fault: { kind: "stall" } };
    case 1:
      return { ...one, when: isSmall, fault: { kind: "stall-request", afterBytes } };
    case 2:
      return { ...one, fault: { kind: "stall-body", afterBytes } };
    case 3:
    case 4:
      return { ...place, method: "GET", fault: { kind: "overstate", extraBytes: 1 + afterBytes } };
    case 5:
    case 6:
    case 7: {
      const keptShare = random.below(1000) / 1000;
      // Of an object nobody could tell: no header but this one says how long it is.
      return { ...dialect.listing, times: 1, fault: { kind: "shorten", keptShare } };
    }
    default:
      return { ...place, fault: randomFault(random, dialect) };
  }
}

/** How often each fault was met, over all runs of a file. */
export type FaultTally = Map<string, number>;

export async function runServiceFaults(
  dialect: FaultDialect,
  options: { readonly seed: number; readonly tally: FaultTally },
): Promise<void> {
  const { seed, tally } = options;
  const { proxy, open } = dialect.service();
  const count = (name: string) => tally.set(name, (tally.get(name) ?? 0) + 1);
  const note = () => {
    for (const { fault, status } of proxy.seen) {
      if (fault !== undefined) count(status === undefined ? fault : String(status));
    }
  };
  const clock = new WrongClock();
  const { driver } = await open(dialect.timed(), { clock });
  await runSeededFaults({
    seed,
    driver,
    nowhere: (await open(dialect.unknownHost)).driver,
    folder: "run",
    largeBytes: dialect.largeBytes,
    disturb: async (random) => {
      note();
      if (random.below(8) === 0) {
        clock.shiftMs = MINUTE_MS * random.pick([0, 0, 20, -20, 300, -300]);
        if (clock.shiftMs !== 0) count("clock");
      }
      const rules = Array.from({ length: random.below(3) }, () => randomRule(random, dialect));
      proxy.arm(...rules);
    },
    calm: async () => {
      note();
      proxy.arm();
    },
  });
}

/** For the record: which faults the runs met. */
export function printTally(name: string, tally: FaultTally): void {
  const entries = [...tally].sort(([left], [right]) => (left < right ? -1 : 1));
  console.log(name, Object.fromEntries(entries));
}
