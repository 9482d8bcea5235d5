//! No file needs another one that needs it: each can be read, and changed, without the rest of a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{Use, inline, uses};
use super::source::{Source, body, is_name, is_test, name, sources};

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// A file as a module.
    Module(usize),
    /// Something that a file defines.
    Item(usize),
}

/// A file as a module of the crate.
struct Module {
    path: Vec<String>,
    items: BTreeSet<String>,
    uses: Vec<Use>,
    /// Paths that stand in the code itself.
    inline: Vec<Vec<String>>,
    is_folder: bool,
}

/// All files of the crate.
struct Crate {
    modules: Vec<Module>,
    by_path: BTreeMap<Vec<String>, usize>,
}

impl Module {
    fn of(source: &Source) -> Self {
        let file = source.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut path: Vec<String> = file.split('/').map(str::to_owned).collect();
        let is_folder = path.last().is_some_and(|last| last == "mod" || last == "lib");
        if is_folder {
            path.pop();
        }
        let (uses, rest) = uses(&source.product);
        Self { path, items: items(&rest), uses, inline: inline(&rest), is_folder }
    }

    /// Whether it only declares modules and gives names again.
    fn only_declares(&self) -> bool {
        self.is_folder && self.items.is_empty()
    }
}

/// Names of what a file defines itself, blocks not looked into.
fn items(code: &str) -> BTreeSet<String> {
    let mut outer = String::new();
    let mut at = 0;
    while let Some(open) = code[at..].find('{') {
        outer.push_str(&code[at..at + open]);
        outer.push_str("{} ");
        at = body(code, at + open).map_or(code.len(), |(_, end)| end);
    }
    outer.push_str(&code[at..]);
    let kinds = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules!"];
    let of = |kind: &'static str| words_of(&outer, kind);
    kinds.into_iter().flat_map(of).map(|name| name.trim_start_matches("mut ").to_owned()).collect()
}

fn words_of(code: &str, kind: &str) -> Vec<String> {
    let ends = |at: &usize| !code[..*at].bytes().next_back().is_some_and(is_name);
    let places = code.match_indices(kind).map(|(at, _)| at).filter(ends);
    let names = places.filter_map(|at| code[at + kind.len()..].strip_prefix(' ')).map(name);
    names.filter(|name| !name.is_empty() && *name != "fn").map(str::to_owned).collect()
}

impl Crate {
    fn of(sources: &[Source]) -> Self {
        let modules: Vec<Module> = sources.iter().map(Module::of).collect();
        let by_path = modules.iter().enumerate().map(|(at, module)| (module.path.clone(), at)).collect();
        Self { modules, by_path }
    }

