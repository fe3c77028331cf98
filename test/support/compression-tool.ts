/** The standard tools that our codecs have to agree with: tool → Debian package. */
const PACKAGES = {
  zstd: "zstd",
  lz4: "lz4",
  xz: "xz-utils",
  brotli: "brotli",
  gzip: "gzip",
  lzop: "lzop",
} as const;

/** Runs one of them over bytes. A missing tool fails the test and says how to get it. */
export function runTool(
  tool: keyof typeof PACKAGES,
  args: readonly string[],
  input: Uint8Array,
): Uint8Array {
  const path = Bun.which(tool);
  if (path === null) {
    throw new Error(`${tool} is missing: apt-get install ${PACKAGES[tool]}`);
  }
  const { exitCode, stdout, stderr } = Bun.spawnSync([path, ...args], {
    stdin: input,
    maxBuffer: 1 << 30,
  });
  if (exitCode !== 0) throw new Error(`${tool} ${args.join(" ")}: ${stderr.toString()}`);
  return stdout;
}
