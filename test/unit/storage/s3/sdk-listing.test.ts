// Proves how listing pages are read, and that what is no listing never passes for an empty one.
import { describe, expect, test } from "vitest";
import { toListPage } from "../../../../src/storage/s3/sdk-listing.ts";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";

const ENTRY = { Key: "a", Size: 1, LastModified: new Date(0) };

describe("toListPage", () => {
  test("decodes names only when the service encoded them", () => {
    const page = { IsTruncated: false, Contents: [{ ...ENTRY, Key: "a%20b+c" }] };
    expect(toListPage(page, undefined).objects[0]?.name).toBe("a%20b+c");
    const encoded = { ...page, EncodingType: "url", CommonPrefixes: [{ Prefix: "%C3%A9/" }] };
    expect(toListPage(encoded, undefined)).toMatchObject({
      objects: [{ name: "a b c" }],
      folders: ["é/"],
      continueAt: undefined,
    });
  });

  test("goes on at the marker, or at the last name where version 1 gives none", () => {
    const page = { IsTruncated: true, Contents: [ENTRY, { ...ENTRY, Key: "b" }] };
    expect(toListPage(page, "marker").continueAt).toBe("marker");
    expect(toListPage(page, undefined).continueAt).toBe("b");
    expect(toListPage({ IsTruncated: false }, "marker").continueAt).toBeUndefined();
  });

  test.each([
    {},
    { Contents: [ENTRY] },
    { IsTruncated: true },
    { IsTruncated: false, Contents: [{ ...ENTRY, Key: undefined }] },
    { IsTruncated: false, Contents: [{ ...ENTRY, Size: undefined }] },
    { IsTruncated: false, Contents: [{ ...ENTRY, LastModified: undefined }] },
    { IsTruncated: false, EncodingType: "url", Contents: [{ ...ENTRY, Key: "100%" }] },
    { IsTruncated: false, EncodingType: "url", CommonPrefixes: [{ Prefix: "%ff/" }] },
  ])("%j is no listing", (output) => {
    expect(() => toListPage(output, undefined)).toThrow(ConnectionError);
  });
});
