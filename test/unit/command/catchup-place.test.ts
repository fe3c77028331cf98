// Proves which texts name a port, or a host with one, and that all others are refused.
import { expect, test } from "vitest";
import { parsePlace } from "../../../src/command/catchup-place.ts";

test.each([
  ["7001", undefined, 7001],
  ["0", undefined, 0],
  ["db2:65535", "db2", 65_535],
  ["10.0.0.2:7001", "10.0.0.2", 7001],
  ["[fd00::2]:7001", "fd00::2", 7001],
])("%s", (text, host, port) => {
  expect(parsePlace(text)).toEqual({ host, port });
});

test.each(["", "db2", "db2:", ":7001", "65536", "fd00::2:7001", "db2:7001x", "-1"])(
  "refuses %j",
  (text) => {
    expect(() => parsePlace(text)).toThrow("is no port");
  },
);
