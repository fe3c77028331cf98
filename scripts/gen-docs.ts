import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ERROR_TABLE } from "../src/base/errors.ts";
import { namesOf, PREFIXES, type Setting, type SettingArea } from "../src/config/setting.ts";
import { SECTIONS } from "../src/config/table.ts";

const NOTE = "<!-- Written by `bun run docs`; change the tables in src instead. -->";

const TITLES: Readonly<Record<SettingArea, string>> = {
  general: "General",
  file: "Repository in a directory",
  s3: "Repository in S3",
  gcs: "Repository in Google Cloud Storage",
  azure: "Repository in Azure Blob Storage",
  sftp: "Repository on an SSH server",
  "other-storages": "Repository elsewhere",
  failover: "Failover storages",
  encryption: "Encryption",
  transfer: "Transfer and compression",
  backup: "Backups",
  wal: "WAL",
  postgres: "PostgreSQL",
  mysql: "MySQL and MariaDB",
  redis: "Redis and Valkey",
  retired: "Accepted without effect",
};

const SETTINGS_INTRO = `Settings come from the command line, the environment, a configuration file
and defaults; the first of these that has a value wins. \`tidemark config\` prints what is in
effect and where it comes from.

- **Flags**: each name below is also a flag in lower case with dashes: \`--walg-s3-prefix\`.
- **Environment**: an empty variable counts as not set. Line ends at the end of a value are cut.
- **File**: \`--config FILE\`, else \`TIDEMARK_CONFIG_PATH\`, else \`WALG_CONFIG_PATH\`, else the
  first of \`.tidemark.*\` and \`.walg.*\` in the home that the passwd entry of the effective user
  names. The extension tells the format: .json, .toml, .yaml, .yml, .properties, .props, .prop,
  .dotenv, .env, .ini. A file that does not parse is an error, and so is a named one that is
  missing.
- **Names**: \`{TIDEMARK_,WALG_}KEY\` means that both TIDEMARK_KEY and WALG_KEY are read; the first
  that has a value wins, and different values in one source make a warning.
- **Unknown names** make a warning; with \`--strict\` any warning about settings is an error. In
  the environment only names that begin with TIDEMARK_, WALG_ or WALE_ count as ours, and those of
  YC_ and CSE_KMS_. An unknown name that looks like one of a cipher or of a storage that is missing
  here (PGP, GPG, CSE, SSE, KMS, ENVELOPE, LIBSODIUM, SWIFT, OSS, YC) is always an error: nothing is
  stored in plain because of a typo.
- **Booleans**: 1, t, true, 0, f, false. **Durations**: 30s, 15m, 1h30m.
- Called as \`wal-g\` or \`wal-g-*\` some defaults are WAL-G's, given in brackets.`;

/** docs/settings.md. */
export function settingsPage(): string {
  const parts = SECTIONS.map(
    ({ area, settings }) => `## ${TITLES[area]}\n\n${settings.map(settingText).join("\n")}`,
  );
  return `# Settings\n\n${NOTE}\n\n${SETTINGS_INTRO}\n\n${parts.join("\n\n")}\n`;
}

function settingText(setting: Setting): string {
  const facts = [kindText(setting), defaultText(setting), exampleText(setting)]
    .concat(setting.isSecret === true ? "secret" : "")
    .filter((fact) => fact !== "");
  const status = statusText(setting);
  const tail = facts.length === 0 ? "" : ` (${facts.join("; ")})`;
  return `- ${namePatterns(setting).join(", ")}: ${setting.help}.${status}${tail}`;
}

function statusText({ status = "supported", idleBecause }: Setting): string {
  switch (status) {
    case "supported":
      return "";
    case "idle":
      return ` **Accepted without effect: ${idleBecause}.**`;
    case "retired":
      return " Accepted without effect.";
    case "missing":
      return " **Not supported yet: setting it is an error.**";
  }
}

/** The names of a setting and of its aliases as shell patterns: `{TIDEMARK_,WALG_}KEY`. */
export function namePatterns(setting: Setting): readonly string[] {
  return [setting.key, ...(setting.aliases ?? [])].map((key) => {
    const prefixes = namesOf(setting)
      .filter((name) => name === key || name.endsWith(`_${key}`))
      .map((name) => name.slice(0, name.length - key.length))
      .filter((prefix) => prefix === "" || PREFIXES.some((each) => each === prefix));
    return prefixes.length === 1 ? `\`${prefixes[0]}${key}\`` : `\`{${prefixes.join(",")}}${key}\``;
  });
}

function kindText({ kind, choices, min, status }: Setting): string {
  if (status === "retired") return "";
  switch (kind) {
    case "choice":
      return `one of ${(choices ?? []).map((choice) => `\`${choice}\``).join(", ")}`;
    case "whole":
      return min === undefined ? "whole number" : `whole number of at least ${min}`;
    case "fraction":
      return "number from 0 to 1";
    case "flag":
      return "boolean";
    case "duration":
    case "size":
      return kind;
    case "map":
      return "map, or JSON";
    case "text":
      return "";
  }
}

function defaultText({ default: usual, walgDefault }: Setting): string {
  if (usual === undefined) return "";
  return `default \`${usual}\`${walgDefault === undefined ? "" : ` [\`${walgDefault}\`]`}`;
}

function exampleText({ kind, example }: Setting): string {
  const isTelling = kind === "text" || kind === "map";
  return isTelling && example !== "" ? `example \`${example}\`` : "";
}

/** docs/exit-codes.md. */
export function exitCodesPage(): string {
  const rows = Object.entries(ERROR_TABLE)
    .toSorted(([, a], [, b]) => a.exitCode - b.exitCode)
    .map(([code, row]) => `| ${row.exitCode} | \`${code}\` | ${row.meaning} | ${row.hint} |`);
  return `# Exit codes

${NOTE}

0 means success. With \`--json\` the last line on stderr is
\`{"error":{"code":…,"exitCode":…,"message":…,"hint":…}}\`.

| Exit code | Code | Meaning | What to do |
|---|---|---|---|
${rows.join("\n")}

## Called as \`wal-g\` or \`wal-g-*\`

Only 0, 1 and 74 are used, as scripts written for WAL-G compare with them.

## \`wal-fetch\` in archive recovery

PostgreSQL takes every exit code up to 125 of \`restore_command\` for the end of the archive: it
ends recovery and promotes itself. So when the working directory (the server's data directory)
holds \`recovery.signal\` and no \`standby.signal\`, any failure other than a segment that is truly
absent exits with 200, which stops the server instead of losing data. A standby would die of such
a code; there the ordinary codes are used, and the server asks again. SIGTERM stays 143, which the
server reads as its own shutdown. This holds for every name of the program.

The other codes stay below 126, so that a failed \`archive_command\` is tried again.
`;
}

if (import.meta.main) {
  const docs = join(dirname(import.meta.dir), "docs");
  writeFileSync(join(docs, "settings.md"), settingsPage());
  writeFileSync(join(docs, "exit-codes.md"), exitCodesPage());
}
