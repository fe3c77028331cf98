import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * Every entry below a folder in the form of the fixtures' `.files`: `sha256 size mode type path`,
 * sorted by path; links as `path -> target`, and not followed.
 */
export function listDirectory(root: string): readonly string[] {
  const lines: { readonly path: string; readonly line: string }[] = [];
  const visit = (path: string) => {
    for (const name of readdirSync(join(root, path))) {
      const own = path === "" ? name : `${path}/${name}`;
      const full = join(root, own);
      const stats = lstatSync(full);
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isSymbolicLink()) {
        const target = readlinkSync(full);
        lines.push({ path: own, line: `- 0 ${mode} l ${own} -> ${target}` });
      } else if (stats.isDirectory()) {
        lines.push({ path: own, line: `- 0 ${mode} d ${own}` });
        visit(own);
      } else {
        const hash = new Bun.CryptoHasher("sha256").update(readFileSync(full)).digest("hex");
        lines.push({ path: own, line: `${hash} ${stats.size} ${mode} f ${own}` });
      }
    }
  };
  visit("");
  return lines.sort((a, b) => (a.path < b.path ? -1 : 1)).map(({ line }) => line);
}
