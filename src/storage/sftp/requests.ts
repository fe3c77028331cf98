import type { FileEntryWithStats, Stats } from "ssh2";
import type { SftpConnection } from "./connection.ts";
import { hasStatus, STATUS } from "./errors.ts";

/** What the server knows of a name. SFTP's times are whole seconds. */
export interface FileFacts {
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  readonly accessedSeconds: number;
  readonly kind: "file" | "directory" | "link" | "other";
}

export interface NamedFacts extends FileFacts {
  readonly name: string;
}

/** Open for reading; for writing a new file, or anew; for writing on in a file. */
export type OpenMode = "r" | "w" | "r+";

const END_OF_FILE = 1;

export function openFile(
  connection: SftpConnection,
  path: string,
  mode: OpenMode,
): Promise<Buffer> {
  return connection.ask<Buffer>((session, done) => {
    if (mode === "w") session.open(path, mode, { mode: 0o640 }, done);
    else session.open(path, mode, done);
  });
}

/** That a handle cannot be closed changes nothing about what was answered before. */
export function closeHandle(connection: SftpConnection, handle: Buffer): void {
  // Nobody waits for it.
  connection.run((session, done) => session.close(handle, done)).catch(() => {});
}

/** How many bytes came: fewer than asked for mean nothing, none the end of the file. */
export function readAt(
  connection: SftpConnection,
  handle: Buffer,
  target: Buffer,
  position: number,
): Promise<number> {
  return connection.ask<number>((session, done) => {
    session.read(handle, target, 0, target.byteLength, position, done);
  });
}

export function writeAt(
  connection: SftpConnection,
  handle: Buffer,
  source: Buffer,
  position: number,
): Promise<void> {
  return connection.run((session, done) => {
    session.write(handle, source, 0, source.byteLength, position, done);
  });
}

export async function handleFacts(connection: SftpConnection, handle: Buffer): Promise<FileFacts> {
  return toFacts(await connection.ask<Stats>((session, done) => session.fstat(handle, done)));
}

/** Follows symbolic links; undefined: there is no such name. */
export async function pathFacts(
  connection: SftpConnection,
  path: string,
): Promise<FileFacts | undefined> {
  try {
    return toFacts(await connection.ask<Stats>((session, done) => session.stat(path, done)));
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile)) return undefined;
    throw error;
  }
}

/** Makes what was written durable. A server without the extension is taken at its word. */
export async function syncHandle(connection: SftpConnection, handle: Buffer): Promise<boolean> {
  try {
    await connection.run((session, done) => session.ext_openssh_fsync(handle, done), true);
    return true;
  } catch (error) {
    if (hasStatus(error, STATUS.unsupported)) return false;
    throw error;
  }
}

/** Makes the names in a directory durable, where the server can: it may not open directories. */
export async function syncFolder(connection: SftpConnection, path: string): Promise<void> {
  let handle: Buffer | undefined;
  try {
    handle = await openFile(connection, path, "r");
    await syncHandle(connection, handle);
  } catch (error) {
    if (!hasStatus(error, STATUS.failure) && !hasStatus(error, STATUS.permissionDenied)) {
      throw error;
    }
  } finally {
    if (handle !== undefined) closeHandle(connection, handle);
  }
}

/** Gives a file another name, replacing what had it, at one moment. */
export function replace(connection: SftpConnection, from: string, to: string): Promise<void> {
  return connection.run((session, done) => session.ext_openssh_rename(from, to, done));
}

/** A second name for a file; a name that is taken is refused. */
export function link(connection: SftpConnection, from: string, to: string): Promise<void> {
  return connection.run((session, done) => session.ext_openssh_hardlink(from, to, done));
}

/** SFTP's own renaming, which is to refuse a name that is taken; not every server does. */
export function rename(connection: SftpConnection, from: string, to: string): Promise<void> {
  return connection.run((session, done) => session.rename(from, to, done));
}

export function setTimes(
  connection: SftpConnection,
  path: string,
  times: { readonly accessedSeconds: number; readonly modifiedSeconds: number },
): Promise<void> {
  const { accessedSeconds, modifiedSeconds } = times;
  return connection.run((session, done) =>
    session.utimes(path, accessedSeconds, modifiedSeconds, done),
  );
}

/** false: there was no such file. */
export async function removeFile(connection: SftpConnection, path: string): Promise<boolean> {
  try {
    await connection.run((session, done) => session.unlink(path, done));
    return true;
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile)) return false;
    throw error;
  }
}

export function removeFolder(connection: SftpConnection, path: string): Promise<void> {
  return connection.run((session, done) => session.rmdir(path, done));
}

export function makeFolder(connection: SftpConnection, path: string): Promise<void> {
  return connection.run((session, done) => session.mkdir(path, { mode: 0o750 }, done));
}

/** What is in a folder, in the server's order; undefined: there is no such folder. */
export async function readFolder(
  connection: SftpConnection,
  path: string,
): Promise<NamedFacts[] | undefined> {
  let handle: Buffer;
  try {
    handle = await connection.ask<Buffer>((session, done) => session.opendir(path, done));
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile)) return undefined;
    throw error;
  }
  const found: NamedFacts[] = [];
  try {
    for (;;) {
      const page = await connection.ask<FileEntryWithStats[]>((session, done) =>
        session.readdir(handle, done),
      );
      // The library's entries are ten times as large as what is kept of them.
      for (const { filename, attrs } of page) found.push({ name: filename, ...toFacts(attrs) });
    }
  } catch (error) {
    if (!hasStatus(error, END_OF_FILE)) throw error;
  } finally {
    closeHandle(connection, handle);
  }
  return found;
}

function toFacts(stats: Stats): FileFacts {
  const { size, mtime, atime } = stats;
  return { sizeBytes: size, modifiedSeconds: mtime, accessedSeconds: atime, kind: kindOf(stats) };
}

function kindOf(stats: Stats): FileFacts["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "link" : "other";
}
