//! The graph of modules: which file uses items of which other file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use syn::{
    Attribute, Item, ItemMod, ItemUse, Meta, UseTree, Visibility,
    visit::{self, Visit},
};

use super::source::SourceFile;

/// A module's path from the crate's root; empty for the root.
pub(super) type ModulePath = Vec<String>;

/// Each module that is a file of its own, and the other such modules that it uses.
pub(super) type ModuleGraph = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

/// A module's own names.
#[derive(Default)]
struct Module {
    /// Paths behind the names that it imports or exports again.
    imports: HashMap<String, Vec<String>>,
    /// Paths that its code mentions.
    uses: Vec<Vec<String>>,
    /// Its modules that are compiled for tests alone.
    test_modules: BTreeSet<String>,
}

/// Builds the graph of the crate below `src`, without code that is compiled for tests alone.
///
/// An item that a module exports again belongs to the module that defines it.
pub(super) fn module_graph(files: &[SourceFile]) -> ModuleGraph {
    let mut modules: HashMap<ModulePath, Module> = HashMap::new();
    for file in files {
        let path = module_path(file);
        let mut collector = Collector { path: path.clone(), module: Module::default() };
        collector.visit_file(file.syntax());
        modules.insert(path, collector.module);
    }
    let is_test = |path: &ModulePath| {
        (1..=path.len()).any(|length| {
            let parent = modules.get(&path[..length - 1]);
            parent.is_some_and(|parent| parent.test_modules.contains(&path[length - 1]))
        })
    };
    let product = modules.iter().filter(|(path, _)| !is_test(path));
    let edges = product.map(|(path, module)| {
        let used = module.uses.iter().filter_map(|used| definition(&modules, used, 0));
        let others = used.filter(|used| used != path && !used.is_empty());
        (path.clone(), others.collect())
    });
    edges.collect()
}

/// Returns a circle of modules, each of which uses the next and the last the first, if there is one
/// outside of the circles that were found before.
pub(super) fn circles(graph: &ModuleGraph) -> Vec<Vec<ModulePath>> {
    let mut remaining = graph.clone();
    let mut found = Vec::new();
    while let Some(circle) = first_circle(&remaining) {
        let next = circle.get(1).unwrap_or(&circle[0]);
        if let Some(used) = remaining.get_mut(&circle[0]) {
            used.remove(next);
        }
        found.push(circle);
    }
    found
}

fn first_circle(graph: &ModuleGraph) -> Option<Vec<ModulePath>> {
    let mut finished = BTreeSet::new();
    graph.keys().find_map(|start| circle_from(graph, start, &mut Vec::new(), &mut finished))
}

fn circle_from(
    graph: &ModuleGraph,
    module: &ModulePath,
    path: &mut Vec<ModulePath>,
    finished: &mut BTreeSet<ModulePath>,
) -> Option<Vec<ModulePath>> {
    if let Some(start) = path.iter().position(|seen| seen == module) {
        return Some(path[start..].to_vec());
    }
    if finished.contains(module) {
        return None;
    }
    path.push(module.clone());
    let circle = graph
        .get(module)
        .into_iter()
        .flatten()
        .find_map(|used| circle_from(graph, used, path, finished));
    path.pop();
    finished.insert(module.clone());
    circle
}

fn module_path(file: &SourceFile) -> ModulePath {
    let path = &file.module[1..];
    let is_root = path.len() == 1 && matches!(path[0].as_str(), "lib" | "main");
    if is_root { Vec::new() } else { path.to_vec() }
}

/// Returns the module that defines the item at this path; `None` if it is not of this crate.
fn definition(
    modules: &HashMap<ModulePath, Module>,
    path: &[String],
    depth: usize,
) -> Option<ModulePath> {
    let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let imported = rest.first().and_then(|name| modules[module].imports.get(name));
    match imported {
        Some(imported) if depth < 8 => {
            let path: Vec<String> = imported.iter().chain(&rest[1..]).cloned().collect();
            definition(modules, &path, depth + 1)
        }
        _ => Some(module.to_vec()),
    }
}

struct Collector {
    path: ModulePath,
    module: Module,
}

impl Collector {
    /// Returns the path from the crate's root; `None` for one that begins elsewhere.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?;
        let mut absolute = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.path.clone(),
            "super" => self.path[..self.path.len().checked_sub(1)?].to_vec(),
            _ => return None,
        };
        absolute.extend(path[1..].iter().cloned());
        Some(absolute)
    }

    fn collect_use(&mut self, tree: &UseTree, before: &[String], is_exported: bool) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.collect_use(&tree.tree, &path, is_exported);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.collect_use(tree, &path, is_exported);
                }
            }
            UseTree::Name(tree) => {
                let name = tree.ident.to_string();
                if name != "self" {
                    path.push(name.clone());
                }
                let name = if name == "self" { path.last().cloned().unwrap_or(name) } else { name };
                self.add_import(name, &path, is_exported);
            }
            UseTree::Rename(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                self.add_import(tree.rename.to_string(), &path, is_exported);
            }
            UseTree::Glob(_) => self.module.uses.extend(self.absolute(&path)),
        }
    }

    fn add_import(&mut self, name: String, path: &[String], is_exported: bool) {
        if let Some(absolute) = self.absolute(path) {
            if !is_exported {
                self.module.uses.push(absolute.clone());
            }
            self.module.imports.insert(name, absolute);
        }
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(ItemMod { attrs, ident, .. }) = item
            && is_for_tests(attrs)
        {
            self.module.test_modules.insert(ident.to_string());
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_exported = !matches!(item.vis, Visibility::Inherited);
            self.collect_use(&item.tree, &[], is_exported);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match self.absolute(&names) {
            Some(absolute) if names.len() > 1 => self.module.uses.push(absolute),
            // A name that is exported again may be used here too; this tells it from a mere export.
            _ => {
                if let Some(imported) = self.module.imports.get(&names[0]) {
                    let used = imported.iter().chain(&names[1..]).cloned().collect();
                    self.module.uses.push(used);
                } else if names.len() > 1 {
                    let own = self.path.iter().chain(&names).cloned().collect();
                    self.module.uses.push(own);
                }
            }
        }
        visit::visit_path(self, path);
    }
}

/// Returns whether an item with these attributes is compiled for tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}
