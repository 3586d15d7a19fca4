"""Puts all mutants of a list into one copy of the sources, each behind a number, so that the program is compiled once.

A mutant is a change that cargo-mutants names, such as "replace + with - in line 7". A woven expression asks at run time which
mutant is switched on (the environment variable MUTANT) and computes its own change, or what it always did. Marks in comments say
which text belongs to which mutant: what does not compile is found by them, and taken out.
"""

import re

import tree_sitter
import tree_sitter_rust

LANGUAGE = tree_sitter.Language(tree_sitter_rust.language())
COMPARISONS = {"==", "!=", "<", ">", "<=", ">="}

# The module that woven sources ask. MUTANT_COVER names a file: the number of each place that is reached is appended to it, once.
RUNTIME = """
#[doc(hidden)]
pub mod mutant {
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    static ON: LazyLock<u32> = LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(0));
    static COVER: LazyLock<Option<std::fs::File>> = LazyLock::new(|| {
        let path = std::env::var_os("MUTANT_COVER")?;
        std::fs::OpenOptions::new().append(true).create(true).open(path).ok()
    });
    static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    const COUNT: usize = %d;
    /// Which of the mutants from `first` on is switched on: 1 for the first one, 0 for none of `count`.
    pub fn at(first: u32, count: u32) -> u32 {
        if let Some(file) = &*COVER {
            if !SEEN[first as usize].swap(true, Ordering::Relaxed) {
                let _ = (&*file).write_all(&first.to_le_bytes());
            }
        }
        if *ON >= first && *ON < first + count { *ON - first + 1 } else { 0 }
    }
}
"""


class Site:
    """One place of the source with its mutants, whose numbers follow each other. `form` 1 repeats operands, 0 computes them once."""

    def __init__(self, mutants):
        self.mutants, self.first, self.form = mutants, 0, 0


def find(root, start, end, types):
    """The smallest node of one of these types around a span."""
    node = root.descendant_for_byte_range(start, end)
    while node is not None and node.type not in types:
        node = node.parent
    return node


def sites(text, mutants):
    """The mutants of a file by place: {node: Site}. Those whose place is not found are left out and returned, too."""
    source = text.encode()
    tree = tree_sitter.Parser(LANGUAGE).parse(source)
    lines = text.split("\n")
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line.encode()) + 1

    def place(position):
        line = lines[position["line"] - 1]
        return starts[position["line"] - 1] + len(line[: position["column"] - 1].encode())

    found, lost = {}, []
    kinds = {
        "FnValue": ("function_item",),
        "BinaryOperator": ("binary_expression", "compound_assignment_expr"),
        "UnaryOperator": ("unary_expression",),
        "MatchArm": ("match_arm",),
        "MatchArmGuard": ("match_pattern",),
        "StructField": ("field_initializer", "shorthand_field_initializer"),
    }
    for mutant in mutants:
        node = None
        if mutant["genre"] in kinds:
            start, end = place(mutant["span"]["start"]), place(mutant["span"]["end"])
            # A field's span has the comma after it.
            end = start + 1 if mutant["genre"] == "StructField" else end
            node = find(tree.root_node, start, end, kinds[mutant["genre"]])
        if node is None:
            lost.append(mutant)
            continue
        key = (node.start_byte, node.end_byte, node.type, mutant["genre"])
        found.setdefault(key, (node, []))[1].append(mutant)
    return tree, source, {key: (node, Site(list_)) for key, (node, list_) in found.items()}, lost


