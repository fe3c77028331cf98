import type { Transform } from "node:stream";
import type { ByteStream } from "../stream/byte-stream.ts";

/**
 * Runs bytes through one of the runtime's stream transforms. An error of the input comes out as
 * it was; an error of the transform comes out as `failed` makes it. When the consumer stops
 * early, the input is closed. Input that the transform no longer wants, as its data has ended,
 * is an error of the transform too.
 */
export async function* throughTransform(
  input: ByteStream,
  transform: Transform & { readonly bytesWritten: number },
  failed: (cause: unknown) => Error,
): ByteStream {
  let inputError: { readonly error: unknown } | undefined;
  let fedBytes = 0;
  const feed = async () => {
    try {
      for await (const chunk of input) {
        if (transform.destroyed) break;
        fedBytes += chunk.byteLength;
        if (!transform.write(chunk)) await drained(transform);
      }
    } catch (error) {
      inputError = { error };
    } finally {
      if (inputError === undefined) transform.end();
      else transform.destroy();
    }
  };
  const feeding = feed();
  try {
    yield* transform;
  } catch (error) {
    throw inputError === undefined ? failed(error) : inputError.error;
  } finally {
    transform.destroy();
    await feeding;
  }
  if (inputError !== undefined) throw (inputError as { readonly error: unknown }).error;
  if (fedBytes !== transform.bytesWritten) throw failed(new Error("data after the end"));
}

/** Waits until the transform takes more, or never will. */
function drained(transform: Transform): Promise<void> {
  return new Promise((resolve) => {
    if (transform.destroyed) {
      resolve();
      return;
    }
    const done = () => {
      transform.off("drain", done);
      transform.off("close", done);
      transform.off("end", done);
      resolve();
    };
    transform.on("drain", done);
    transform.on("close", done);
    transform.on("end", done);
  });
}
