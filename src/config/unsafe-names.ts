import { ConfigError } from "../base/errors.ts";
import { nearestName } from "./nearest-name.ts";
import { namesOf, PREFIXES } from "./setting.ts";
import type { UnknownName } from "./sources.ts";
import { ENCRYPTION_SETTINGS } from "./table-encryption.ts";

/** Words in the names of keys that encrypt, here, in WAL-G or at the service. */
const CIPHER = /(?:^|_)(?:PGP|GPG|CSE|SSE|KMS|ENVELOPE|LIBSODIUM)(?:_|$)/;
/** Storages and services that WAL-G has and that are missing here. */
const STORAGE = /^(?:SWIFT|OSS|YC)_/;
/** WAL-G looks these up without a prefix too, so that they count in any environment. */
const BARE = /^(?:YC|CSE_KMS)_/;
/** Misspellings so close that hardly anything else can be meant. */
const TYPO_EDITS_MAX = 2;

/** Whether a name without our prefixes, in an environment full of others, is meant for us. */
export function isOursBare(name: string): boolean {
  return BARE.test(name);
}

/**
 * An unknown name is worth a warning, but not one that decides how or where to store: a typo in
 * it must not end in a repository in plain, or in another place.
 */
export function refuseUnsafeName({ name, nearest }: UnknownName, place: string): void {
  const what = subjectOf(name);
  if (what === undefined) return;
  const guess = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  throw new ConfigError(
    `${name} (${place}) is unknown, and asks for ${what}`,
    "Correct or remove it: going on without it could store something in plain or elsewhere." +
      guess,
  );
}

function subjectOf(name: string): string | undefined {
  const prefix = PREFIXES.find((each) => name.startsWith(each)) ?? "";
  const key = name.slice(prefix.length);
  const names = ENCRYPTION_SETTINGS.settings.flatMap(namesOf);
  const typo = nearestName(name, names, { editsMax: TYPO_EDITS_MAX });
  if (CIPHER.test(key) || typo !== undefined) return "an encryption";
  return STORAGE.test(key) ? "a storage that is not supported" : undefined;
}
