// Proves where two clusters diverge and under which timeline's name a segment is found, with
// histories like those of pg_rewind's own cases.
import { describe, expect, test } from "vitest";
import { toLsn } from "../../../src/delta/lsn.ts";
import { parseTimelineHistory } from "../../../src/wal/timeline-history.ts";
import {
  divergencePoint,
  segmentsBetween,
  timelineOf,
  timelinePath,
} from "../../../src/wal/timeline-path.ts";

const MIB = 1 << 20;

function path(timeline: number, ...switches: readonly (readonly [number, bigint])[]) {
  if (switches.length === 0) return timelinePath(timeline, undefined);
  const text = switches
    .map(
      ([old, lsn]) => `${old}\t${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}\tx`,
    )
    .join("\n");
  return timelinePath(timeline, parseTimelineHistory(text, { timeline, name: "h" }));
}

describe("divergencePoint", () => {
  test.each([
    ["the source was promoted", path(1), path(2, [1, 500n]), 500n],
    ["the target was promoted", path(2, [1, 500n]), path(1), 500n],
    ["both were, at different places", path(2, [1, 700n]), path(3, [1, 500n]), 500n],
    ["both were, at one place", path(2, [1, 500n]), path(3, [1, 500n]), 500n],
    [
      "they share two timelines",
      path(3, [1, 500n], [2, 900n]),
      path(4, [1, 500n], [2, 800n]),
      800n,
    ],
    [
      "two branches with one number",
      path(3, [1, 500n], [2, 900n]),
      path(4, [1, 600n], [2, 900n]),
      500n,
    ],
  ] as const)("%s", (_title, one, other, expected) => {
    expect(divergencePoint(one, other)).toBe(expected);
    expect(divergencePoint(other, one)).toBe(expected);
  });

  test("is nowhere for one and the same timeline", () => {
    expect(divergencePoint(path(2, [1, 500n]), path(2, [1, 500n]))).toBeUndefined();
  });

  test("is an error for clusters that began on different timelines", () => {
    expect(() => divergencePoint(path(3, [2, 500n]), path(1))).toThrow("no common ancestor");
  });
});

describe("timelineOf", () => {
  const own = path(3, [1, BigInt(2.5 * MIB)], [2, BigInt(4 * MIB)]);

  test("gives a segment with a switch in it the younger name", () => {
    expect([0n, 1n, 2n, 3n, 4n, 5n].map((number) => timelineOf(own, number, MIB))).toEqual([
      1, 1, 2, 2, 3, 3,
    ]);
  });

  test("segments between two places, both ends included", () => {
    const range = { from: toLsn(BigInt(1.75 * MIB)), to: toLsn(BigInt(4 * MIB)) };
    expect([...segmentsBetween(own, range, MIB)]).toEqual([
      { timeline: 1, number: 1n },
      { timeline: 2, number: 2n },
      { timeline: 2, number: 3n },
      { timeline: 3, number: 4n },
    ]);
  });
});
