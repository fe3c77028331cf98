// Proves what is read of an error document, whatever it is.
import { expect, test } from "vitest";
import { xmlText } from "../../../../src/storage/service/xml.ts";

test("takes the first element's text, with its entities", () => {
  const document =
    '<?xml version="1.0"?><Error xmlns="x"><Code>NoSuchKey</Code>' +
    "<Message lang='en'>a &lt;b&gt; &amp;amp; &quot;&#39;&#x41;</Message>" +
    "<Code>Other</Code></Error>";
  expect(xmlText(document, "Code")).toBe("NoSuchKey");
  expect(xmlText(document, "Message")).toBe("a <b> &amp; \"'A");
});

test("leaves characters that do not exist as they are", () => {
  expect(xmlText("<Code>&#x110000;&#1114112;&#x10FFFF;&nope;</Code>", "Code")).toBe(
    "&#x110000;&#1114112;\u{10ffff}&nope;",
  );
});

test.each(["", "not xml", "<Code>", "<Code>cut", "<Coder>x</Coder>", "<Code><b/></Code>"])(
  "finds nothing in %j",
  (document) => {
    expect(xmlText(document, "Code")).toBeUndefined();
  },
);
