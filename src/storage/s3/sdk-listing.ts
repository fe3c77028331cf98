import type { ListedObject, ListPage } from "../service/api.ts";
import { ConnectionError } from "../service/errors.ts";

interface ListOutput {
  readonly EncodingType?: string | undefined;
  readonly IsTruncated?: boolean | undefined;
  readonly Contents?:
    | readonly {
        readonly Key?: string | undefined;
        readonly Size?: number | undefined;
        readonly LastModified?: Date | undefined;
      }[]
    | undefined;
  readonly CommonPrefixes?: readonly { readonly Prefix?: string | undefined }[] | undefined;
}

/** One page of either version of the listing; names come URL-encoded when the service can. */
export function toListPage(output: ListOutput, next: string | undefined): ListPage {
  // Every listing says whether it goes on: an empty or foreign document must not pass for one.
  if (output.IsTruncated === undefined) throw new ConnectionError("the answer is no listing");
  const decode = (text: string) => (output.EncodingType === "url" ? decodeName(text) : text);
  const objects = (output.Contents ?? []).map((entry): ListedObject => {
    if (entry.Key === undefined || entry.Size === undefined || entry.LastModified === undefined) {
      throw new ConnectionError("the listing has an entry without name, size or date");
    }
    return { name: decode(entry.Key), sizeBytes: entry.Size, modifiedAt: entry.LastModified };
  });
  const folders = (output.CommonPrefixes ?? []).map(({ Prefix }) => decode(Prefix ?? ""));
  if (!output.IsTruncated) return { objects, folders, continueAt: undefined };
  return { objects, folders, continueAt: next ?? lastOf(objects, folders) };
}

/** Version 1 gives no next marker without a delimiter: the last name is it. */
function lastOf(objects: readonly ListedObject[], folders: readonly string[]): string {
  const last = objects.at(-1)?.name ?? folders.at(-1);
  if (last === undefined) throw new ConnectionError("the listing goes on after an empty page");
  return last;
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw new ConnectionError(`the listing has the undecodable name ${text}`, cause);
  }
}
