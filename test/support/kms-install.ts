import { installGoProgram } from "./go-install.ts";

/** A server with the interface of AWS KMS; built once, into a cache outside the checkout. */
export function installKms(): Promise<string> {
  return installGoProgram({
    name: "local-kms",
    module: "github.com/nsmithuk/local-kms",
    // The last revision that the proxy gives, by the name of a module without semantic versions.
    version: "v0.0.0-20260228092603-2a5e92d09ab6",
    duration: "half a minute",
  });
}
