//! The house in `src/lib.rs` as it really is: who imports whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms from the ground up. A room imports only what stands before it.
const ROOMS: [&str; 15] = [
    "error", "numbers", "names", "cancel", "engine", "files", "picture", "network", "lens", "mri", "bench", "findings",
    "lesson", "page", "gallery",
];

/// Modules side by side that are one unit: a node holds an op, and an op's gradient rule appends nodes; a convolution and its
/// transpose are each other's gradient.
const UNITS: [(&str, &str); 2] =
    [("engine::graph", "engine::ops"), ("engine::ops::conv2d", "engine::ops::conv_transpose")];

/// Every source file's code by its module's path, "engine::ops::relu".
fn modules() -> BTreeMap<String, String> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                walk(&entry, found);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                found.push(entry);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    walk(&root, &mut files);
    let module = |file: &PathBuf| {
        let path = file.strip_prefix(&root).expect("in src").with_extension("");
        let parts: Vec<&str> = path.iter().map(|part| part.to_str().expect("ASCII")).filter(|p| *p != "mod").collect();
        (parts.join("::"), code(&std::fs::read_to_string(file).expect("a source file")))
    };
    files.iter().map(module).filter(|(name, _)| name != "lib" && name != "main").collect()
}

/// The code without its comments and its unit tests.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap_or("");
    code.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// All paths of the tree of imports, or of the expression, that begins at `text`: `a::{b, c::d}` are `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if !(head.ends_with("::") && rest.starts_with('{')) {
        return vec![head.trim_end_matches(':').to_string()];
    }
    let (mut depth, mut start) = (0, 1);
    let mut parts = vec![];
    for (i, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 1 => {
                parts.push(rest[start..i].trim());
                start = i + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.flat_map(paths).map(|path| format!("{head}{path}")).collect()
}

/// The path from the crate's root of what `module` calls `path`; none if it is no path into this crate.
fn absolute(module: &str, path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("crate::") {
        return Some(path.to_string());
    }
    let mut parts: Vec<&str> = module.split("::").collect();
    let mut path = path;
    path.starts_with("super::").then(|| {
        while let Some(rest) = path.strip_prefix("super::") {
            parts.pop();
            path = rest;
        }
        parts.push(path);
        parts.join("::")
    })
}

/// For each module those that it names.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    // The longest part of a path that is a module.
    let known = |path: &str| {
        let parts: Vec<&str> = path.split("::").collect();
        (1..=parts.len()).rev().map(|n| parts[..n].join("::")).find(|module| modules.contains_key(module))
    };
    let named = |(module, code): (&String, &String)| {
        let starts = ["crate::", "super::"].into_iter().flat_map(|root| code.match_indices(root)).map(|(at, _)| at);
        let is_start = |at: &usize| {
            let before = code[..*at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        };
        let named = starts.filter(is_start).flat_map(|at| paths(&code[at..]));
        let named = named.filter_map(|path| known(&absolute(module, &path)?)).filter(|other| other != module);
        (module.clone(), named.collect())
    };
    modules.iter().map(named).collect()
}

#[test]
fn a_room_uses_only_those_below_it() {
    let place = |module: &str| {
        let room = module.split("::").next().expect("a name");
        ROOMS.iter().position(|r| *r == room).unwrap_or_else(|| {
            assert_eq!(room, "cli", "{module} is in no room: put it into the house of src/lib.rs");
            ROOMS.len()
        })
    };
    let imports = imports();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 300, "imports were not found: {imports:?}");
    for (module, named) in &imports {
        for other in named {
            assert!(place(other) <= place(module), "{module} uses {other}, which stands above it in the house");
        }
    }
}

/// At every level of the tree the modules side by side, with all that is in them, use each other in one direction only.
#[test]
fn no_circles() {
    let unit = |name: String| UNITS.iter().find(|(_, b)| *b == name).map_or(name.clone(), |(a, _)| a.to_string());
    let mut uses: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (module, named) in &imports() {
        for other in named {
            let (a, b): (Vec<&str>, Vec<&str>) = (module.split("::").collect(), other.split("::").collect());
            let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
            // A module and the one that it lies in are one idea.
            if common < a.len() && common < b.len() {
                let side = |path: &[&str]| unit(path[..=common].join("::"));
                uses.entry(side(&a)).or_default().insert(side(&b), format!("{module} names {other}"));
            }
        }
    }
    for (start, first) in &uses {
        let mut seen = BTreeMap::new();
        let mut next: Vec<(&String, &String)> = first.iter().filter(|(module, _)| *module != start).collect();
        while let Some((module, why)) = next.pop() {
            assert!(module != start, "{start} is in a circle of imports; {why}; on the way: {seen:?}");
            if seen.insert(module, why).is_none() {
                next.extend(uses.get(module).into_iter().flatten().filter(|(other, _)| *other != module));
            }
        }
    }
}

/// The library speaks of its own parameters. Pages show commands, but clap is known to `cli` alone.
#[test]
fn flags_are_named_by_the_command_line_alone() {
    let is_flag = |line: &str, at: usize| line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase());
    for (module, code) in modules().iter().filter(|(module, _)| module.split("::").next() != Some("cli")) {
        for line in code.lines() {
            let flag = line.match_indices("--").any(|(at, _)| is_flag(line, at)) && !module.starts_with("page");
            assert!(!flag && !line.contains("clap::"), "{module} speaks of the command line: {line}");
        }
    }
}

#[test]
fn the_reader_of_imports_reads_trees() {
    assert_eq!(paths("crate::a::{b, c::{d, E}};"), ["crate::a::b", "crate::a::c::d", "crate::a::c::E"]);
    assert_eq!(paths("super::f(x)"), ["super::f"]);
    assert_eq!(absolute("a::b::c", "super::super::d"), Some("a::d".to_string()));
}