    /// What a path names, read in a module; none for what other crates define.
    fn resolve(&self, within: usize, path: &[String], depth: u8) -> Option<Found> {
        let depth = depth.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => self.by_path.get(&Vec::new()).copied()?,
            "self" | "Self" => within,
            "super" => self.parent(within)?,
            _ => match self.named(within, first, depth)? {
                Found::Module(module) => module,
                item @ Found::Item(_) => return Some(item),
            },
        };
        while let Some((step, others)) = rest.split_first() {
            rest = others;
            at = match step.as_str() {
                "super" => self.parent(at)?,
                // What a macro writes is of the file that calls it.
                step => match self.named(at, step, depth).unwrap_or(Found::Item(at)) {
                    Found::Module(module) => module,
                    item @ Found::Item(_) => return Some(item),
                },
            };
        }
        Some(Found::Module(at))
    }

    fn parent(&self, module: usize) -> Option<usize> {
        let (_, parent) = self.modules[module].path.split_last()?;
        self.by_path.get(parent).copied()
    }

    /// What a name is in a module.
    fn named(&self, module: usize, name: &str, depth: u8) -> Option<Found> {
        let depth = depth.checked_sub(1)?;
        let this = &self.modules[module];
        if this.items.contains(name) {
            return Some(Found::Item(module));
        }
        let child: Vec<String> = this.path.iter().cloned().chain([name.to_owned()]).collect();
        if let Some(child) = self.by_path.get(&child) {
            return Some(Found::Module(*child));
        }
        let mut by_name = this.uses.iter().filter(|u| u.name == name && u.path != [name]);
        if let Some(found) = by_name.find_map(|u| self.resolve(module, &u.path, depth)) {
            return Some(found);
        }
        let globs = this.uses.iter().filter(|u| u.name == "*").filter_map(|u| self.resolve(module, &u.path, depth));
        let mut found = globs.filter_map(|found| match found {
            Found::Module(other) if other != module => self.named(other, name, depth),
            _ => None,
        });
        found.next()
    }

    /// The files that a file needs.
    fn needs(&self, file: usize) -> BTreeSet<usize> {
        let this = &self.modules[file];
        let used = this.uses.iter().filter(|u| !u.only_given).map(|u| &u.path).chain(&this.inline);
        let found = used.filter_map(|path| self.resolve(file, path, 16));
        let files = found.filter_map(|found| match found {
            Found::Item(other) => Some(other),
            Found::Module(other) => (!self.modules[other].is_folder).then_some(other),
        });
        files.filter(|other| *other != file && !self.modules[*other].only_declares()).collect()
    }

    /// Groups of files that need one another.
    fn circles(&self) -> Vec<BTreeSet<usize>> {
        let count = self.modules.len();
        let direct: Vec<_> = (0..count).map(|at| self.needs(at)).collect();
        let reach: Vec<BTreeSet<usize>> = (0..count)
            .map(|from| {
                let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
                while let Some(at) = open.pop() {
                    open.extend(direct[at].iter().copied().filter(|next| seen.insert(*next)));
                }
                seen
            })
            .collect();
        let both = |a: usize, b: usize| reach[a].contains(&b) && reach[b].contains(&a);
        let circle = |from: usize| (0..count).filter(|to| both(from, *to)).collect();
        let circles: BTreeSet<BTreeSet<usize>> = (0..count).map(circle).collect();
        circles.into_iter().filter(|circle| !circle.is_empty()).collect()
    }
}

/// The circles in these sources, each as lines `file needs file`.
fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    let all = Crate::of(sources);
    let lines = |circle: BTreeSet<usize>| {
        let needs = |file: usize| all.needs(file).into_iter().map(move |other| (file, other));
        let inside = circle.iter().flat_map(|file| needs(*file)).filter(|(_, other)| circle.contains(other));
        inside.map(|(file, other)| format!("{} needs {}", sources[file].path, sources[other].path)).collect()
    };
    all.circles().into_iter().map(lines).collect()
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let mut sources = sources("src");
    sources.retain(|source| !is_test(&source.path) && source.path != "src/main.rs");
    let found = circles(&sources);
    assert!(found.is_empty(), "move what both need to a file of its own: {found:#?}");
}

#[test]
fn circles_are_found_through_names_that_are_given_again() {
    let source = |path: &str, text: &str| Source::new(path, text);
    let of = |b: &str| {
        circles(&[
            source("src/lib.rs", "mod a; mod d;"),
            source("src/a.rs", "use crate::d::{self, B}; struct A; fn f() { d::c::x() }"),
            source("src/d/mod.rs", "mod b; mod c; pub use b::*;"),
            source("src/d/b.rs", b),
            source("src/d/c.rs", "pub fn x() {}"),
        ])
    };
    assert_eq!(of("struct B; use super::c::x;"), Vec::<Vec<String>>::new());
    assert_eq!(of("struct B(crate::a::A);"), [["src/a.rs needs src/d/b.rs", "src/d/b.rs needs src/a.rs"]]);
    assert_eq!(of("struct B; #[cfg(test)] mod tests { use crate::a::A; }"), Vec::<Vec<String>>::new());
}
