// What the fault tests of object services share: a driver before a proxy that spoils requests.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { type Clock, SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { SettingReader } from "../../src/base/setting-reader.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import type { ServiceOpenOptions } from "../../src/storage/service/opening.ts";
import { retrying } from "../../src/storage/wrap/retrying.ts";
import type { ByteSource } from "../../src/stream/byte-stream.ts";
import type { Fault, FaultProxy, FaultRule } from "../support/fault-proxy.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy, type RecordingPolicy } from "../support/retry-policy.ts";

export const MIB = 1024 * 1024;
export const ATTEMPTS_MAX = 4;
const IDLE_TIMEOUT_MS = 700;

export type Values = Readonly<Record<string, string>>;
export type Answer = Extract<Fault, { readonly kind: "answer" }>;

export interface FaultyStorage {
  readonly driver: StorageDriver;
  readonly policy: RecordingPolicy;
}

export interface FaultyOptions {
  readonly beforeRetry?: () => Promise<unknown>;
  /** This machine's clock, which may be wrong. */
  readonly clock?: Clock;
}

export interface FaultyService {
  readonly proxy: FaultProxy;
  open(settings?: Values, options?: FaultyOptions): Promise<FaultyStorage>;
  stop(): Promise<void>;
}

/** How a driver reaches the server behind the proxy. */
export interface ServiceUnderTest {
  readonly settings: Values;
  open(settings: SettingReader, options: ServiceOpenOptions): Promise<StorageDriver>;
  stop(): Promise<void>;
}

export function faultyService(proxy: FaultProxy, server: ServiceUnderTest): FaultyService {
  return {
    proxy,
    async open(settings = {}, { beforeRetry, clock = SYSTEM_CLOCK } = {}) {
      const policy = quickPolicy(ATTEMPTS_MAX, beforeRetry);
      const driver = await server.open(mapSettings({ ...server.settings, ...settings }), {
        budget: new ByteBudget(32 * MIB),
        log: SILENT_LOGGER,
        clock,
        policy,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
      });
      return { driver: retrying(driver, policy), policy };
    },
    async stop() {
      await proxy.stop();
      await server.stop();
    },
  };
}

/** Which requests do what, and how the service says no. */
export interface FaultDialect {
  readonly name: string;
  readonly service: () => FaultyService;
  /** A small object, one part of a large one, and what makes a large object visible. */
  readonly whole: Pick<FaultRule, "method" | "url">;
  readonly part: Pick<FaultRule, "method" | "url">;
  readonly commit: Pick<FaultRule, "method" | "url" | "skip">;
  readonly listing: Pick<FaultRule, "method" | "url">;
  readonly partBytes: number;
  /** More than two parts. */
  readonly largeBytes: number;
  /** An answer with an error of this status. */
  readonly answer: (status: number, headers?: Values) => Answer;
  /** What the service says to credentials that have expired, or are not valid yet. */
  readonly expired: () => Answer;
  /** Settings under which requests are signed with a time that the service looks at. */
  readonly timed: () => Values;
  /** Settings of a bucket that is not there, and of a host that no name server knows. */
  readonly absentBucket: Values;
  readonly unknownHost: Values;
}

/** As what a compressor gives: read once, of unknown size. */
export function streamOf(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: undefined,
    replayable: false,
    async *open() {
      for (let offset = 0; offset < bytes.byteLength; offset += 100_000) {
        yield bytes.slice(offset, offset + 100_000);
      }
    },
  };
}

/** A clock that is wrong by so much, which may change. */
export class WrongClock implements Clock {
  shiftMs = 0;

  now(): Date {
    return new Date(SYSTEM_CLOCK.now().getTime() + this.shiftMs);
  }

  monotonicMs(): number {
    return SYSTEM_CLOCK.monotonicMs();
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return SYSTEM_CLOCK.sleep(delayMs, signal);
  }
}

/** How far off a signature's time may be, by the documents of all three services. */
export const SKEW_MAX_MS = 15 * 60_000;
