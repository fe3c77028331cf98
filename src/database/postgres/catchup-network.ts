import type { Logger } from "../../base/log.ts";
import { ByteReader } from "../../stream/byte-reader.ts";
import type { ByteStream, Stage } from "../../stream/byte-stream.ts";
import type { BackupSession, JournalReader } from "../adapter.ts";
import type { CatchupRequest } from "./catchup-begin.ts";
import { Letters } from "./catchup-letters.ts";
import { acceptPeer, type CatchupPeer, connectPeer, type PeerPlace } from "./catchup-peer.ts";
import { receiveCatchup } from "./catchup-receive.ts";
import { type SentCatchup, sendCatchup } from "./catchup-send.ts";
import { openStandby } from "./catchup-standby.ts";

const PIECE_BYTES = 64 << 10;

/** How both sides protect what they say: the same cipher and key. */
export interface CatchupCipher {
  readonly encrypt: Stage;
  readonly decrypt: Stage;
}

interface NetworkRequest {
  readonly dataDir: string;
  readonly place: PeerPlace;
  readonly cipher: CatchupCipher;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onPlainBytes?: (bytes: number) => void;
}

export interface NetworkSend extends NetworkRequest {
  beginBackup(request: CatchupRequest): Promise<BackupSession>;
}

/** Connects to a receiver and sends it what its standby lacks. */
export async function sendOverNetwork(request: NetworkSend): Promise<SentCatchup> {
  const { place, cipher, signal, log } = request;
  using peer = await connectPeer(place, signal);
  log.info(`connected to ${peer.name}`);
  const { letters } = sideOf(peer, cipher);
  return await sendCatchup({ ...request, peer, letters, encrypt: cipher.encrypt });
}

export interface NetworkReceive extends NetworkRequest {
  readonly syncsFiles: boolean;
}

/** Waits for a sender, and brings the standby forward with what it sends; its name. */
export async function receiveOverNetwork(request: NetworkReceive): Promise<string> {
  const { dataDir, place, cipher, signal, log } = request;
  using standby = await openStandby(dataDir);
  const onListening = (port: number) => log.info(`waiting for catchup-send on port ${port}`);
  using peer = await acceptPeer(place, { signal, onListening });
  log.info(`${peer.name} has connected`);
  const { letters, rest } = sideOf(peer, cipher);
  const { decrypt } = cipher;
  return await receiveCatchup({ ...request, standby, peer, letters, decrypt, received: rest });
}

/** A sender has no repository: nothing is archived, and nothing recorded. */
export const NO_JOURNAL: JournalReader = {
  contains: async () => false,
  read: async () => undefined,
  open: async () => undefined,
};

function sideOf(peer: CatchupPeer, cipher: CatchupCipher) {
  const reader = new ByteReader(peer.received);
  return { letters: new Letters(peer, { reader, ...cipher }), rest: () => restOf(reader) };
}

async function* restOf(reader: ByteReader): ByteStream & AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = await reader.readSome(PIECE_BYTES);
    if (piece.byteLength === 0) return;
    yield piece;
  }
}
