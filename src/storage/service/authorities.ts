import { readFileSync } from "node:fs";
import { ConfigError, errnoOf } from "../../base/errors.ts";

/** A file of certificates, and the setting that names it. */
export interface AuthorityFile {
  readonly setting: string;
  readonly path: string;
}

/** The built-in authorities and those of the files, since naming any replaces the built-in. */
export async function readAuthorities(
  files: readonly AuthorityFile[],
): Promise<readonly string[] | undefined> {
  if (files.length === 0) return undefined;
  const { rootCertificates } = await import("node:tls");
  return [...rootCertificates, ...files.map(readAuthorityFile)];
}

function readAuthorityFile({ setting, path }: AuthorityFile): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${setting}: ${path}: ${errnoOf(error) ?? "cannot be read"}`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new ConfigError(`${setting}: ${path}: holds no certificate in PEM form`);
  }
  return text;
}
