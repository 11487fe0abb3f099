// Runs `script.py` in Pyodide: `node run.mjs REPOSITORY PACKAGES`, the folders of cogc and of the packages that it needs.
import { loadPyodide } from "pyodide";

const [repository, packages] = process.argv.slice(2);
const write = (stream) => (line) => stream.write(line + "\n");
const python = await loadPyodide({ stdout: write(process.stdout), stderr: write(process.stderr) });
for (const [place, root] of [["/cogc", repository], ["/packages", packages]]) {
  python.FS.mkdir(place);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, place);
}
await python.runPythonAsync(`
import os, runpy, sys
sys.path[:0] = ["/packages", "/cogc", "/cogc/tests"]
sys.dont_write_bytecode = True
os.chdir("/cogc")
runpy.run_path("tests/pyodide/script.py")
`);
