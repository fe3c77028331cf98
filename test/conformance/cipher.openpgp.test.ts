// The cipher suite for OpenPGP, with RSA keys as WAL-G's users have them.
import { makeOpenPgpKey, openPgpCipher } from "../support/openpgp-key.ts";
import { testCipher } from "./cipher.suite.ts";

const OWN = await makeOpenPgpKey();
const OTHER = await makeOpenPgpKey();

testCipher({
  title: "OpenPGP",
  open: async () => ({
    own: await openPgpCipher(OWN.private),
    other: await openPgpCipher(OTHER.private),
  }),
  // Parts have 65536 bytes, of which the first one's literal head takes 6; MDC and prefix 41.
  sizes: [0, 1, 185, 186, 191, 192, 8377, 8378, 65529, 65530, 65531, 131_066, 200_000, 1_000_000],
  // No divisor of 8, so that every bit of some byte is met.
  damageStride: 13,
  chunks: { headBytes: 300, storedBytes: 8192 },
});
