// Proves that the table of codes keeps its promises to PostgreSQL, and that errors carry facts.
import { describe, expect, test } from "vitest";
import {
  ConfigError,
  CorruptObjectError,
  ERROR_TABLE,
  errnoOf,
  FilesystemError,
  messageOf,
  ToolError,
  UsageError,
} from "../../../src/base/errors.ts";

describe("ERROR_TABLE", () => {
  const codes = Object.entries(ERROR_TABLE);

  test("each exit code means one thing", () => {
    const numbers = codes.map(([, { exitCode }]) => exitCode);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  test("no ordinary code is one that PostgreSQL takes as fatal", () => {
    for (const [code, { exitCode }] of codes) {
      if (code !== "canceled") expect(exitCode, code).toBeLessThanOrEqual(125);
      expect(exitCode, code).toBeGreaterThan(0);
    }
  });

  test("the code of an absent journal file is the one that WAL-G documents", () => {
    expect(ERROR_TABLE["journal-not-found"].exitCode).toBe(74);
  });
});

describe("errors", () => {
  test("keep message, hint, code, cause and whether they pass", () => {
    const cause = new Error("socket closed");
    const error = new ToolError({
      code: "storage",
      message: "s3://bucket: no answer",
      hint: "Look at the network.",
      isTransient: true,
      cause,
    });
    expect(error).toMatchObject({
      message: "s3://bucket: no answer",
      hint: "Look at the network.",
      code: "storage",
      isTransient: true,
      cause,
    });
    expect(error).toBeInstanceOf(Error);
  });

  test("are permanent and without hint or cause unless they say otherwise", () => {
    const error = new ToolError({ code: "usage", message: "x" });
    expect(error.isTransient).toBe(false);
    expect(error.hint).toBeUndefined();
    expect("cause" in error).toBe(false);
  });

  test("are named by their class and have its code", () => {
    const errors = [
      [new UsageError("x"), "UsageError", "usage"],
      [new ConfigError("x"), "ConfigError", "config"],
      [new CorruptObjectError("part", "cut short"), "CorruptObjectError", "corrupt-object"],
      [new FilesystemError("/data", "is gone"), "FilesystemError", "filesystem"],
    ] as const;
    for (const [error, name, code] of errors) expect(error).toMatchObject({ name, code });
  });

  test("name their object in the message", () => {
    expect(new CorruptObjectError("part_001.tar.zst", "cut short").message).toBe(
      "part_001.tar.zst: cut short",
    );
    expect(new FilesystemError("/data/base", "is gone")).toMatchObject({
      message: "/data/base: is gone",
      path: "/data/base",
    });
  });
});

describe("what was thrown", () => {
  test("has an errno name only when the runtime gave it one", () => {
    expect(errnoOf(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe("ENOENT");
    expect(errnoOf(Object.assign(new Error("x"), { code: 404 }))).toBeUndefined();
    for (const nothing of [new Error("x"), "ENOENT", null, undefined]) {
      expect(errnoOf(nothing)).toBeUndefined();
    }
  });

  test("has a text, whatever it is", () => {
    expect(messageOf(new Error("broken"))).toBe("broken");
    expect(messageOf("broken")).toBe("broken");
    expect(messageOf(undefined)).toBe("undefined");
  });
});
