import { installGoProgram } from "./go-install.ts";

/** A server of Google Cloud Storage's interface; built once, into a cache outside the checkout. */
export function installGcsServer(): Promise<string> {
  return installGoProgram({
    name: "fake-gcs-server",
    module: "github.com/fsouza/fake-gcs-server",
    version: "v1.56.1",
    duration: "half a minute to two minutes",
  });
}
