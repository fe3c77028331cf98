import { existsSync, readFileSync } from "node:fs";
import { ConfigError, errnoOf, messageOf } from "../base/errors.ts";
import { isJsonObject, type JsonValue, parseJsonObject } from "../base/json.ts";
import { findJsonFault } from "./json-place.ts";
import { wholeOfDecimal } from "./parse.ts";

/** Upper-case name → text, or a map for the keys that hold one. */
export type FileValues = ReadonlyMap<string, string | Readonly<Record<string, unknown>>>;

type Parser = (text: string, path: string) => Readonly<Record<string, unknown>>;

/** By extension, in the order in which they are looked for. */
const PARSERS: Readonly<Record<string, Parser>> = {
  json: parseJson,
  toml: (text, path) => parseByLines(text, path, (part) => Bun.TOML.parse(part)),
  yaml: parseYaml,
  yml: parseYaml,
  properties: parseAssignments,
  props: parseAssignments,
  prop: parseAssignments,
  hcl: refuse,
  tfvars: refuse,
  dotenv: parseAssignments,
  env: parseAssignments,
  ini: parseAssignments,
};

/** The first of `<home>/.tidemark.*`, `<home>/.walg.*` that is there. */
export function findHomeFile(home: string): string | undefined {
  for (const name of [".tidemark", ".walg"]) {
    for (const extension of Object.keys(PARSERS)) {
      const path = `${home}/${name}.${extension}`;
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

/** Reads a configuration file. Whatever is wrong with it is an error that says where. */
export function readConfigFile(path: string): FileValues {
  const extension = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const parser = PARSERS[extension] ?? parseUnnamed;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const reason = errnoOf(error) === "ENOENT" ? "does not exist" : messageOf(error);
    throw new ConfigError(`configuration file ${path} cannot be read: ${reason}`);
  }
  text = text.replace(/^\uFEFF/, "");
  // Nothing in it is nothing set, in every format.
  return text.trim() === "" ? new Map() : valuesOf(parser(text, path), path);
}

function valuesOf(document: Readonly<Record<string, unknown>>, path: string): FileValues {
  const values = new Map<string, string | Readonly<Record<string, unknown>>>();
  for (const [name, value] of Object.entries(document)) {
    const converted = toText(value, name, `configuration file ${path}`);
    if (converted !== undefined) values.set(name.toUpperCase(), converted);
  }
  return values;
}

/**
 * Without an extension that names the format. JSON begins with a brace; lines may be YAML and
 * assignments at once, and are taken when both mean the same.
 */
function parseUnnamed(text: string, path: string): Readonly<Record<string, unknown>> {
  if (text.trimStart().startsWith("{")) return parseJson(text, path);
  const [yaml, lines] = [parseYaml, parseAssignments].map((parser) => {
    try {
      const document = parser(text, path);
      return { document, values: valuesOf(document, path) };
    } catch (error) {
      if (error instanceof ConfigError) return { error };
      throw error;
    }
  });
  const found = yaml?.document ?? lines?.document;
  if (found === undefined) throw lines?.error ?? yaml?.error;
  const isSame =
    yaml?.values === undefined ||
    lines?.values === undefined ||
    Bun.deepEquals(yaml.values, lines.values);
  if (isSame) return found;
  throw new ConfigError(
    `configuration file ${path} means one thing as YAML and another as KEY=value lines`,
    `Name the format by the extension: ${formatNames()}.`,
  );
}

function formatNames(): string {
  return Object.keys(PARSERS)
    .filter((extension) => PARSERS[extension] !== refuse)
    .map((extension) => `.${extension}`)
    .join(", ");
}

/** Numbers and booleans are what a person would have typed in quotes; a map stays a map. */
export function toText(
  value: unknown,
  name: string,
  place: string,
): string | Readonly<Record<string, unknown>> | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number" && (Number.isSafeInteger(value) || value % 1 !== 0)) {
    return String(value);
  }
  if (typeof value === "object" && !Array.isArray(value) && !(value instanceof Date)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new ConfigError(
    `${place}: the value of ${name} would not be kept exactly as written`,
    `Write it in quotes: "${name}": "…".`,
  );
}

function parseJson(text: string, path: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    // Numbers as they are written: a long one would lose its last digits.
    document = JSON.parse(text, (_key, value, context?: { source?: string }) =>
      typeof value === "number" && context?.source !== undefined
        ? (wholeOfDecimal(context.source) ?? context.source)
        : value,
    );
  } catch {
    const fault = findJsonFault(text);
    const before = text.slice(0, fault).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    const found = fault >= text.length ? "end" : JSON.stringify(text[fault]);
    throw unparsable(path, `unexpected ${found}`, before.length, column);
  }
  const values = asMap(document, path);
  const maps = Object.keys(values).filter((name) => isJsonObject(values[name] as JsonValue));
  if (maps.length === 0) return values;
  // Within a map a number is a number.
  const exact = parseJsonObject(text, path);
  return { ...values, ...Object.fromEntries(maps.map((name) => [name, exact[name]])) };
}

function parseYaml(text: string, path: string): Readonly<Record<string, unknown>> {
  return parseByLines(text, path, (part) => Bun.YAML.parse(part) ?? {});
}

/** The runtime's parsers do not say where; the line after the longest good beginning is close. */
function parseByLines(
  text: string,
  path: string,
  parse: (text: string) => unknown,
): Readonly<Record<string, unknown>> {
  try {
    return asMap(parse(text), path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const lines = text.split("\n");
    let good = lines.length - 1;
    for (; good > 0; good--) {
      try {
        parse(lines.slice(0, good).join("\n"));
        break;
      } catch {
        // A shorter beginning may do.
      }
    }
    const reason = messageOf(error).replace(/^\w+ Parse error: /, "");
    throw unparsable(path, reason.charAt(0).toLowerCase() + reason.slice(1), good + 1);
  }
}

/** `KEY=value` lines: .env, .properties and .ini without sections that matter. */
function parseAssignments(text: string, path: string): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || /^[#;!]/.test(line) || /^\[[^\]]*\]$/.test(line)) continue;
    const match = /^(?:export\s+)?([A-Za-z_][\w.]*)\s*[=:]\s*(.*)$/.exec(line);
    if (match === null) throw unparsable(path, "a line that is not KEY=value", index + 1, 1);
    const [, name = "", value = ""] = match;
    const quoted = /^(["'])(.*)\1(?:\s+[#;].*)?$/.exec(value);
    values[name] = quoted === null ? value : quoted[2];
  }
  return values;
}

function refuse(_text: string, path: string): never {
  throw new ConfigError(
    `configuration file ${path} is written in HCL, which is not supported`,
    `Write it in one of ${formatNames()}.`,
  );
}

function asMap(document: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof document === "object" && document !== null && !Array.isArray(document)) {
    return document as Readonly<Record<string, unknown>>;
  }
  throw unparsable(path, "not a map of settings", 1, 1);
}

function unparsable(path: string, reason: string, line: number, column?: number): ConfigError {
  const place = column === undefined ? `line ${line}` : `line ${line}, column ${column}`;
  return new ConfigError(
    `configuration file ${path} does not parse: ${reason} at ${place}`,
    "Correct the file: nothing is done on settings that may be incomplete.",
  );
}
