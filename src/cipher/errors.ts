import { CorruptObjectError, ToolError } from "../base/errors.ts";

/**
 * The cipher refuses the object's first block. A damaged beginning looks the same: nothing but
 * the key can tell them apart.
 */
export class WrongKeyError extends ToolError {
  readonly keyId: string;

  constructor(
    what: string,
    keyId: string,
    { detail, cause }: { readonly detail?: string; readonly cause?: unknown } = {},
  ) {
    const reason = detail === undefined ? "" : ` (${detail})`;
    super({
      code: "wrong-key",
      message: `${what}: key ${keyId} does not open it${reason}`,
      hint:
        "Configure the key that the object was written with; " +
        "if it is the right one, the object's beginning is damaged.",
      cause,
    });
    this.keyId = keyId;
  }
}

export function corruptLibsodium(detail: string): CorruptObjectError {
  return new CorruptObjectError("libsodium data", detail);
}

export function corruptOpenPgp(detail: string): CorruptObjectError {
  return new CorruptObjectError("OpenPGP data", detail);
}

export function corruptDare(detail: string): CorruptObjectError {
  return new CorruptObjectError("DARE data", detail);
}
