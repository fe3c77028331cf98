import { ToolError, UsageError } from "../base/errors.ts";
import { NONE_CIPHER } from "../cipher/none.ts";
import { ObjectExistsError } from "../storage/errors.ts";
import type { ByteSource } from "../stream/byte-stream.ts";
import { openFile } from "../stream/file-source.ts";
import { writeUnrecorded } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { ALL_TARGETS, objectPath, onStorage, targetOf } from "./st-storage.ts";

/** Stores a local file or stdin. An object of that name is replaced only when told to. */
export async function run(invocation: Invocation): Promise<void> {
  const [first = "", second] = invocation.arguments;
  if (invocation.options.flag("read-stdin")) {
    if (second !== undefined) {
      throw new UsageError("with --read-stdin there is no local file, and one argument only");
    }
    if (targetOf(invocation) === ALL_TARGETS) {
      throw new UsageError("an explicit storage must be specified instead of 'all'");
    }
    await store(invocation, invocation.input, first);
    return;
  }
  if (second === undefined) {
    throw new UsageError(
      "accepts 2 arg(s), received 1",
      "Name the local file and the object, or the object alone with --read-stdin.",
    );
  }
  using file = openFile(first);
  await store(invocation, file.source, second);
}

async function store(invocation: Invocation, source: ByteSource, path: string): Promise<void> {
  const { options, signal } = invocation;
  await onStorage(invocation, "write", async (repository) => {
    const writer = await writerOf(invocation, repository);
    const { extension } = writer.codec;
    const key = objectPath(extension === "" ? path : `${path}.${extension}`);
    try {
      await writeUnrecorded(writer, { key, source, ifAbsent: !options.flag("force"), signal });
    } catch (cause) {
      if (!(cause instanceof ObjectExistsError)) throw cause;
      throw new ToolError({
        code: "object-exists",
        message: `object ${key} already exists. To overwrite it, add the -f flag`,
        hint: "Nothing was stored.",
        cause,
      });
    }
  });
}

async function writerOf(
  { options }: Invocation,
  repository: Repository,
): Promise<Pick<Repository, "driver" | "codec" | "cipher">> {
  const codec = options.flag("no-compress") ? await repository.codecFor("none") : repository.codec;
  const cipher = options.flag("no-encrypt") ? NONE_CIPHER : repository.cipher;
  return { driver: repository.driver, codec, cipher };
}
