"""Mutation testing with all mutants in one binary: see tests/mutants/run, which calls it.

    mutants.py list                      what cargo-mutants would change, into mutants.json
    mutants.py weave                     copies the sources, weaves the mutants in, leaves out what does not compile, builds the tests
    mutants.py cover                     runs each test once and keeps what it reaches and how long it takes
    mutants.py try MODULE|PATH ...       tries the mutants that were not tried, each against the tests that reach it
    mutants.py again MODULE|PATH ...     tries those that survived again
    mutants.py check TEST MODULE|PATH ...  builds one program of tests anew (tests/TEST.rs, or --lib) and tries what survives against it
    mutants.py show MODULE|PATH ...      what survives
    mutants.py table                     a row for each module

Environment: SLOW, the processor seconds a test may take (1); FROM, those it must take at least (0), to try slower ones apart; JOBS, how many mutants at once (all processors); LIMIT, minutes.
"""

import concurrent.futures
import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import weave

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "mutants"
TREE = HOME / "tree"
# Where the code is, and the tests that speak of it: names of files in tests/, a star for what else begins so.
MODULES = {
    "ops": ("src/engine/ops/", "ops ops_shapes kernels autodiff gradients executors worked_examples explain"),
    "autodiff": ("src/engine/autodiff", "autodiff gradients worked_examples objectives"),
    "reference": ("src/engine/exec/reference", "ops executors contract objectives"),
    "plan": ("src/engine/plan/", "ops executors executors_conv schedule plans gradients"),
    "mri": ("src/mri/", "mri mri_report restore"),
    "lens": ("src/lens/", "objectives activations dream climb_commands from_outside lens lens_*"),
    "network": ("src/network/", "keras_* network_* findings_slim generated"),
    "lesson": ("src/lesson/", "lesson lesson_by_hand lesson_choice lesson_measured lesson_worked explain check worked_examples"),
    "findings": ("src/findings/", "findings findings_*"),
}
SLOW = float(os.environ.get("SLOW", 1))
FROM = float(os.environ.get("FROM", 0))
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))
LIMIT = 60 * float(os.environ.get("LIMIT", 1e6))


def keep(name, value):
    part = HOME / (name + ".part")
    part.write_text(json.dumps(value, indent=0))
    part.replace(HOME / name)


def kept(name, otherwise=None):
    path = HOME / name
    return json.loads(path.read_text()) if path.exists() else otherwise


def prefixes(words):
    return tuple(MODULES[word][0] if word in MODULES else word for word in words)


def listed():
    """All mutants of the modules, as cargo-mutants names them, with numbers."""
    HOME.mkdir(parents=True, exist_ok=True)
    files = [flag for prefix, _ in MODULES.values() for flag in ("-f", prefix + ("**" if prefix.endswith("/") else ".rs"))]
    run = subprocess.run(["cargo", "mutants", "--list", "--json", *files], cwd=ROOT, capture_output=True, text=True, check=True)
    mutants = [m for m in json.loads(run.stdout) if m["file"].startswith(prefixes(MODULES))]
    seen = Counter()
    for number, mutant in enumerate(mutants, 1):
        # What a mutant does, whatever line it stands in: the which-th change of its kind in its function.
        function = (mutant.get("function") or {}).get("function_name", "")
        words = f"{mutant['file']} {function}: {mutant['genre']}{original(mutant)} -> {mutant['replacement'] or 'deleted'}"
        seen[words] += 1
        mutant.update(id=number, name=f"{words} #{seen[words]}")
    keep("mutants.json", mutants)
    print(len(mutants), "mutants")


def original(mutant):
    """What an operator was."""
    start, end = mutant["span"]["start"], mutant["span"]["end"]
    if "Operator" not in mutant["genre"] or start["line"] != end["line"]:
        return ""
    return " " + (ROOT / mutant["file"]).read_text().split("\n")[start["line"] - 1][start["column"] - 1 : end["column"] - 1]


