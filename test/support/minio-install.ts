import { installGoProgram } from "./go-install.ts";

/** The MinIO server's program; built once, into a cache outside the checkout. */
export function installMinio(): Promise<string> {
  return installGoProgram({
    name: "minio",
    module: "github.com/minio/minio",
    // The last revision that the proxy gives, by the name of a module without semantic versions.
    version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    duration: "two to six minutes of both cores",
  });
}
