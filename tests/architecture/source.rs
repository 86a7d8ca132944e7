//! The modules of a crate, and which of them each one names.
//!
//! Paths are read as text: those that begin with `crate::`, `self::` or `super::`, in `use` lines and
//! elsewhere, comments aside. A name that a module only imports or re-exports stands for the file
//! that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The path of a module or of a name in it, without `crate`.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate by their paths, `main` and `lib` aside.
#[derive(Default)]
pub(crate) struct Source(BTreeMap<ModulePath, Module>);

/// What is read of a module's file.
#[derive(Default)]
struct Module {
    /// The paths that its code names.
    named: BTreeSet<ModulePath>,
    /// The paths that its tests name.
    named_by_tests: BTreeSet<ModulePath>,
    /// The names that its `use` lines bring, and what they stand for.
    brought: BTreeMap<String, ModulePath>,
}

impl Source {
    /// Reads all files below a crate's `src`.
    pub(crate) fn read(src: &Path) -> Self {
        let mut source = Self::default();
        source.read_folder(src, &[]);
        source
    }

    fn read_folder(&mut self, folder: &Path, parent: &[String]) {
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("its entries can be read").path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("it has a name");
            let child: ModulePath = parent.iter().cloned().chain([name.to_owned()]).collect();
            if path.is_dir() {
                self.read_folder(&path, &child);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            match (name, parent) {
                ("main" | "lib", []) => {}
                ("mod", _) => self.add(parent, &text),
                _ => self.add(&child, &text),
            }
        }
    }

    /// Adds a module with this text.
    pub(crate) fn add(&mut self, path: &[String], text: &str) {
        let mut module = Module::default();
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let text = lines.collect::<Vec<_>>().join("\n");
        let (code, tests) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
        for (named, name) in paths(code, path) {
            if let Some(name) = name {
                module.brought.insert(name, named.clone());
            }
            module.named.insert(named);
        }
        let in_tests: ModulePath = path.iter().cloned().chain(["tests".to_owned()]).collect();
        module.named_by_tests.extend(paths(tests, &in_tests).into_iter().map(|(named, _)| named));
        // The file `tests.rs` of a module holds nothing but tests.
        if path.last().is_some_and(|name| name == "tests") {
            module.named_by_tests.append(&mut module.named);
        }
        self.0.insert(path.to_vec(), module);
    }

    /// The modules right below the crate's root.
    pub(crate) fn rooms(&self) -> BTreeSet<&str> {
        self.0.keys().map(|path| path[0].as_str()).collect()
    }

    /// Every module, and the rooms that it or its tests name.
    pub(crate) fn rooms_named(&self) -> impl Iterator<Item = (&ModulePath, BTreeSet<&str>)> {
        self.0.iter().map(|(path, module)| {
            let named = module.named.iter().chain(&module.named_by_tests);
            (path, named.filter_map(|path| path.first()).map(String::as_str).collect())
        })
    }

    /// A circle of files, the first one at both ends. Tests are left out, and so is what a file names
    /// of the module that it is in: that module holds its files together and knows them all.
    pub(crate) fn circle(&self) -> Option<Vec<String>> {
        let mut done = BTreeSet::new();
        self.0.keys().find_map(|path| self.circle_from(path, &mut Vec::new(), &mut done))
    }

    fn circle_from<'a>(
        &'a self,
        path: &'a ModulePath,
        way: &mut Vec<&'a ModulePath>,
        done: &mut BTreeSet<&'a ModulePath>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|seen| *seen == path) {
            let circle = way[start..].iter().chain([&path]);
            return Some(circle.map(|path| path.join("::")).collect());
        }
        if !done.insert(path) {
            return None;
        }
        way.push(path);
        let named = self.0[path].named.iter().filter_map(|named| self.file_of(named));
        let mut others = named.filter(|other| !path.starts_with(other));
        let circle = others.find_map(|other| self.circle_from(other, way, done));
        way.pop();
        circle
    }

    /// The module whose file defines what a path names.
    fn file_of(&self, named: &[String]) -> Option<&ModulePath> {
        let mut depths = (1..=named.len()).rev();
        let (path, module) = depths.find_map(|depth| self.0.get_key_value(&named[..depth]))?;
        match named.get(path.len()).and_then(|name| module.brought.get(name)) {
            Some(brought) if brought != named => self.file_of(brought),
            _ => Some(path),
        }
    }
}

/// The paths that a module's text names, each from the crate's root. A path in a `use` line comes with
/// the name that it brings.
fn paths(text: &str, module: &[String]) -> Vec<(ModulePath, Option<String>)> {
    let mut found = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (index, _) in text.match_indices(start) {
            let before = &text[..index];
            if before.ends_with(|c: char| c == ':' || c == '_' || c.is_alphanumeric()) {
                continue;
            }
            let is_use = before.trim_end().ends_with("use");
            for (path, name) in tree(&text[index..]).0 {
                found.push((from_root(&path, module), name.filter(|_| is_use)));
            }
        }
    }
    found
}

/// The paths at the beginning of a text, `a::b` or `{a, b::{c, d as e}}`, each with the name that it
/// brings, and the text behind them.
fn tree(text: &str) -> (Vec<(ModulePath, Option<String>)>, &str) {
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut all = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            if let Some(behind) = rest.strip_prefix('}') {
                return (all, behind);
            }
            let (paths, behind) = tree(rest);
            assert!(behind.len() < rest.len(), "this is no list of paths: {rest}");
            all.extend(paths);
            rest = behind;
        }
    }
    let is_name = |c: char| c == '_' || c == '*' || c.is_alphanumeric();
    let (name, rest) = text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()));
    if let Some(rest) = rest.strip_prefix("::") {
        let (paths, behind) = tree(rest);
        let with_name = |(path, brought): (ModulePath, Option<String>)| {
            // `a::{self}` brings `a`.
            let brought = if path == ["self"] { Some(name.to_owned()) } else { brought };
            ([name.to_owned()].into_iter().chain(path).collect(), brought)
        };
        return (paths.into_iter().map(with_name).collect(), behind);
    }
    let (brought, rest) = match rest.strip_prefix(" as ") {
        Some(alias) => {
            let (alias, behind) =
                alias.split_at(alias.find(|c| !is_name(c)).unwrap_or(alias.len()));
            (alias, behind)
        }
        None => (name, rest),
    };
    (vec![(vec![name.to_owned()], Some(brought.to_owned()))], rest)
}

/// A path as a module writes it, from the crate's root.
fn from_root(path: &[String], module: &[String]) -> ModulePath {
    let mut from_root = module.to_vec();
    for name in path {
        match name.as_str() {
            "crate" => from_root.clear(),
            "super" => drop(from_root.pop()),
            "self" | "*" | "" => {}
            name => from_root.push(name.to_owned()),
        }
    }
    from_root
}
