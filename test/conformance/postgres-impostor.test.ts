// Proves that whatever is no PostgreSQL server, or tampers with the way to one, is refused with an
// error of ours: impostors listen on a real socket and answer what they are told.
import { afterEach, describe, expect, test } from "vitest";
import type { ConnectionSettings } from "../../src/database/postgres/connection-settings.ts";
import { WireConnection } from "../../src/database/postgres/wire/connection.ts";
import {
  encodeMessage,
  int32Field,
  textField,
} from "../../src/database/postgres/wire/message-codec.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import type { TlsMode } from "../../src/database/postgres/wire/tls.ts";
import { concatBytes } from "../../src/stream/byte-stream.ts";

const ACCEPTS_TLS = new TextEncoder().encode("S");
const READY = [
  encodeMessage("R", int32Field(0)),
  encodeMessage("K", int32Field(1), int32Field(2)),
  encodeMessage("Z", textField("I").subarray(0, 1)),
];

let impostor: { stop(closeActive?: boolean): void; readonly port: number } | undefined;

afterEach(() => {
  impostor?.stop(true);
  impostor = undefined;
});

/** Answers the n-th packet with the n-th answer, then hangs up, or stays silent. */
function listen(answers: readonly Uint8Array[], end: "hang up" | "stay" = "hang up"): void {
  impostor = Bun.listen<{ count: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { count: 0 };
      },
      data(socket) {
        const answer = answers[socket.data.count];
        socket.data.count += 1;
        if (answer !== undefined) socket.write(answer);
        if (socket.data.count >= answers.length && end === "hang up") socket.end();
      },
    },
  });
}

function connect(mode: TlsMode, connectTimeoutMs = 5000): Promise<WireConnection> {
  const settings: ConnectionSettings = {
    endpoints: [{ host: "127.0.0.1", port: impostor?.port ?? 0 }],
    user: "u",
    database: "d",
    applicationName: "test",
    connectTimeoutMs,
    tls: {
      mode,
      certificatePath: undefined,
      keyPath: undefined,
      rootCertificatePath: undefined,
    },
    password: () => "sesame",
  };
  return WireConnection.open(settings, { signal: new AbortController().signal });
}

async function refusal(mode: TlsMode, connectTimeoutMs?: number): Promise<DatabaseError> {
  const error = await connect(mode, connectTimeoutMs).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DatabaseError);
  if (!(error instanceof DatabaseError)) throw error;
  expect(error.message).not.toContain("sesame");
  return error;
}

describe("a connection", () => {
  test("refuses a web server, in plain and when TLS is asked for", async () => {
    listen([new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")]);
    expect((await refusal("prefer")).message).toContain("not the answer of a PostgreSQL server");
    expect((await refusal("disable")).hint).toContain("those of a PostgreSQL server");
  });

  test("refuses bytes that somebody slips in between the answer and TLS", async () => {
    const planted = encodeMessage("E", textField("SFATAL"), new Uint8Array(1));
    listen([concatBytes([ACCEPTS_TLS, planted])]);
    expect((await refusal("prefer")).message).toContain("not the answer of a PostgreSQL server");
  });

  test("refuses what is no TLS after the server has promised it", async () => {
    listen([ACCEPTS_TLS, new TextEncoder().encode("this is no handshake of TLS at all")]);
    expect((await refusal("require")).message).toContain("TLS");
  });

  test.each(["disable", "require"] as const)(
    "says that the server hangs up at the start (%s)",
    async (mode) => {
      listen([new Uint8Array(0)]);
      await refusal(mode);
      expect((await refusal(mode)).message).toContain("127.0.0.1");
    },
  );

  test("does not wait for ever in the middle of TLS", async () => {
    listen([ACCEPTS_TLS], "stay");
    expect((await refusal("require", 300)).message).toContain("did not answer within 0.3 s");
  });

  test("refuses a message out of turn", async () => {
    listen([encodeMessage("D", new Uint8Array(2))], "stay");
    expect((await refusal("disable")).message).toContain("unexpected message D at the start");
  });

  test("ends with an error, not in silence, when a result stops half-way", async () => {
    const columns = encodeMessage("T", new Uint8Array([0, 0]));
    const row = encodeMessage("D", new Uint8Array([0, 0]));
    const whole = concatBytes([columns, row, encodeMessage("C", textField("SELECT 1"))]);
    for (const size of [0, 3, columns.byteLength, whole.byteLength - 1, whole.byteLength]) {
      listen([concatBytes(READY), whole.subarray(0, size)]);
      await using connection = await connect("disable");
      const signal = new AbortController().signal;
      await expect(connection.query("SELECT 1", { signal })).rejects.toThrow(/was lost/);
      impostor?.stop(true);
    }
  });

  test("refuses a message that is not of a command's answer", async () => {
    listen([concatBytes(READY), encodeMessage("p", new Uint8Array(1))], "stay");
    await using connection = await connect("disable");
    const signal = new AbortController().signal;
    await expect(connection.query("SELECT 1", { signal })).rejects.toThrow(/unexpected message p/);
    expect(connection.isOpen).toBe(false);
  });

  test("is dropped when a cancelled command never ends", { timeout: 20_000 }, async () => {
    listen([concatBytes(READY)], "stay");
    await using connection = await connect("disable");
    const stop = new AbortController();
    const query = connection.query("SELECT 1", { signal: stop.signal });
    query.catch(() => {});
    // Long enough for the command to be on its way.
    await Bun.sleep(100);
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(query).rejects.toBe(reason);
    expect(connection.isOpen).toBe(false);
  });
});
