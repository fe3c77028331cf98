import { isJsonObject, type JsonValue, parseJsonObject, printJson } from "../base/json.ts";
import { findSetting } from "./table.ts";
import { MASK } from "./value.ts";

/** The secrets among the settings of `FAILOVER_STORAGES`. */
export function secretsOfStorages(map: string): readonly string[] {
  const secrets: string[] = [];
  changed(map, (name, value) => {
    if (isSecret(name) && typeof value === "string") secrets.push(value);
    return value;
  });
  return secrets;
}

/** The same map to be shown. A value whose name nobody knows may be a secret too. */
export function maskedStorages(map: string): string {
  return changed(map, (name, value) => {
    return isSecret(name) || findSetting(name.toUpperCase()) === undefined ? MASK : value;
  });
}

function isSecret(name: string): boolean {
  return findSetting(name.toUpperCase())?.setting.isSecret === true;
}

/** Each setting of each storage as `change` gives it. */
function changed(map: string, change: (name: string, value: JsonValue) => JsonValue): string {
  const storages = Object.entries(parseJsonObject(map, "FAILOVER_STORAGES"));
  const result = storages.map(([storage, own]) => {
    if (!isJsonObject(own)) return [storage, change("", own)] as const;
    const values = Object.entries(own).map(([name, value]) => [name, change(name, value)] as const);
    return [storage, Object.fromEntries(values)] as const;
  });
  return printJson(Object.fromEntries(result), { escaping: "plain" });
}
