//! Vault's ACL policies: parsing, evaluation, lints, and deployment.
//!
//! A policy is HCL 1, or JSON of the same structure. [`Policy::parse`] accepts the features of
//! OpenBao and of HashiCorp Vault, rejects what both reject, and keeps what a reviewer needs: the
//! positions of all paths, keys and capabilities, and all duplicates. A text that OpenBao accepts
//! only by ignoring a part of it (truncated JSON, for example) is rejected.
//!
//! [`effective_rule`] and [`evaluate`] explain and test policies offline. Requests are never
//! authorized with them, only by Vault.
//!
//! A [`PolicySet`] holds the policies of a folder. [`PolicySet::lint`] checks it;
//! [`PolicyPlan::compute`] compares it with a [`PolicyStore`], and [`PolicyPlan::apply`] writes
//! the difference. [`read_expectations`] reads tests of the access that a set grants.

mod apply;
pub mod builtin;
mod canonical;
mod differences;
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
pub use differences::PolicyDifferences;
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
pub use set::{PolicyFile, PolicyFolderError, PolicySet, PolicySource};
pub use store::{PolicyStore, PolicyStoreError, StoredPolicy};
pub use template::{GroupField, GroupKey, GroupSelector, UnsafeTemplateValue};
