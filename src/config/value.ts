import { ConfigError } from "../base/errors.ts";
import { parseDurationMs, parseFlag, parseFraction, parseSizeBytes, parseWhole } from "./parse.ts";
import { canonicalName, type Setting } from "./setting.ts";

/** What is printed in place of a secret. */
export const MASK = "--HIDDEN--";

/** The text that counts, or an error that names the setting, the value and an example. */
export function checkedValue(setting: Setting, value: string, name: string): string {
  switch (setting.kind) {
    case "text":
      return value;
    case "flag":
      if (parseFlag(value) === undefined) throw malformed(setting, value, name, "true or false");
      return value;
    case "whole": {
      const whole = parseWhole(value);
      if (whole === undefined || (setting.min !== undefined && whole < setting.min)) {
        const bound = setting.min === undefined ? "" : ` of at least ${setting.min}`;
        throw malformed(setting, value, name, `a whole number${bound}`);
      }
      return value;
    }
    case "fraction":
      if (parseFraction(value) === undefined) {
        throw malformed(setting, value, name, "a number from 0 to 1");
      }
      return value;
    case "duration": {
      const durationMs = parseDurationMs(value);
      if (durationMs === undefined || durationMs < (setting.min ?? 0)) {
        const bound = setting.min === undefined ? "" : ` of at least ${setting.min}ms`;
        throw malformed(setting, value, name, `a duration${bound} such as 30s, 15m or 1h30m`);
      }
      return value;
    }
    case "size":
      if (parseSizeBytes(value) === undefined) {
        throw malformed(setting, value, name, "a size such as 512kb or 1mb");
      }
      return value;
    case "choice":
      return chosen(setting, value, name);
    case "map":
      return checkedMap(setting, value, name);
  }
}

export function malformed(
  setting: Setting,
  value: string,
  name: string,
  wanted: string,
): ConfigError {
  const shown = setting.isSecret === true ? MASK : JSON.stringify(value);
  return new ConfigError(
    `${name} is ${shown}, which is not ${wanted}`,
    `For example: ${name || canonicalName(setting)}=${setting.example}.`,
  );
}

/** Choices are compared without case, and given on as the table writes them. */
function chosen(setting: Setting, value: string, name: string): string {
  const choices = setting.choices ?? [];
  const choice = choices.find((each) => each.toLowerCase() === value.toLowerCase());
  if (choice === undefined) {
    throw malformed(setting, value, name, `one of ${choices.join(", ")}`);
  }
  return choice;
}

function checkedMap(setting: Setting, value: string, name: string): string {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return value;
  } catch {
    // Said below.
  }
  throw malformed(setting, value, name, "a JSON object");
}
