// Proves that the backup commands have every flag that WAL-G documents, short forms included, and
// that those with a setting override it.
import { expect, test } from "vitest";
import { parseFlags } from "../../../../src/cli/flags.ts";
import {
  BACKUP_FETCH_SPEC,
  BACKUP_LIST_SPEC,
  BACKUP_PUSH_SPEC,
} from "../../../../src/command/specs/backup.ts";

test.each([
  ["-p", "permanent", undefined],
  ["-f", "full", undefined],
  ["-v", "verify", "VERIFY_PAGE_CHECKSUMS"],
  ["-s", "store-all-corrupt", "STORE_ALL_CORRUPT_BLOCKS"],
  ["-r", "rating-composer", "USE_RATING_COMPOSER"],
  ["-c", "copy-composer", "USE_COPY_COMPOSER"],
  ["-b", "database-composer", "USE_DATABASE_COMPOSER"],
])("backup-push takes %s for --%s", (letter, name, setting) => {
  const short = parseFlags([letter, "/pg"], BACKUP_PUSH_SPEC.options);
  const long = parseFlags([`--${name}`, "/pg"], BACKUP_PUSH_SPEC.options);
  expect(short.options.flag(name) && long.options.flag(name)).toBe(true);
  expect(short.arguments).toEqual(["/pg"]);
  const settings = setting === undefined ? [] : [[`TIDEMARK_${setting}`, "true"]];
  expect(short.settings).toEqual(settings);
});

test.each([
  [BACKUP_PUSH_SPEC, "delta-from-name", "DELTA_FROM_NAME"],
  [BACKUP_PUSH_SPEC, "delta-from-user-data", "DELTA_FROM_USER_DATA"],
  [BACKUP_PUSH_SPEC, "add-user-data", "SENTINEL_USER_DATA"],
  [BACKUP_PUSH_SPEC, "target-storage", "TARGET_STORAGE"],
  [BACKUP_FETCH_SPEC, "target-user-data", "FETCH_TARGET_USER_DATA"],
  [BACKUP_LIST_SPEC, "target-storage", "TARGET_STORAGE"],
])("$name gives --%s to the setting %s", (spec, name, setting) => {
  const { settings } = parseFlags([`--${name}`, '{"a": 1}'], spec.options);
  expect(settings).toEqual([[`TIDEMARK_${setting}`, '{"a": 1}']]);
});

test("backup-fetch takes targets as text and adds up what to restore", () => {
  const words = ["/pg", "--target-xid", "000123", "--target-time=2024-01-01 00:00:00.5+02"].concat(
    ["--restore-only", "a,b/c", "--restore-only=d", "--target-lsn", "0/16B3748"],
    ["--target-immediate", "--target-inclusive=false", "--restore-command", "cp /a/%f %p"],
  );
  const { arguments: given, options } = parseFlags(words, BACKUP_FETCH_SPEC.options);
  expect(given).toEqual(["/pg"]);
  expect(options.text("target-xid")).toBe("000123");
  expect(options.text("target-time")).toBe("2024-01-01 00:00:00.5+02");
  expect(options.text("target-lsn")).toBe("0/16B3748");
  expect(options.text("target-inclusive")).toBe("false");
  expect(options.flag("target-immediate")).toBe(true);
  expect(options.list("restore-only")).toEqual(["a", "b/c", "d"]);
  expect(options.text("restore-command")).toBe("cp /a/%f %p");
});

test("backup-list has WAL-G's three forms", () => {
  const { options } = parseFlags(["--pretty", "--json", "--detail"], BACKUP_LIST_SPEC.options);
  expect(["pretty", "json", "detail"].every((name) => options.flag(name))).toBe(true);
});
