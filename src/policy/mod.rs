//! Vault's ACL policies: reading them, and saying which rule of them speaks for a path.
//!
//! A policy is HCL 1, or JSON in the shape of it. [`Policy::parse`] accepts what OpenBao accepts
//! and what HashiCorp Vault knows beside that, refuses what both refuse, and keeps what a reviewer has to see: the position of every path,
//! key and capability, and all that is written twice. Where OpenBao accepts a text by passing over
//! a part of it (JSON that ends too early, say), this parser refuses.
//!
//! [`effective_rule`] and [`evaluate`] explain and test policies offline. Whether a request may pass is
//! Vault's word alone, never theirs.
//!
//! A [`PolicySet`] is what is in a folder. It is [report](PolicySet::lint) and compared with a
//! [`PolicyStore`], which makes a [`PolicyPlan`]; a plan shows itself, and is [applied](PolicyPlan::apply) as shown.
//! [`expectations`] say what a set should grant.

mod apply;
pub mod builtin;
mod canonical;
mod document;
mod error;
mod expectations;
mod fields;
mod finding;
mod item;
mod lint;
mod matching;
mod name;
mod pattern;
mod plan;
mod position;
mod replacement;
mod rule;
mod server;
mod set;
mod store;
mod syntax;
mod template;

pub use apply::ApplyOutcome;
pub use document::Policy;
pub use error::SyntaxError;
pub use expectations::{Expectation, ExpectedAccess, TestCaller, TestGroup, read_expectations};
pub use finding::LintFinding;
pub use item::{HclItem, HclValue};
pub use lint::{Lint, Mounts, Severity};
pub use matching::{Evaluation, RuleMatch, effective_rule, evaluate};
pub use name::{PolicyName, PolicyNameError};
pub use plan::{PolicyChange, PolicyPlan, TextMatch, UnchangedPolicy, UnmanagedPolicies};
pub use position::{Position, Spanned};
pub use replacement::replace_templates;
pub use rule::Rule;
pub use server::Server;
pub use set::{PolicyFile, PolicySet, PolicySource};
pub use store::{PolicyStore, PolicyStoreError, StoredPolicy};
pub use template::{GroupField, GroupKey, GroupSelector, UnsafeTemplateValue};
