// Proves what is read of an error document, whatever it is.
import { expect, test } from "vitest";
import { xmlText } from "../../../../src/storage/s3/xml.ts";

test("takes the first element's text, with its entities", () => {
  const document =
    '<?xml version="1.0"?><Error xmlns="x"><Code>NoSuchKey</Code>' +
    "<Message lang='en'>a &lt;b&gt; &amp;amp; &quot;&#39;&#x41;</Message>" +
    "<Code>Other</Code></Error>";
  expect(xmlText(document, "Code")).toBe("NoSuchKey");
  expect(xmlText(document, "Message")).toBe("a <b> &amp; \"'A");
});

test.each(["", "not xml", "<Code>", "<Code>cut", "<Coder>x</Coder>", "<Code><b/></Code>"])(
  "finds nothing in %j",
  (document) => {
    expect(xmlText(document, "Code")).toBeUndefined();
  },
);
