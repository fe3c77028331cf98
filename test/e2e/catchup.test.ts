// A standby that lags behind, and whose WAL is gone, is brought forward by what changed since its
// LSN, on real servers, by a repository and over the network: relations made, dropped, grown and
// truncated, databases, tablespaces; its settings stay. What was interrupted cannot be started.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readControlFile } from "../../src/database/postgres/control-file.ts";
import { BackupSite } from "../support/backup-site.ts";
import { freePort } from "../support/free-port.ts";
import {
  catchupPush,
  follows,
  isListening,
  type LaggingScene,
  laggingStandby,
  STANDBY_SETTING,
  sendWhenReady,
} from "../support/lagging-standby.ts";
import type { PostgresCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { type RunningBinary, startBinary } from "../support/run-binary.ts";
import { giveToServers } from "../support/scratch.ts";

const signal = new AbortController().signal;

async function changeALot(primary: PostgresCluster, tablespace: string): Promise<void> {
  mkdirSync(tablespace);
  giveToServers(tablespace);
  await primary.changeBench(1000);
  await primary.query("DROP TABLE dropped");
  await primary.query("DELETE FROM shrunk WHERE i > 10");
  await primary.query("VACUUM shrunk");
  await primary.query("CREATE TABLE made AS SELECT i FROM generate_series(1, 5000) i");
  await primary.query("CREATE UNLOGGED TABLE unlogged AS SELECT i FROM generate_series(1, 500) i");
  await primary.query("CREATE DATABASE other");
  await primary.query(`CREATE TABLESPACE apart LOCATION '${tablespace}'`);
  await primary.query(
    "CREATE TABLE moved TABLESPACE apart AS SELECT i FROM generate_series(1, 900) i",
  );
  await primary.query("CHECKPOINT");
}

/** The standby's own place for the tablespace: the primary's is on this machine. */
async function makeOwnPlace({ site, primary, directory }: LaggingScene): Promise<void> {
  const own = join(site.scratch.path, "standby-apart");
  mkdirSync(own);
  giveToServers(own);
  const oid = await primary.value("SELECT oid FROM pg_tablespace WHERE spcname = 'apart'");
  symlinkSync(own, join(directory, "pg_tblspc", oid));
}

/** All that changed is there, and what is the standby's own is untouched. */
async function expectForward(scene: LaggingScene, databases: number): Promise<void> {
  const { standby, directory } = scene;
  expect(readFileSync(join(directory, "postgresql.auto.conf"), "utf8")).toContain(STANDBY_SETTING);
  expect(existsSync(join(directory, "standby.signal"))).toBe(true);
  expect(existsSync(join(directory, "tablespace_map"))).toBe(false);
  const controls = readdirSync(join(directory, "global")).filter((file) => /control/.test(file));
  expect(controls).toEqual(["pg_control"]);
  expect(readdirSync(join(directory, "base")).length).toBe(databases);
  await follows(scene);
  expect(await standby.value("SELECT count(*) || ' ' || min(i) FROM moved")).toBe("900 1");
  expect(await standby.value("SELECT count(*) FROM made")).toBe("5000");
  expect(await standby.value("SELECT count(*) FROM early WHERE b = 'new'")).toBe("2000");
  expect(await standby.value("SELECT count(*) FROM shrunk")).toBe("10");
  expect(await standby.value("SELECT count(*) FROM pg_class WHERE relname = 'dropped'")).toBe("0");
}

const changed = (version: PostgresVersion) =>
  laggingStandby(version, (primary) => changeALot(primary, `${primary.dataDir}-apart`));

describe.each(["15", "17"] as const)("PostgreSQL %s", (version) => {
  test("a lagging standby is brought forward by a repository, and follows again", async () => {
    await using scene = await changed(version);
    const { site, directory, fromLsn } = scene;
    const databases = readdirSync(join(directory, "base")).length;
    const name = await catchupPush(scene, fromLsn);
    expect(name).toMatch(/^base_[0-9A-F]{24}$/);
    const key = `catchup_005/${name}_backup_stop_sentinel.json`;
    expect(site.document(key)).toContain(
      `"DeltaLSN":${fromLsn},"DeltaFrom":"","DeltaFullName":"","DeltaCount":1`,
    );
    const files = JSON.parse(site.document(`catchup_005/${name}/files_metadata.json`)).Files;
    const kinds = Object.entries<{ IsIncremented: boolean }>(files);
    expect(kinds.filter(([, { IsIncremented }]) => IsIncremented).length).toBeGreaterThan(100);
    expect(kinds.filter(([path]) => path.endsWith(".conf")).map(([path]) => path)).toEqual([
      "/pg_ident.conf",
    ]);
    expect(site.listed()).not.toContain(name);
    const listed = JSON.parse((await site.run(["catchup-list", "--json"])).stdout);
    expect(listed).toMatchObject([{ backup_name: name }]);

    const occupied = await site.run(["catchup-fetch", directory, name]);
    expect(occupied.exitCode).toBe(45);
    expect(occupied.stderr).toContain("is not empty, and the standby has no tablespace");
    expect(existsSync(join(directory, "global/pg_control"))).toBe(true);
    await makeOwnPlace(scene);
    expect(await site.run(["catchup-fetch", directory, name])).toMatchObject({ exitCode: 0 });
    await expectForward(scene, databases + 1);
  });

  test("a lagging standby is brought forward by a sender, and follows again", async () => {
    await using scene = await changed(version);
    const { site, primary, directory } = scene;
    const databases = readdirSync(join(directory, "base")).length;
    await makeOwnPlace(scene);
    const port = await freePort();
    const settings = { WALG_LIBSODIUM_KEY: "a key of thirty two bytes, or so" };
    const options = { settings };
    const receiving = site.run(["catchup-receive", directory, `127.0.0.1:${port}`], options);
    const sent = await sendWhenReady(scene, port, options);
    expect(sent).toMatchObject({ exitCode: 0 });
    expect(await receiving).toMatchObject({ exitCode: 0 });
    await expectForward(scene, databases + 1);
    expect(await primary.value("SELECT pg_is_in_recovery()")).toBe("f");
    await site.waitUntilIdle();
  });
});

test("what does not fit the standby is refused, and nothing is touched", async () => {
  await using scene = await laggingStandby("15", (primary) => primary.changeBench(300));
  const { site, primary, standby, directory, fromLsn } = scene;
  const before = listing(directory);
  const ahead = await site.run(["catchup-push", primary.dataDir, "--from-lsn", "FFFF/0"]);
  expect(ahead.exitCode).toBe(40);
  const strange = await site.run(["catchup-push", primary.dataDir, "--from-lsn", "0x12"]);
  expect(strange.exitCode).toBe(2);
  expect(site.keys("catchup_005")).toEqual([]);

  const gap = await catchupPush(scene, fromLsn + 8n);
  const refused = await site.run(["catchup-fetch", directory, gap]);
  expect(refused.exitCode).toBe(40);
  expect(refused.stderr).toContain(`--from-lsn ${fromLsn}`);
  const name = await catchupPush(scene, fromLsn);
  const missing = await site.run(["catchup-fetch", directory, `${name}1`]);
  expect(missing.exitCode).toBe(50);

  await using other = await BackupSite.create({ version: "15", isStarted: false });
  const foreign = await site.run(["catchup-fetch", other.cluster.dataDir, name]);
  expect(foreign.exitCode).toBe(40);
  expect(foreign.stderr).toContain("They are different clusters");
  expect(listing(directory)).toEqual(before);

  await standby.start();
  const running = await site.run(["catchup-fetch", directory, name]);
  expect(running.exitCode).toBe(46);
  await standby.stop();
  expect(await site.run(["catchup-fetch", directory, name])).toMatchObject({ exitCode: 0 });
  await follows(scene);
  await standby.stop();
  const late = await site.run(["catchup-fetch", directory, name]);
  expect(late.exitCode).toBe(40);
  expect(late.stderr).toContain("past its start");
});

test("a standby is brought forward over a promotion, by its history", async () => {
  await using scene = await laggingStandby("15", async (primary) => {
    await primary.changeBench(300);
    await primary.stop();
    writeFileSync(join(primary.dataDir, "standby.signal"), "");
    giveToServers(join(primary.dataDir, "standby.signal"));
    await primary.start();
    await primary.query("SELECT pg_promote()");
    await primary.waitUntilPromoted();
    await primary.changeBench(300);
  });
  const { site, standby, directory, fromLsn } = scene;
  const name = await catchupPush(scene, fromLsn);
  expect(name).toMatch(/^base_00000002/);
  const archive = join(site.repoDir, "wal_005");
  const history = readdirSync(archive).find((file) => file.startsWith("00000002.history")) ?? "";
  renameSync(join(archive, history), join(site.repoDir, history));
  const unknown = await site.run(["catchup-fetch", directory, name]);
  expect(unknown.exitCode).toBe(40);
  expect(unknown.stderr).toContain("nobody has 00000002.history");
  renameSync(join(site.repoDir, history), join(archive, history));
  expect(await site.run(["catchup-fetch", directory, name])).toMatchObject({ exitCode: 0 });
  await follows(scene);
  expect(readControlFile(directory).timeline).toBe(2);
  await standby.stop();
});

/** Ends what works in the directory as soon as something was changed there. */
async function killOnceBegun(directory: string, running: RunningBinary): Promise<void> {
  const begun = join(directory, "global/pg_control.before-catchup");
  while (!existsSync(begun)) await Bun.sleep(1);
  running.kill("SIGKILL");
  await running.exited;
}

test.each(["fetch", "sender"])("what a killed %s leaves cannot be started", async (killed) => {
  await using scene = await laggingStandby("15", async (primary) => {
    await primary.query(
      "CREATE TABLE large AS SELECT i, repeat('z', 900) FROM generate_series(1, 40000) i",
    );
    await primary.changeBench(500);
  });
  const { site, primary, standby, directory, fromLsn } = scene;
  const name = await catchupPush(scene, fromLsn);
  const words = ["catchup-fetch", directory, name];
  const options = { isServer: true, env: site.environment() };
  if (killed === "fetch") await killOnceBegun(directory, startBinary(words, options));
  else {
    const port = await freePort();
    const receiver = startBinary(["catchup-receive", directory, `${port}`], options);
    while (!isListening(port)) await Bun.sleep(20);
    const send = ["catchup-send", primary.dataDir, `127.0.0.1:${port}`];
    await killOnceBegun(directory, startBinary(send, options));
    expect([30, 40]).toContain(await receiver.exited);
    expect(await receiver.stderr).toMatch(/ends before its end|ends inside|connection/);
  }
  expect(existsSync(join(directory, "global/pg_control"))).toBe(false);
  standby.launch();
  expect(await standby.exited).not.toBe(0);
  const repeated = await site.run(words);
  expect(repeated).toMatchObject({ exitCode: 0 });
  expect(repeated.stderr).toContain("an interrupted catchup is repeated");
  await follows(scene);
  expect(await standby.value("SELECT count(*) FROM large")).toBe("40000");
});

test("a database that was copied file by file is noticed, and comes from LSN 0", async () => {
  await using scene = await laggingStandby("15", async (primary) => {
    await primary.query("CREATE DATABASE copied STRATEGY file_copy");
  });
  const { site, primary, standby, directory, fromLsn } = scene;
  const increments = await catchupPush(scene, fromLsn);
  const refused = await site.run(["catchup-fetch", directory, increments]);
  expect(refused.exitCode).toBe(51);
  expect(refused.stderr).toContain("--from-lsn 0");
  await primary.changeBench(100);
  await site.archiveAll();
  const whole = await catchupPush(scene, 0n);
  expect(await site.run(["catchup-fetch", directory, whole])).toMatchObject({ exitCode: 0 });
  await follows(scene);
  const copied = await standby.connect({ database: "copied" });
  expect((await copied.query("SELECT count(*) > 300 FROM pg_class", { signal })).rows).toEqual([
    ["t"],
  ]);
  await copied.close();
});

test("a receiver that fails says why at both ends, and a stranger is told so", async () => {
  await using scene = await laggingStandby("15", (primary) => primary.changeBench(300));
  const { site, directory } = scene;
  await using other = await BackupSite.create({ version: "15", isStarted: false });
  const port = await freePort();
  const receiving = site.run(["catchup-receive", other.cluster.dataDir, `${port}`]);
  const sent = await sendWhenReady(scene, port);
  expect(sent.exitCode).toBe(40);
  expect(sent.stderr).toContain("They are different clusters");
  const received = await receiving;
  expect(received.exitCode).toBe(40);
  expect(received.stderr).toContain("the sender failed: the standby is of system");
  expect(received.stderr).toMatch(/WARNING: .*no encryption key/);

  const stranger = site.run(["catchup-receive", directory, `${port}`]);
  let socket = await shout(port);
  for (; socket === undefined; socket = await shout(port)) await Bun.sleep(50);
  const told = await stranger;
  socket.end();
  expect(told.exitCode).toBe(40);
  expect(told.stderr).toContain("speaks otherwise");

  const options = { isServer: true, env: site.environment() };
  const waiting = startBinary(["catchup-receive", directory, `${port}`], options);
  while (!isListening(port)) await Bun.sleep(20);
  waiting.kill("SIGTERM");
  expect(await waiting.exited).toBe(143);
  const nobody = await site.run(["catchup-send", scene.primary.dataDir, `127.0.0.1:${port}`]);
  expect(nobody.exitCode).toBe(40);
  expect(nobody.stderr).toContain("could not connect");
  expect(existsSync(join(directory, "global/pg_control"))).toBe(true);
});

/** Says something of no sense to whom it may concern; undefined: nobody listens. */
async function shout(port: number) {
  try {
    const data = () => {};
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data } });
    socket.write("GET / HTTP/1.1\r\n\r\n");
    return socket;
  } catch {
    return undefined;
  }
}

function listing(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${Bun.hash(readFileSync(path))}`)
    .sort();
}
