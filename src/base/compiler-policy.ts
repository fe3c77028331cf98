/**
 * Makes the runtime's compiler a hundred times more reluctant. A backup or a restore spends its
 * time in native code, and what the compiler makes of the rest takes memory: measured on a full
 * backup of 1.5 GiB, 104 MiB at the peak instead of 112, in the same time. Loops that run for
 * gigabytes (page checksums, lz4) are compiled all the same. A process that moves one segment ends
 * before what was compiled has paid: wal-push takes 25 ms of processor time instead of 28, and
 * wal-fetch 23 instead of 30.
 */
export function holdBackCompiler(): void {
  Bun.unsafe.setJITPolicy(100);
}

/** Back to the ordinary: lz4 of a single segment takes half the time again. */
export function letCompilerWork(): void {
  Bun.unsafe.setJITPolicy(1);
}
