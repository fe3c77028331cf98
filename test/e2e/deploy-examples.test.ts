// Proves that the deployment examples do what they say, by taking their commands out of them and
// running them, with the paths of a container replaced, against a real server.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { Reader } from "../support/reader.ts";

const DEPLOY = join(import.meta.dirname, "../../deploy");

function textOf(path: string): string {
  return readFileSync(join(DEPLOY, path), "utf8");
}

/** The settings that an example archives with, as lines of postgresql.conf. */
function archiveSettings(args: readonly string[]): string {
  return args
    .filter((argument) => argument.startsWith("archive_"))
    .map((argument) => argument.replace(/^(\w+)=(.*)$/, "$1 = '$2'"))
    .join("\n");
}

/** Runs a server that archives as the example says, and takes what `command` stands for. */
async function archiveAnd(reader: Reader, settings: string, command: string): Promise<void> {
  const { exitCode, text } = await reader.run(`
    mkdir -p "$HOME/backups"
    cat >> "$PGDATA/postgresql.conf" <<'END'\n${settings}\nEND
    pg_ctl start --silent --wait --log "$HOME/server.log"
    ${command}
    tidemark --config "$HOME/tidemark.json" backup-list`);
  expect(exitCode, text).toBe(0);
  expect(text).toMatch(/^base_0000000100000000000000\d\d /m);
}

/** What a container's paths are on this machine. */
function here(reader: Reader, text: string): string {
  return text
    .replaceAll("/opt/tidemark/tidemark", join(reader.home, "bin/tidemark"))
    .replaceAll("/usr/local/bin/tidemark", join(reader.home, "bin/tidemark"))
    .replaceAll(/\/etc\/(?:tidemark\/)?tidemark\.json/g, join(reader.home, "tidemark.json"))
    .replaceAll("/var/lib/postgresql/data", reader.env["PGDATA"] ?? "");
}

const CONFIGURE =
  'echo "{ \\"TIDEMARK_FILE_PREFIX\\": \\"$HOME/backups\\" }" > "$HOME/tidemark.json"';

describe("Compose", () => {
  interface Service {
    readonly image: string;
    readonly command?: readonly string[];
    readonly entrypoint?: readonly string[];
    readonly volumes: readonly string[];
  }

  test("the server archives and the sidecar takes a backup", async () => {
    await using reader = await Reader.create();
    const { services } = Bun.YAML.parse(textOf("compose/compose.yaml")) as {
      readonly services: Readonly<Record<string, Service>>;
    };
    const script = services["backup"]?.entrypoint?.at(-1) ?? "";
    const push = script.split("\n").find((line) => line.includes("backup-push")) ?? "";
    const settings = here(reader, archiveSettings(services["postgres"]?.command ?? []));
    await archiveAnd(reader, settings, `${CONFIGURE}\n${here(reader, push)}`);
  });

  test("names the image by the version of this tree, and volumes that it declares", () => {
    const { services, volumes } = Bun.YAML.parse(textOf("compose/compose.yaml")) as {
      readonly services: Readonly<Record<string, Service>>;
      readonly volumes: Readonly<Record<string, unknown>>;
    };
    for (const { image, volumes: mounts } of Object.values(services)) {
      if (image.startsWith("tidemark")) expect(image).toBe(`tidemark:${packageJson.version}`);
      const named = mounts
        .map((mount) => mount.split(":")[0] ?? "")
        .filter((name) => /^\w/.test(name));
      expect(Object.keys(volumes)).toEqual(expect.arrayContaining(named));
    }
  });

  test("its configuration is one that the program understands", async () => {
    await using reader = await Reader.create();
    const { exitCode, text } = await reader.run(
      `tidemark --strict --config '${join(DEPLOY, "compose/tidemark.json")}' config`,
    );
    expect(exitCode, text).toBe(0);
    expect(text).toContain("s3://my-bucket/postgres");
  });
});

describe("systemd", () => {
  test("the service takes a backup", async () => {
    await using reader = await Reader.create();
    const unit = textOf("systemd/tidemark-backup.service");
    const command = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? "";
    const archive =
      'archive_command=/opt/tidemark/tidemark --config /etc/tidemark.json wal-push "%p"';
    const settings = here(reader, archiveSettings(["archive_mode=on", archive]));
    await archiveAnd(
      reader,
      settings,
      `${CONFIGURE}\n${here(reader, command).replace(/\$\{PGDATA\}/, '"$PGDATA"')}`,
    );
  });

  test("the timer belongs to it and comes every night", () => {
    const names = readdirSync(join(DEPLOY, "systemd")).map((name) => name.split(".")[0]);
    expect(new Set(names)).toEqual(new Set(["tidemark-backup"]));
    expect(textOf("systemd/tidemark-backup.timer")).toMatch(
      /^OnCalendar=\*-\*-\* \d\d:\d\d:\d\d$/m,
    );
  });
});

describe("Kubernetes", () => {
  interface Container {
    readonly name: string;
    readonly image: string;
    readonly command?: readonly string[];
    readonly args?: readonly string[];
  }

  test("the init container restores the newest backup into an empty volume, once", async () => {
    await using reader = await Reader.create();
    const manifest = Bun.YAML.parse(textOf("kubernetes/restore.yaml")) as {
      readonly spec: {
        readonly template: {
          readonly spec: Readonly<Record<"initContainers" | "containers", readonly Container[]>>;
        };
      };
    };
    const { initContainers, containers } = manifest.spec.template.spec;
    const restore = initContainers.find(({ name }) => name === "restore");
    const server = containers.find(({ name }) => name === "postgres");
    expect(restore?.image).toBe(`tidemark:${packageJson.version}`);
    const environment = 'export TIDEMARK_FILE_PREFIX="$HOME/backups"';
    const init = here(reader, restore?.command?.at(-1) ?? "");
    const settings = here(reader, archiveSettings(server?.args ?? []));
    const { exitCode, text } = await reader.run(`
      ${environment}
      mkdir "$HOME/backups" "$HOME/volume"
      cat >> "$PGDATA/postgresql.conf" <<'END'\n${settings}\nEND
      pg_ctl start --silent --wait --log "$HOME/server.log"
      tidemark backup-push "$PGDATA"
      psql --quiet --command "CREATE TABLE late AS SELECT 'archived' AS state"
      pg_ctl stop --silent --wait
      export PGDATA="$HOME/volume/cluster"
      mkdir "$PGDATA.new"
      touch "$PGDATA.new/left by a restore that was cut short"
      sh -c '${init.replaceAll("'", "'\\''")}'
      sh -c '${init.replaceAll("'", "'\\''")}'
      pg_ctl start --silent --wait --log "$HOME/restored.log"
      until psql --tuples-only --command "SELECT pg_is_in_recovery()" | grep --quiet f
      do sleep 1; done
      psql --tuples-only --command "SELECT state FROM late"`);
    expect(exitCode, text).toBe(0);
    expect(text).toContain("archived");
    expect(text.match(/Restoring base_/g)).toHaveLength(1);
  });
});
