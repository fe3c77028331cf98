import { createServer, connect as dial, type Socket } from "node:net";

/** What happens to a connection, once so many bytes have passed since the fault was armed. */
export interface TcpFault {
  /** Reset; ended as if all were said; left open without a further byte either way; refused. */
  readonly kind: "reset" | "cut" | "stall" | "refuse";
  /** Counted over all connections; of `refuse` they mean nothing. Default: 0. */
  readonly afterBytes?: number;
  readonly direction?: "up" | "down";
  /** How many connections are hit; each hit begins a new count. Default: 1. */
  readonly times?: number;
}

export interface TcpFaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections since the last `arm`, and how many of them were hit. */
  readonly seen: { connections: number; hits: number };
  /** Replaces the fault; none: everything passes. */
  arm(fault?: TcpFault): void;
  /** From now on so many bytes pass in 10 ms at most, each way and connection. */
  throttle(bytesPerTick: number | undefined): void;
  /** Resets every connection that is open. */
  resetAll(): void;
}

const TICK_MS = 10;

/** A proxy in front of any TCP server that breaks the connections which its fault names. */
export async function startTcpFaultProxy(upstreamPort: number): Promise<TcpFaultProxy> {
  const seen = { connections: 0, hits: 0 };
  const sockets = new Set<Socket>();
  let fault: TcpFault | undefined;
  let leftBytes = 0;
  let bytesPerTick: number | undefined;
  const isSpent = () => seen.hits >= (fault?.times ?? 1);
  const hit = () => {
    seen.hits += 1;
    leftBytes = fault?.afterBytes ?? 0;
  };
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const relay = (from: Socket, to: Socket, direction: "up" | "down") => {
    let isStalled = false;
    from.on("data", (bytes: Buffer) => {
      if (isStalled) return;
      const isArmed = fault !== undefined && fault.kind !== "refuse" && !isSpent();
      if (isArmed && (fault?.direction ?? "up") === direction) {
        if (bytes.byteLength > leftBytes) {
          to.write(bytes.subarray(0, leftBytes));
          hit();
          if (fault?.kind === "stall") {
            isStalled = true;
            from.pause();
            to.pause();
          } else if (fault?.kind === "cut") {
            from.end();
            to.end();
          } else {
            from.resetAndDestroy();
            to.resetAndDestroy();
          }
          return;
        }
        leftBytes -= bytes.byteLength;
      }
      void pass(bytes, { from, to, bytesPerTick });
    });
    from.on("end", () => to.end());
    from.on("close", () => to.destroy());
  };
  const server = createServer((client) => {
    seen.connections += 1;
    track(client);
    if (fault?.kind === "refuse" && !isSpent()) {
      hit();
      client.resetAndDestroy();
      return;
    }
    const upstream = dial({ host: "127.0.0.1", port: upstreamPort });
    track(upstream);
    relay(client, upstream, "up");
    relay(upstream, client, "down");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const resetAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    seen,
    arm(next) {
      fault = next;
      leftBytes = next?.afterBytes ?? 0;
      seen.connections = 0;
      seen.hits = 0;
    },
    throttle(limit) {
      bytesPerTick = limit;
    },
    resetAll,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      resetAll();
      await closed;
    },
  };
}

/** Hands bytes on no faster than asked, and no faster than they are taken. */
async function pass(
  bytes: Buffer,
  way: { readonly from: Socket; readonly to: Socket; readonly bytesPerTick: number | undefined },
): Promise<void> {
  const { from, to, bytesPerTick } = way;
  if (bytesPerTick === undefined) {
    if (to.write(bytes)) return;
    from.pause();
    to.once("drain", () => from.resume());
    return;
  }
  from.pause();
  for (let offset = 0; offset < bytes.byteLength; offset += bytesPerTick) {
    to.write(bytes.subarray(offset, offset + bytesPerTick));
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  from.resume();
}