def mirror():
    TREE.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for file in filter(None, files):
        source, copy = ROOT / file, TREE / file
        if not source.exists():
            copy.unlink(missing_ok=True)
        elif not copy.exists() or (not file.startswith("src/") and copy.stat().st_mtime < source.stat().st_mtime):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)


def write(path, text):
    """Only what is new: cargo compiles what has a new date."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def woven():
    """Weaves, checks, takes out what does not compile, until all compiles."""
    mirror()
    mutants = kept("mutants.json")
    by_file = defaultdict(list)
    for mutant in mutants:
        by_file[mutant["file"]].append(mutant)
    files, lost, number = {}, [], 0
    for file, list_ in sorted(by_file.items()):
        tree, source, found, missing = weave.sites((ROOT / file).read_text(), list_)
        files[file] = (tree, source, found)
        lost += [m["id"] for m in missing]
        # Numbers that follow each other in each place.
        for _, site in found.values():
            site.first = number + 1
            for mutant in site.mutants:
                number += 1
                mutant["id"] = number
    # What returns an unnamed type cannot return another one.
    unviable = [m["id"] for m in mutants if m["genre"] == "FnValue" and "impl " in m["function"]["return_type"]]
    for m in mutants:
        m["replacement"] = None if m["id"] in unviable else m["replacement"]
    old = {path: path.read_text() for path in ROOT.glob("src/**/*.rs")}
    for _ in range(40):
        texts = {}
        for path, text in old.items():
            file = str(path.relative_to(ROOT))
            if file in files:
                text = weave.Weaver(*files[file]).text()
            if file == "src/lib.rs":
                text += weave.RUNTIME % (number + 2)
            texts[file] = text
            (TREE / file).parent.mkdir(parents=True, exist_ok=True)
            write(TREE / file, text)
        errors = messages(["cargo", "check", "--release", "--lib"])
        if not errors:
            break
        blamed = set()
        for file, byte, message in errors:
            who = weave.blame(texts[file], byte) if file in texts else None
            arms = weave.arms_after(texts[file], byte) if who is None and "non-exhaustive" in message else []
            blamed |= {(file, "mutant", id_) for id_ in arms}
            if who is None and not arms:
                print("not in a mutant:", file, texts.get(file, "")[:byte].count("\n") + 1, message)
            elif who is not None:
                blamed.add((file, *who))
        if not blamed:
            sys.exit("it does not compile, and no mutant is to blame")
        for file, kind, id_ in blamed:
            for key, (node, site) in list(files[file][2].items()):
                if kind == "mutant" and any(m["id"] == id_ for m in site.mutants):
                    unviable.append(id_)
                    gone = next(m for m in site.mutants if m["id"] == id_)
                    gone["replacement"] = None
                elif kind == "site" and site.first == id_:
                    if site.form == 0 and key[3] == "BinaryOperator":
                        site.form = 1
                    else:
                        unviable += [m["id"] for m in site.mutants]
                        del files[file][2][key]
        print(f"{len(blamed)} places changed, {len(unviable)} do not compile", flush=True)
    else:
        sys.exit("it still does not compile")
    places = []
    for file, (_, _, found) in files.items():
        for _, site in found.values():
            for m in site.mutants:
                if m["id"] not in unviable:
                    line = m["span"]["start"]["line"]
                    places.append({"id": m["id"], "first": site.first, "name": m["name"], "file": file, "line": line})
    keep("places.json", places)
    print(f"{len(places)} mutants woven, {len(lost)} not placed, {len(unviable)} do not compile")
    built()


def messages(command):
    env = {**os.environ, "CARGO_TARGET_DIR": str(HOME / "build"), "RUSTFLAGS": "-Awarnings", "CARGO_INCREMENTAL": "1"}
    run = subprocess.run([*command, "--message-format", "json"], cwd=TREE, env=env, capture_output=True, text=True)
    errors = []
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
            spans = [s for s in message["message"]["spans"] if s["is_primary"]]
            # A macro's own text is not ours: the place where it is used is.
            for span in spans[:1]:
                while span.get("expansion") and not span["file_name"].startswith("src/"):
                    span = span["expansion"]["span"]
                errors.append((span["file_name"], span["byte_start"], message["message"]["message"]))
    if run.returncode and not errors:
        sys.exit(run.stderr[-3000:])
    return errors


def built():
    """Builds the tests of all modules; keeps where their programs are."""
    mirror()
    words = " ".join(tests for _, tests in MODULES.values()).split()
    targets = sorted({path.stem for word in words for path in (ROOT / "tests").glob(word + ".rs")})
    programs = compiled(["--lib", *(flag for target in targets for flag in ("--test", target))])
    keep("programs.json", programs)
    print(len(programs), "programs of tests")


def compiled(flags):
    """Builds tests; their programs by name."""
    env = {**os.environ, "CARGO_TARGET_DIR": str(HOME / "build"), "RUSTFLAGS": "-Awarnings", "CARGO_INCREMENTAL": "1"}
    command = ["cargo", "test", "--release", "--no-run", *flags, "--message-format", "json-render-diagnostics"]
    run = subprocess.run(command, cwd=TREE, env=env, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("the tests do not compile")
    programs = {}
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            programs[message["target"]["name"]] = message["executable"]
    return programs


def environment(**more):
    return {**os.environ, "CARGO_MANIFEST_DIR": str(TREE), **more}


def start(program, tests, limit, **more):
    """Runs some tests of a program: passed, failed or None when it runs on; and its processor time."""
    before = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--exact", *tests, "--test-threads", "1"],
            cwd=TREE, env=environment(TMPDIR=folder, **more), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30)),
        )
        while time.monotonic() - before < limit:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = status
                return status == 0, usage.ru_utime + usage.ru_stime
            time.sleep(0.005)
        os.killpg(process.pid, 9)
        process.wait()
        return None, limit


def cover():
    """What each test reaches, for tests that are not known yet or were built anew."""
    known = kept("cover.json", {})
    jobs = []
    for target, program in kept("programs.json").items():
        stamp = os.stat(program).st_mtime
        names = subprocess.run([program, "--list"], capture_output=True, text=True, env=environment()).stdout
        for test in re.findall(r"^(.*): test$", names, re.M):
            if known.get(f"{target} {test}", {}).get("stamp") != stamp:
                jobs.append((target, program, test, stamp))
    print(len(jobs), "tests to run", flush=True)

    def one(job):
        target, program, test, stamp = job
        with tempfile.NamedTemporaryFile() as file:
            passed, seconds = start(program, [test], 20 + 4 * SLOW, MUTANT_COVER=file.name)
            data = Path(file.name).read_bytes()
        reached = sorted({int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)})
        return f"{target} {test}", {"passed": passed, "seconds": seconds, "reached": reached, "stamp": stamp}

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for number, (test, value) in enumerate(pool.map(one, jobs), 1):
            known[test] = value
            if value["passed"] is False:
                print("fails without any mutant:", test, flush=True)
            if number % 50 == 0:
                keep("cover.json", known)
    keep("cover.json", known)
    slow = sum(1 for value in known.values() if value["seconds"] > SLOW or value["passed"] is None)
    print(f"{len(known)} tests, {slow} of them slower than {SLOW} s of a processor")


def tried(words, again):
    """Each mutant against the tests that reach it, fast ones first; what is known is kept after each."""
    programs, places = kept("programs.json"), kept("places.json")
    results = kept("results.json", {})
    reach = defaultdict(list)
    for test, value in kept("cover.json").items():
        target, test = test.split(" ", 1)
        if value["passed"] and FROM <= value["seconds"] <= SLOW and target in programs:
            for first in value["reached"]:
                reach[first].append((value["seconds"], target, test))
    chosen = [p for p in places if p["file"].startswith(prefixes(words))]
    chosen = [p for p in chosen if results.get(p["name"]) in (("survives", "unreached") if again else (None,))]
    print(len(chosen), "mutants", flush=True)
    begin, done = time.monotonic(), 0

    def one(place):
        if time.monotonic() - begin > LIMIT:
            return place, None
        tests = sorted(reach[place["first"]])
        if not tests:
            return place, results.get(place["name"], "unreached")
        # The five fastest first, then by program.
        rest = defaultdict(list)
        for seconds, target, test in tests[5:]:
            rest[target].append((seconds, test))
        groups = [(target, [(seconds, test)]) for seconds, target, test in tests[:5]]
        groups += sorted(rest.items(), key=lambda item: sum(s for s, _ in item[1]))
        for target, list_ in groups:
            limit = 10 + 8 * sum(seconds for seconds, _ in list_)
            passed, _ = start(programs[target], [test for _, test in list_], limit, MUTANT=str(place["id"]))
            if not passed:
                return place, "killed" if passed is False else "runs on"
        return place, "survives"

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for place, result in pool.map(one, chosen):
            if result is None:
                continue
            results[place["name"]] = result
            done += 1
            if done % 100 == 0:
                merge(results)
                counts = Counter(results[p["name"]] for p in chosen if p["name"] in results)
                print(done, dict(counts), f"{time.monotonic() - begin:.0f} s", flush=True)
    merge(results)
    print(dict(Counter(results[p["name"]] for p in chosen if p["name"] in results)))


def merge(results):
    """Into what is kept; what another run has seen killed stays so."""
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, result in kept("results.json", {}).items():
            if result in ("killed", "runs on"):
                results[name] = result
        keep("results.json", results)


def checked(words):
    """What survives against one program of tests, built anew: for whoever writes tests."""
    target, words = words[0], words[1:]
    mirror()
    program = compiled([target] if target == "--lib" else ["--test", target])
    program = next(iter(program.values()))
    with tempfile.NamedTemporaryFile() as file:
        passed, seconds = start(program, [], 300, MUTANT_COVER=file.name)
        data = Path(file.name).read_bytes()
    if not passed:
        sys.exit("its tests fail without any mutant")
    reached = {int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)}
    results = kept("results.json", {})
    chosen = [p for p in kept("places.json") if p["file"].startswith(prefixes(words)) and p["first"] in reached]
    chosen = [p for p in chosen if results.get(p["name"]) in ("survives", "unreached")]
    print(f"{len(chosen)} mutants are reached, {seconds:.1f} s each", flush=True)

    def one(place):
        passed, _ = start(program, [], 10 + 8 * seconds, MUTANT=str(place["id"]))
        return place, None if passed else "killed" if passed is False else "runs on"

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        found = {place["name"]: result for place, result in pool.map(one, chosen) if result}
    merge({**kept("results.json", {}), **found})
    print(len(found), "of them killed")
    show(words)


def show(words):
    results = kept("results.json", {})
    for place in kept("places.json"):
        if place["file"].startswith(prefixes(words)) and results.get(place["name"]) in ("survives", "unreached"):
            file, what = place["name"].split(" ", 1)
            print(f"{results[place['name']]:9} {file}:{place['line']} {what}")


def table():
    results, places = kept("results.json", {}), kept("places.json")
    print("| module | mutants | tried | killed | survive | killed of those tried |\n| --- | --- | --- | --- | --- | --- |")
    for module, (prefix, _) in MODULES.items():
        here = [p["name"] for p in places if p["file"].startswith(prefix)]
        of = [results[n] for n in here if n in results]
        killed = sum(result in ("killed", "runs on") for result in of)
        if of:
            print(f"| {module} | {len(here)} | {len(of)} | {killed} | {len(of) - killed} | {100 * killed / len(of):.1f}% |")


if __name__ == "__main__":
    verb, words = (sys.argv[1:] + [""])[0], sys.argv[2:]
    verbs = {
        "list": listed, "weave": woven, "build": built, "cover": cover, "try": lambda: tried(words, False),
        "again": lambda: tried(words, True), "check": lambda: checked(words), "show": lambda: show(words), "table": table,
    }
    if verb not in verbs:
        sys.exit(__doc__)
    verbs[verb]()
