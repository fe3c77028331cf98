import { ConfigError } from "../base/errors.ts";
import type { SettingReader } from "../base/setting-reader.ts";

export interface StorageKind {
  /** The setting that holds its prefix. */
  readonly key: string;
  /** What its URLs begin with. */
  readonly schemes: readonly string[];
}

/** A storage, and the settings to open it with. */
export interface ChosenStorage<T extends StorageKind> {
  readonly kind: T;
  readonly settings: SettingReader;
}

/**
 * The storage that the settings name: the one of `STORAGE_URL`, or the first whose own key is set.
 * A URL stands for the key of its storage, so one beside another prefix would leave open which is
 * meant, where WAL-G's keys have an order.
 */
export function chooseStorage<T extends StorageKind>(
  settings: SettingReader,
  kinds: readonly T[],
): ChosenStorage<T> | undefined {
  const prefixed = kinds.find(({ key }) => settings.text(key) !== undefined);
  const url = settings.text("STORAGE_URL");
  if (url === undefined) {
    if (prefixed === undefined) return undefined;
    refusePassword(prefixed.key, settings.text(prefixed.key) ?? "");
    return { kind: prefixed, settings };
  }
  if (prefixed !== undefined) {
    throw new ConfigError(
      `STORAGE_URL and ${prefixed.key} are both set`,
      "Keep the one that says where the repository is.",
    );
  }
  refusePassword("STORAGE_URL", url);
  const scheme = /^([a-z][a-z0-9]*):\/\//.exec(url)?.[1] ?? "";
  const kind = kinds.find(({ schemes }) => schemes.includes(scheme));
  if (kind === undefined) {
    const known = kinds.flatMap(({ schemes }) => schemes.map((each) => `${each}://`));
    throw new ConfigError(
      `STORAGE_URL: ${url} is not the URL of a storage`,
      `It begins with one of ${known.join(", ")}.`,
    );
  }
  return { kind, settings: withText(settings, kind.key, url) };
}

/** Errors and logs name storages by their URLs: none may hold a secret. */
function refusePassword(key: string, text: string): void {
  if (!/^[a-z0-9]+:\/\/[^/]*:[^/]*@/i.test(text)) return;
  throw new ConfigError(
    `${key}: the URL holds a password`,
    "Leave it out, and set the key of the storage that is for it.",
  );
}

function withText(settings: SettingReader, key: string, text: string): SettingReader {
  return {
    text: (name) => (name === key ? text : settings.text(name)),
    flag: (name) => settings.flag(name),
    whole: (name) => settings.whole(name),
    durationMs: (name) => settings.durationMs(name),
  };
}
