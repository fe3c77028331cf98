import { join } from "node:path";

export interface CertificateFiles {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** Makes a certificate authority of its own in `dir`, by OpenSSL. */
export function makeAuthority(dir: string, name: string): CertificateFiles {
  const files = filesOf(dir, name);
  openssl(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`],
    ...["-addext", "basicConstraints=critical,CA:TRUE"],
    ...["-keyout", files.keyPath, "-out", files.certificatePath],
  );
  return files;
}

/** Makes a certificate that the authority has signed. */
export function makeCertificate(
  dir: string,
  options: {
    readonly authority: CertificateFiles;
    readonly commonName: string;
    /** `DNS:localhost`, `IP:127.0.0.1`. */
    readonly alternativeName?: string;
    /** `rsa:2048` or an elliptic curve such as `prime256v1`. */
    readonly key?: string;
  },
): CertificateFiles {
  const { authority, commonName, alternativeName } = options;
  const files = filesOf(dir, commonName);
  const requestPath = join(dir, `${commonName}.csr`);
  const key = options.key ?? "rsa:2048";
  openssl(
    ...["req", "-new", "-nodes", "-subj", `/CN=${commonName}`],
    ...(key.startsWith("rsa:")
      ? ["-newkey", key]
      : ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${key}`]),
    ...(alternativeName === undefined ? [] : ["-addext", `subjectAltName=${alternativeName}`]),
    ...["-keyout", files.keyPath, "-out", requestPath],
  );
  openssl(
    ...["x509", "-req", "-days", "2", "-in", requestPath, "-copy_extensions", "copy"],
    ...["-CA", authority.certificatePath, "-CAkey", authority.keyPath, "-CAcreateserial"],
    ...["-out", files.certificatePath],
  );
  return files;
}

/** The certificate in DER, as OpenSSL converts it. */
export function derOf(files: CertificateFiles): Uint8Array {
  return openssl("x509", "-in", files.certificatePath, "-outform", "DER");
}

function filesOf(dir: string, name: string): CertificateFiles {
  return { certificatePath: join(dir, `${name}.crt`), keyPath: join(dir, `${name}.key`) };
}

function openssl(...args: readonly string[]): Uint8Array {
  if (Bun.which("openssl") === null) {
    throw new Error("openssl is missing; get it with `apt-get install openssl`");
  }
  const result = Bun.spawnSync(["openssl", ...args], { stdout: "pipe", stderr: "pipe" });
  if (result.exitCode !== 0) throw new Error(`openssl ${args[0]}: ${result.stderr.toString()}`);
  return new Uint8Array(result.stdout);
}
