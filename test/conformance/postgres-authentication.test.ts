// Proves on real servers that every way to authenticate and every PGSSLMODE does what libpq's does,
// that wrong passwords and certificates are refused, and that no error holds a password.
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConnectionSettings } from "../../src/database/postgres/connection-settings.ts";
import { readConnectionSettings } from "../../src/database/postgres/connection-settings.ts";
import { WireConnection } from "../../src/database/postgres/wire/connection.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import type { TlsMode, TlsSettings } from "../../src/database/postgres/wire/tls.ts";
import { type CertificateFiles, makeAuthority, makeCertificate } from "../support/certificates.ts";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "15", "17", "18"];
const FOREVER = new AbortController().signal;
const PASSWORD = "sécret ½ :\\'";
const HBA = `
local   all u                       trust
host    all u          127.0.0.1/32 trust
host    all by_scram   127.0.0.1/32 scram-sha-256
host    all by_md5     127.0.0.1/32 md5
host    all by_clear   127.0.0.1/32 password
hostssl all by_cert    127.0.0.1/32 cert
hostssl all only_tls   127.0.0.1/32 trust
hostnossl all only_plain 127.0.0.1/32 trust
`;

let scratch: ScratchDir;
let authority: CertificateFiles;
let stranger: CertificateFiles;
let clientCertificate: CertificateFiles;