class Weaver:
    """Writes one file with its sites woven in."""

    def __init__(self, tree, source, found):
        self.tree, self.source = tree, source
        self.by_node = {}
        for (start, end, kind, genre), (_, site) in found.items():
            if site.mutants:
                self.by_node.setdefault((start, end, kind), []).append((genre, site))

    def text(self):
        return self.render(self.tree.root_node)

    def render(self, node):
        sites_here = self.by_node.get((node.start_byte, node.end_byte, node.type), [])
        for genre, site in sites_here:
            # What does not compile has lost its replacement.
            if any(m["replacement"] is not None for m in site.mutants):
                return getattr(self, genre)(node, site)
        return self.plain(node)

    def plain(self, node, replaced=None):
        """The text of a node, its children rendered; some of them by what `replaced` gives for their place."""
        out, at = [], node.start_byte
        for child in node.children:
            out.append(self.source[at : child.start_byte].decode())
            key = (child.start_byte, child.end_byte)
            out.append(replaced[key] if replaced and key in replaced else self.render(child))
            at = child.end_byte
        out.append(self.source[at : node.end_byte].decode())
        return "".join(out)

    def ask(self, site):
        return f"crate::mutant::at({site.first}, {len(site.mutants)})"

    def on(self, site, index=0):
        return f"{self.ask(site)} == {index + 1}"

    def arms(self, site, arm, otherwise):
        arms = "".join(
            f"{i + 1} => {{/*<{m['id']}*/ {arm(m['replacement'])} /*{m['id']}>*/}} "
            for i, m in enumerate(site.mutants)
            if m["replacement"] is not None
        )
        return f"match {self.ask(site)} {{ {arms} _ => {{ {otherwise} }} }}"

    def marked(self, site, text):
        return f"/*<<{site.first}*/{text}/*{site.first}>>*/"

    def FnValue(self, node, site):
        body = node.child_by_field_name("body")
        early = "".join(
            f" if {self.on(site, i)} {{ /*<{m['id']}*/ return {m['replacement']}; /*{m['id']}>*/ }}"
            for i, m in enumerate(site.mutants)
            if m["replacement"] is not None
        )
        inner = self.render(body)
        return self.plain(node, {(body.start_byte, body.end_byte): "{" + self.marked(site, early) + inner[1:]})

    def BinaryOperator(self, node, site):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator").text.decode()
        l, r = self.render(left), self.render(right)
        if node.type == "compound_assignment_expr":
            made = self.arms(site, lambda new: f"{l} {new} {r}", f"{l} {operator} {r}")
        elif operator in ("&&", "||"):
            if "let_condition" in (left.type, right.type) or "let_chain" in (left.type, right.type):
                return self.plain(node)
            other = len(site.mutants) == 1 and site.mutants[0]["replacement"]
            if other not in ("&&", "||"):
                made = self.arms(site, lambda new: f"({l}) {new} ({r})", f"({l}) {operator} ({r})")
            else:
                sign = "!=" if operator == "&&" else "=="
                m = site.mutants[0]["id"]
                made = f"{{/*<{m}*/ let l_ = {l}; if l_ {sign} ({self.on(site)}) {{ {r} }} else {{ l_ }} /*{m}>*/}}"
        elif site.form == 1:
            made = self.arms(site, lambda new: f"({l}) {new} ({r})", f"({l}) {operator} ({r})")
        elif operator in COMPARISONS:
            made = f"match (&({l}), &({r})) {{ (l_, r_) => " + self.arms(site, lambda new: f"l_ {new} r_", f"l_ {operator} r_") + " }"
        else:
            made = f"match ({l}, {r}) {{ (l_, r_) => " + self.arms(site, lambda new: f"l_ {new} r_", f"l_ {operator} r_") + " }"
        return self.marked(site, f"({made})") if node.type == "binary_expression" else self.marked(site, f"{{{made}}}")

    def UnaryOperator(self, node, site):
        operator, operand = node.children[0].text.decode(), self.render(node.children[1])
        made = f"match {operand} {{ x_ => " + self.arms(site, lambda new: f"{new} x_", f"{operator}x_") + " }"
        return self.marked(site, f"({made})")

    def MatchArm(self, node, site):
        pattern = next(child for child in node.children if child.type == "match_pattern")
        text = self.render(pattern)
        guard = pattern.child_by_field_name("condition")
        if guard is None:
            text = f"{text} if {self.on_not(site)}"
        else:
            head, tail = text.split(" if ", 1)
            text = f"{head} if {self.on_not(site)} && ({tail})" if not tail.startswith("let ") else text
        return self.plain(node, {(pattern.start_byte, pattern.end_byte): self.marked(site, text)})

    def on_not(self, site):
        m = site.mutants[0]["id"]
        return f"/*<{m}*/ ({self.ask(site)} == 0) /*{m}>*/"

    def MatchArmGuard(self, node, site):
        guard = node.child_by_field_name("condition")
        inner = self.render(guard)
        if guard.type in ("let_condition", "let_chain"):
            return self.plain(node)
        made = self.arms(site, lambda new: new, inner)
        return self.plain(node, {(guard.start_byte, guard.end_byte): self.marked(site, f"({made})")})

    def StructField(self, node, site):
        siblings = node.parent.children
        base = next((child for child in siblings if child.type == "base_field_initializer"), None)
        if base is None:
            return self.plain(node)
        name = node.parent.parent.child_by_field_name("name").text.decode()
        other = base.text.decode().removeprefix("..")
        if other == "Default::default()":
            other = f"<{name}>::default()"
        m = site.mutants[0]["id"]
        if node.type == "shorthand_field_initializer":
            field = value = node.text.decode()
        else:
            field, value = node.child_by_field_name("field").text.decode(), self.render(node.child_by_field_name("value"))
        made = f"if {self.on(site)} {{ /*<{m}*/ ({other}).{field} /*{m}>*/ }} else {{ {value} }}"
        return f"{field}: {self.marked(site, made)}"


MARK = re.compile(r"/\*(<{1,2}|)(\d+)(>{1,2}|)\*/")


def blame(text, byte):
    """Who wrote the text at a byte: ("mutant", number), ("site", first number), or None: the innermost mark around it."""
    stack = []
    data = text.encode()
    position = len(data[:byte].decode(errors="ignore"))
    for mark in MARK.finditer(text):
        if mark.start() > position:
            break
        opens, number, closes = mark.groups()
        if opens:
            stack.append(("site" if opens == "<<" else "mutant", int(number)))
        elif closes and stack:
            stack.pop()
    return stack[-1] if stack else None


def arms_after(text, byte):
    """The mutants that delete an arm of the match whose value stands at a byte."""
    start = text.index("{", len(text.encode()[:byte].decode(errors="ignore")))
    depth, end = 0, start
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            break
    return [int(number) for number in re.findall(r"/\*<(\d+)\*/ \(crate::mutant::at", text[start:end])]
