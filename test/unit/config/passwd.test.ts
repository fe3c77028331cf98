// Proves that home and user come from the passwd entry of a user id, and that none is no fault.
import { expect, test } from "vitest";
import { passwdEntry } from "../../../src/config/passwd.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
# a comment
broken:x:26
postgres:x:26:26:PostgreSQL Server,,,:/var/lib/postgresql:/bin/bash
nohome:x:27:27:::
`;

test("finds the entry of a user id", () => {
  expect(passwdEntry(26, () => PASSWD)).toEqual({
    userName: "postgres",
    home: "/var/lib/postgresql",
  });
});

test("gives an entry without a home as it is", () => {
  expect(passwdEntry(27, () => PASSWD)).toEqual({ userName: "nohome", home: "" });
});

test("knows no entry of an id that is in no line", () => {
  expect(passwdEntry(1234, () => PASSWD)).toBeUndefined();
});

test("works where the file cannot be read", () => {
  const unreadable = () => {
    throw new Error("EACCES");
  };
  expect(passwdEntry(0, unreadable)).toBeUndefined();
});

test("reads the machine's own file", () => {
  expect(passwdEntry(0)?.userName).toBe("root");
});
