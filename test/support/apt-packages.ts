/** What the tests use of Debian, and what for. */
const PACKAGES: Readonly<Record<string, string>> = {
  "postgresql-15": "server, pg_waldump, pg_checksums, pg_rewind, pgbench",
  "postgresql-client-15": "psql, pg_basebackup, pg_amcheck, pg_verifybackup",
  openssl: "certificates",
  "openssh-server": "sshd, for storage over SFTP",
  "openssh-client": "ssh-keygen, ssh-agent",
  zstd: "an independent decoder",
  lz4: "an independent decoder",
  "xz-utils": "an independent decoder",
  brotli: "an independent decoder",
  gzip: "an independent encoder",
  gnupg: "an independent implementation of OpenPGP",
  lzop: "an independent encoder",
  "python3-pip": "gets Go from PyPI for building MinIO, where Go is missing",
};

/**
 * Runs its arguments while no service may start on the machine: Debian asks policy-rc.d, where
 * exit code 101 forbids it. The administrator's own file is put back under every end but SIGKILL,
 * and after that by the next run. One shell, so that an interrupt of the terminal reaches it.
 */
export const WITHOUT_SERVICES = `
  policy=/usr/sbin/policy-rc.d
  aside=/usr/sbin/policy-rc.d.before-tidemark-tests
  mark='# written for the time of an installation by the tests of tidemark'
  restore() {
    if grep -qsF "$mark" "$policy"; then rm -f "$policy"; fi
    if [ -e "$aside" ]; then mv "$aside" "$policy"; fi
  }
  trap restore EXIT
  trap 'exit 130' INT TERM
  restore
  if [ -e "$policy" ]; then mv "$policy" "$aside" || exit 1; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy" || exit 1
  chmod 755 "$policy"
  "$@"`;

/** Installs what is missing. The result says what could not be had, and how to get it. */
export function installAptPackages(say: (line: string) => void): string | undefined {
  const missing = Object.keys(PACKAGES).filter((name) => !isInstalled(name));
  if (missing.length === 0) return undefined;
  const how = `get it as root with: apt-get install ${missing.join(" ")}`;
  if (Bun.which("apt-get") === null) return `missing: ${missing.join(", ")}; ${how}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && run(["sudo", "-n", "true"]).exitCode !== 0) {
    return `missing: ${missing.join(", ")}, and neither root nor sudo without password; ${how}`;
  }
  for (const name of missing) say(`installing ${name}: ${PACKAGES[name]}`);
  const prefix = isRoot ? [] : ["sudo", "-n"];
  const failure = installByApt(missing, [...prefix, "sh", "-c", WITHOUT_SERVICES, "sh"]);
  return failure === undefined ? undefined : `${failure}\n${how}`;
}

function isInstalled(name: string): boolean {
  return /^Status: \S+ ok installed$/m.test(run(["dpkg", "--status", name]).stdout);
}

function installByApt(names: readonly string[], prefix: readonly string[]): string | undefined {
  const apt = [
    ...prefix,
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "--option=DPkg::Lock::Timeout=300",
    "--quiet=2",
  ];
  const install = [...apt, "install", "--yes", "--no-install-recommends", ...names];
  if (run(install).exitCode === 0) return undefined;
  // A fresh machine has no package lists yet.
  run([...apt, "update"]);
  const second = run(install);
  if (second.exitCode === 0) return undefined;
  return `apt-get failed: ${`${second.stdout}${second.stderr}`.trim().slice(-2000)}`;
}

function run(command: string[]): { exitCode: number; stdout: string; stderr: string } {
  if (Bun.which(command[0] ?? "") === null) return { exitCode: 127, stdout: "", stderr: "" };
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { stdout: "pipe", stderr: "pipe" });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
