import { MASK } from "../config/value.ts";

/** Takes what must stay secret out of a text that is about to be printed. */
export type Scrubber = (text: string) => string;

/** Below this a "secret" is a common syllable, and taking it out would hide the message. */
const SECRET_LENGTH_MIN = 4;

/** Passwords inside addresses: `https://user:password@host`. */
const ADDRESS_PASSWORD = /(:\/\/[^\s/:@]*):[^\s/@]+@/g;

export function createScrubber(secrets: readonly string[]): Scrubber {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const part of [secret, ...secret.split(/\r?\n|\\n/)]) {
      if (part.length < SECRET_LENGTH_MIN) continue;
      forms.add(part);
      forms.add(encodeURIComponent(part));
    }
  }
  // The longest first, so that no remainder of it stays.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => {
    let scrubbed = text;
    for (const form of ordered) scrubbed = scrubbed.replaceAll(form, MASK);
    return scrubbed.replace(ADDRESS_PASSWORD, `$1:${MASK}@`);
  };
}
