//! Reads the Rust files of this repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, visit::Visit};

use crate::support::tools::repository;

/// A parsed file.
pub(super) struct SourceFile {
    /// The path from the root of the repository.
    pub(super) path: String,
    /// The path from the root of the repository, in its components without `.rs` and `mod`.
    pub(super) module: Vec<String>,
    syntax: syn::File,
}

/// A doc comment: consecutive lines, joined by spaces.
pub(super) struct DocComment {
    /// `path:line` of its first line.
    pub(super) location: String,
    /// The text without the comment signs and code blocks.
    pub(super) text: String,
}

/// The name that an item is defined by.
pub(super) struct DefinedName {
    /// `path:line`.
    pub(super) location: String,
    /// The identifier.
    pub(super) name: String,
    /// The kind of the item.
    pub(super) kind: NameKind,
}

/// The kinds of items whose names are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// A struct, enum, trait or type alias at module level.
    Type,
    /// A function with a test attribute.
    Test,
    /// A function, method, field, variant, constant or module.
    Other,
}

/// Parses every Rust file below these folders.
///
/// # Panics
/// When one cannot be read or parsed.
pub(super) fn source_files(folders: &[&str]) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    for folder in folders {
        collect_rust_files(&repository(folder), &mut paths);
    }
    paths.sort();
    paths.into_iter().map(|path| SourceFile::parse(&path)).collect()
}

fn collect_rust_files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect_rust_files(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

impl SourceFile {
    fn parse(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a Rust file");
        let relative = path.strip_prefix(repository("")).expect("a path of the repository");
        let module = relative.with_extension("");
        let module = module.iter().map(|name| name.to_str().expect("UTF-8").to_owned());
        let module = module.filter(|name| name != "mod").collect();
        let path = relative.display().to_string();
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path, module, syntax }
    }

    /// The parsed file.
    pub(super) fn syntax(&self) -> &syn::File {
        &self.syntax
    }

    /// Returns the file's doc comments.
    pub(super) fn doc_comments(&self) -> Vec<DocComment> {
        let mut collector = DocCollector::default();
        collector.visit_file(&self.syntax);
        let blocks = collector.lines.chunk_by(|(line, _), (next, _)| line + 1 == *next);
        let comment = |block: &[(usize, String)]| DocComment {
            location: format!("{}:{}", self.path, block[0].0),
            text: prose(block.iter().map(|(_, line)| line.trim())),
        };
        blocks.map(comment).collect()
    }

    /// Returns the names of the items that the file defines.
    pub(super) fn defined_names(&self) -> Vec<DefinedName> {
        let mut collector = NameCollector { path: &self.path, names: Vec::new() };
        collector.visit_file(&self.syntax);
        collector.names
    }
}

/// Joins the lines that are not part of a code block.
fn prose<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut is_code = false;
    let prose = lines.filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    prose.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The lines of doc comments, with their numbers.
#[derive(Default)]
struct DocCollector {
    lines: Vec<(usize, String)>,
}

impl<'ast> Visit<'ast> for DocCollector {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let Meta::NameValue(pair) = &attribute.meta else { return };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value else { return };
        if attribute.path().is_ident("doc") {
            self.lines.push((line.span().start().line, line.value()));
        }
    }
}

struct NameCollector<'a> {
    path: &'a str,
    names: Vec<DefinedName>,
}

impl NameCollector<'_> {
    fn add(&mut self, ident: &Ident, kind: NameKind) {
        let location = format!("{}:{}", self.path, ident.span().start().line);
        self.names.push(DefinedName { location, name: ident.to_string(), kind });
    }
}

impl<'ast> Visit<'ast> for NameCollector<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Struct(item) => self.add(&item.ident, NameKind::Type),
            syn::Item::Enum(item) => self.add(&item.ident, NameKind::Type),
            syn::Item::Trait(item) => self.add(&item.ident, NameKind::Type),
            syn::Item::Type(item) => self.add(&item.ident, NameKind::Type),
            syn::Item::Const(item) => self.add(&item.ident, NameKind::Other),
            syn::Item::Static(item) => self.add(&item.ident, NameKind::Other),
            syn::Item::Mod(item) => self.add(&item.ident, NameKind::Other),
            syn::Item::Fn(item) => {
                let is_test = |attribute: &Attribute| {
                    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
                };
                let is_test = item.attrs.iter().any(is_test);
                self.add(&item.sig.ident, if is_test { NameKind::Test } else { NameKind::Other });
                // Items inside of functions are not visited: their names are local.
                return;
            }
            _ => {}
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(ident) = &field.ident {
            self.add(ident, NameKind::Other);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.add(&variant.ident, NameKind::Other);
        syn::visit::visit_variant(self, variant);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, NameKind::Other);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.add(&item.sig.ident, NameKind::Other);
    }
}