beforeAll(() => {
  scratch = makeScratch("certificates");
  authority = makeAuthority(scratch.path, "authority");
  stranger = makeAuthority(scratch.path, "stranger");
  clientCertificate = makeCertificate(scratch.path, { authority, commonName: "by_cert" });
});
afterAll(() => scratch[Symbol.dispose]());

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let cluster: PostgresCluster;
  let plainCluster: PostgresCluster;

  beforeAll(async () => {
    // An RSA and an elliptic certificate among the versions: channel binding hashes both.
    const key = version === "15" ? "secp384r1" : "rsa:2048";
    const server = makeCertificate(scratch.path, {
      authority,
      commonName: `localhost`,
      alternativeName: "DNS:localhost",
      key,
    });
    cluster = await startCluster({ version, isStarted: false });
    for (const [from, name] of [
      [server.certificatePath, "server.crt"],
      [server.keyPath, "server.key"],
      [authority.certificatePath, "root.crt"],
    ] as const) {
      copyFileSync(from, join(cluster.dataDir, name));
      chmodSync(join(cluster.dataDir, name), 0o600);
      giveToServers(join(cluster.dataDir, name));
    }
    writeFileSync(join(cluster.dataDir, "pg_hba.conf"), HBA);
    await Bun.write(
      join(cluster.dataDir, "postgresql.auto.conf"),
      "ssl = on\nssl_ca_file = 'root.crt'\n",
    );
    await cluster.start();
    const quoted = PASSWORD.replaceAll("'", "''");
    await cluster.query(`
      SET password_encryption = 'scram-sha-256';
      CREATE ROLE by_scram LOGIN PASSWORD '${quoted}';
      CREATE ROLE by_clear LOGIN PASSWORD '${quoted}';
      SET password_encryption = 'md5';
      CREATE ROLE by_md5 LOGIN PASSWORD '${quoted}';
      CREATE ROLE by_cert LOGIN;
      CREATE ROLE only_tls LOGIN;
      CREATE ROLE only_plain LOGIN`);
    plainCluster = await startCluster({ version });
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await plainCluster[Symbol.asyncDispose]();
  });

  interface Attempt {
    readonly user: string;
    readonly mode: TlsMode;
    readonly host?: string;
    readonly password?: string;
    readonly tls?: Partial<TlsSettings>;
    readonly to?: PostgresCluster;
  }

  function settingsOf(attempt: Attempt): ConnectionSettings {
    const to = attempt.to ?? cluster;
    return {
      ...to.connectionSettings,
      endpoints: [{ host: attempt.host ?? "127.0.0.1", port: to.port }],
      user: attempt.user,
      tls: {
        mode: attempt.mode,
        certificatePath: undefined,
        keyPath: undefined,
        rootCertificatePath: undefined,
        ...attempt.tls,
      },
      password: () => attempt.password,
    };
  }

  /** Who the server says we are, and whether it sees TLS. */
  async function reach(attempt: Attempt): Promise<readonly (string | null)[]> {
    await using connection = await WireConnection.open(settingsOf(attempt), { signal: FOREVER });
    const { rows } = await connection.query(
      "SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      { signal: FOREVER },
    );
    expect(rows[0]?.[1]).toBe(connection.isEncrypted ? "t" : "f");
    return rows[0] ?? [];
  }

  async function refusal(attempt: Attempt): Promise<DatabaseError> {
    const error = await reach(attempt).then(
      (row) => new Error(`reached: ${row}`),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DatabaseError);
    if (!(error instanceof DatabaseError)) throw error;
    const printed = `${error.message} ${error.hint} ${Bun.inspect(error)}`;
    if (attempt.password !== undefined) expect(printed).not.toContain(attempt.password);
    return error;
  }

  test.each(["by_scram", "by_md5", "by_clear"])(
    "%s is let in by the right password only",
    async (user) => {
      for (const mode of ["disable", "require"] as const) {
        const encrypted = mode === "require" ? "t" : "f";
        expect(await reach({ user, mode, password: PASSWORD })).toEqual([user, encrypted]);
        const wrong = await refusal({ user, mode, password: "not-the-password" });
        expect(wrong.sqlState).toBe("28P01");
        const none = await refusal({ user, mode });
        expect(none.message).toContain(`wants a password of user "${user}"`);
      }
    },
  );

  test("a password comes out of the password file", async () => {
    const path = join(scratch.path, "pgpass");
    const hidden = PASSWORD.replaceAll("\\", "\\\\").replaceAll(":", "\\:");
    writeFileSync(
      path,
      `# comment\n127.0.0.1:1:*:by_scram:wrong\n127.0.0.1:*:*:by_scram:${hidden}\n`,
    );
    chmodSync(path, 0o600);
    const values: Readonly<Record<string, string>> = {
      PGHOST: "127.0.0.1",
      PGPORT: `${cluster.port}`,
      PGUSER: "by_scram",
      PGDATABASE: "postgres",
      PGPASSFILE: path,
      PGSSLMODE: "prefer",
    };
    const settings = readConnectionSettings(
      {
        text: (key) => values[key],
        flag: () => false,
        whole: () => undefined,
        durationMs: () => undefined,
      },
      { user: undefined, homeDir: undefined, applicationName: "tidemark-test" },
    );
    expect(Bun.inspect(settings)).not.toContain(PASSWORD);
    await using connection = await WireConnection.open(settings, { signal: FOREVER });
    const { rows } = await connection.query("SELECT current_user", { signal: FOREVER });
    expect(rows).toEqual([["by_scram"]]);
  });

  test("a client certificate lets its user in, and nobody without it", async () => {
    const attempt: Attempt = { user: "by_cert", mode: "require", tls: clientCertificate };
    expect(await reach(attempt)).toEqual(["by_cert", "t"]);
    const without = await refusal({ user: "by_cert", mode: "require" });
    expect(without.message).toMatch(/certificate/);
  });

  test("every mode takes or refuses TLS as libpq does", async () => {
    const user = "u";
    expect(await reach({ user, mode: "disable" })).toEqual(["u", "f"]);
    expect(await reach({ user, mode: "allow" })).toEqual(["u", "f"]);
    expect(await reach({ user, mode: "prefer" })).toEqual(["u", "t"]);
    expect(await reach({ user, mode: "require" })).toEqual(["u", "t"]);
    const to = plainCluster;
    expect(await reach({ user, to, mode: "prefer" })).toEqual(["u", "f"]);
    expect((await refusal({ user, to, mode: "require" })).message).toContain("has no TLS");
    expect(await reach({ user: "only_tls", mode: "allow" })).toEqual(["only_tls", "t"]);
    expect(await reach({ user: "only_plain", mode: "prefer" })).toEqual(["only_plain", "f"]);
    expect((await refusal({ user: "only_tls", mode: "disable" })).sqlState).toBe("28000");
    expect((await refusal({ user: "only_plain", mode: "require" })).sqlState).toBe("28000");
  });

  test("a certificate is checked against the authority, by verify-full the host too", async () => {
    const user = "u";
    const ours = { rootCertificatePath: authority.certificatePath };
    const theirs = { rootCertificatePath: stranger.certificatePath };
    expect(await reach({ user, mode: "verify-ca", tls: ours })).toEqual(["u", "t"]);
    const full: Attempt = { user, mode: "verify-full", tls: ours, host: "localhost" };
    expect(await reach(full)).toEqual(["u", "t"]);
    const wrongHost = await refusal({ user, mode: "verify-full", tls: ours });
    expect(wrongHost.message).toMatch(/certificate is not accepted: .*127\.0\.0\.1/);
    for (const mode of ["require", "verify-ca", "verify-full"] as const) {
      const strange = await refusal({ user, mode, tls: theirs, host: "localhost" });
      expect(strange.message).toContain("certificate is not accepted");
    }
    const system = { rootCertificatePath: "system" };
    const unknown = await refusal({ user, mode: "verify-full", tls: system, host: "localhost" });
    expect(unknown.message).toContain("certificate is not accepted");
  });

  test("cancels a command of an encrypted session", async () => {
    await using connection = await WireConnection.open(settingsOf({ user: "u", mode: "require" }), {
      signal: FOREVER,
    });
    const stop = new AbortController();
    const sleeping = connection.query("SELECT pg_sleep(600)", { signal: stop.signal });
    const reason = new Error("enough");
    setTimeout(() => stop.abort(reason), 100);
    await expect(sleeping).rejects.toBe(reason);
    expect((await connection.query("SELECT 1", { signal: FOREVER })).rows).toEqual([["1"]]);
  });

  test("reads 100 MB over TLS from a server that waits for a slow reader", async () => {
    await using connection = await WireConnection.open(settingsOf({ user: "u", mode: "require" }), {
      signal: FOREVER,
    });
    const before = process.memoryUsage().rss;
    let sizeBytes = 0;
    let grownBytes = 0;
    const copy = connection.command(
      "COPY (SELECT repeat('x', 999) FROM generate_series(1, 100000)) TO STDOUT",
      { signal: FOREVER },
    );
    for await (const event of copy) {
      if (event.kind !== "copy-data") continue;
      if (sizeBytes === 0) {
        await Bun.sleep(700);
        grownBytes = process.memoryUsage().rss - before;
      }
      sizeBytes += event.bytes.byteLength;
    }
    expect(sizeBytes).toBe(100_000_000);
    expect(grownBytes).toBeLessThan(50_000_000);
  });
});
