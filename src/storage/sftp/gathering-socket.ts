import { Socket } from "node:net";

/**
 * A socket that sends at once what is written in one turn. The library writes a packet's length,
 * its content and its tag one by one: three system calls and three small segments for 32 KiB.
 */
export class GatheringSocket extends Socket {
  #isGathering = false;

  override write(...args: readonly unknown[]): boolean {
    if (!this.#isGathering) {
      this.#isGathering = true;
      this.cork();
      queueMicrotask(() => {
        this.#isGathering = false;
        this.uncork();
      });
    }
    return Reflect.apply(super.write, this, args);
  }
}
