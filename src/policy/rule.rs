use std::sync::Arc;

use super::{
    HclItem, HclValue, Spanned,
    error::{ParseError, Quoted},
    fields::{
        block, check_keys, control_group, expiration, filter, integer, lifetime::RawDuration,
        parameters, text,
    },
    template::Template,
};
use crate::capabilities::{Capabilities, Capability};
use crate::suggestion::did_you_mean;

/// The keys of a rule that OpenBao or HashiCorp Vault supports.
const KEYS: [&str; 14] = [
    "capabilities",
    "policy",
    "comment",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "mfa_methods",
    "pagination_limit",
    "expiration",
    "list_scan_response_keys_filter_path",
    "control_group",
    "subscribe_event_types",
];

/// A rule: the access that a policy grants on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    path: Spanned<Arc<str>>,
    ignored_labels: Vec<Spanned<Arc<str>>>,
    attributes: Vec<HclItem>,
    template: Arc<Template>,
    declared: Vec<Spanned<Capability>>,
    legacy: Option<Spanned<String>>,
    capabilities: Capabilities,
    expiration: Option<i64>,
    vault_only: Vec<Spanned<&'static str>>,
}

impl Rule {
    /// Returns the path as written, with its templates and wildcards. A block without a label is
    /// the rule for the path `path`.
    pub fn path(&self) -> &Spanned<Arc<str>> {
        &self.path
    }

    /// Returns the labels between the path and its block, which Vault ignores. In JSON it is a key
    /// whose value was taken for a labelled block.
    pub fn ignored_labels(&self) -> &[Spanned<Arc<str>>] {
        &self.ignored_labels
    }

    /// Returns the attributes in order.
    pub fn attributes(&self) -> &[HclItem] {
        &self.attributes
    }

    /// Returns the capabilities as written, those of several `capabilities` concatenated.
    pub fn declared(&self) -> &[Spanned<Capability>] {
        &self.declared
    }

    /// Returns the deprecated `policy` attribute: `write`, `read`, `sudo` or `deny`.
    pub fn legacy(&self) -> Option<&Spanned<String>> {
        self.legacy.as_ref()
    }

    /// Returns the granted capabilities, including those of the expanded `policy` attribute.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Returns the expiration, in seconds since 1970 UTC.
    pub fn expiration(&self) -> Option<i64> {
        self.expiration
    }

    /// Returns the features that HashiCorp Vault supports and OpenBao rejects, together with the
    /// whole policy.
    pub fn vault_only(&self) -> &[Spanned<&'static str>] {
        &self.vault_only
    }

    /// Returns the template selectors of the path.
    pub fn selectors(&self) -> impl Iterator<Item = &str> {
        self.template.selectors()
    }

    pub(super) fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// Parses a `path` block; `before` is the rule just before it.
    pub(super) fn read(item: HclItem, before: Option<&Self>) -> Result<Self, ParseError> {
        let mut keys = item.keys.iter().cloned();
        let keyword = keys.next();
        let Some(path) = keys.next().or(keyword) else {
            return Err(ParseError::new(item.value.at, "expected `path`"));
        };
        let ignored_labels = keys.collect();
        // JSON can attach many rules to one long path, which is parsed once.
        let same = before.filter(|before| Arc::ptr_eq(&before.path.value, &path.value));
        let template = match same {
            Some(before) => Arc::clone(&before.template),
            None => Arc::new(Template::parse(&path)?),
        };
        check_keys(block(&item)?, &KEYS)?;
        let HclValue::Block(attributes) = item.value.value else {
            return Err(ParseError::new(item.value.at, "expected a block"));
        };
        let mut vault_only = control_group::check(&attributes)?;
        let limits = RuleConstraints::read(&attributes)?;
        let expiration = text::string(&attributes, "expiration")?;
        let expiration = expiration.filter(|text| !text.value.is_empty());
        let legacy = text::string(&attributes, "policy")?;
        let legacy = legacy.filter(|policy| !policy.value.is_empty());
        let old = legacy.as_ref().map_or(Ok(&[][..]), expand_legacy)?;
        let words = text::string_list(&attributes, "capabilities")?;
        let declared = capabilities(&words, old)?;
        vault_only.extend(vault_only_words(&attributes, &declared, old)?);
        let all = declared.iter().map(|capability| capability.value);
        let capabilities: Capabilities = all.chain(old.iter().copied()).collect();
        // Vault ignores the rest once it has seen `deny`.
        if !capabilities.contains(Capability::Deny) {
            limits.check(capabilities)?;
        }
        let expiration = expiration.as_ref().map(expiration::read).transpose()?;
        Ok(Self {
            path,
            ignored_labels,
            attributes,
            template,
            declared,
            legacy,
            capabilities,
            expiration,
            vault_only,
        })
    }
}

/// Returns the capabilities of a legacy `policy` value.
fn expand_legacy(policy: &Spanned<String>) -> Result<&'static [Capability], ParseError> {
    use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
    match policy.value.as_str() {
        "deny" => Ok(&[Deny]),
        "read" => Ok(&[Read, List]),
        "write" => Ok(&[Create, Read, Update, Delete, List]),
        "sudo" => Ok(&[Create, Read, Update, Delete, List, Sudo]),
        found => {
            let found = Quoted(found);
            Err(ParseError::expected(policy.at, "`read`, `write`, `sudo` or `deny`", found))
        }
    }
}

/// Parses capabilities up to the first `deny`; Vault ignores those after it, and all if the legacy
/// policy is `deny`.
fn capabilities(
    words: &[Spanned<String>],
    legacy: &[Capability],
) -> Result<Vec<Spanned<Capability>>, ParseError> {
    let mut denied = legacy.contains(&Capability::Deny);
    let mut capabilities = Vec::new();
    for word in words {
        match Capability::parse(&word.value) {
            Some(capability) => {
                denied |= capability == Capability::Deny;
                capabilities.push(Spanned::new(capability, word.at));
            }
            None if denied => (),
            None => return Err(no_capability(word)),
        }
    }
    Ok(capabilities)
}

fn no_capability(word: &Spanned<String>) -> ParseError {
    let known = Capability::ALL.map(Capability::as_str);
    let found = Quoted(&word.value);
    let fault =
        ParseError::expected(word.at, &format!("a capability ({})", known.join(", ")), found);
    match did_you_mean(&word.value, &known) {
        Some(suggestion) => fault.with_remedy(format!("did you mean `{suggestion}`?")),
        None => fault,
    }
}

/// Returns the keys and capabilities that OpenBao rejects. OpenBao ignores capabilities after
/// `deny`.
fn vault_only_words(
    attributes: &[HclItem],
    declared: &[Spanned<Capability>],
    legacy: &[Capability],
) -> Result<Vec<Spanned<&'static str>>, ParseError> {
    const EVENT_TYPES: &str = "subscribe_event_types";
    text::string_list(attributes, EVENT_TYPES)?;
    let keys = attributes.iter().filter(|item| item.key() == EVENT_TYPES);
    let denied = legacy.contains(&Capability::Deny);
    let looked_at = declared.iter().take_while(|one| !denied && one.value != Capability::Deny);
    let refused =
        looked_at.filter(|one| matches!(one.value, Capability::Recover | Capability::Subscribe));
    let words = refused.map(|one| Spanned::new(one.value.as_str(), one.at));
    Ok(keys.map(|item| Spanned::new(EVENT_TYPES, item.at())).chain(words).collect())
}

/// The constraints of a rule apart from its capabilities.
struct RuleConstraints {
    shortest: Option<RawDuration>,
    longest: Option<RawDuration>,
    filter: Option<Spanned<String>>,
}

impl RuleConstraints {
    /// Checks the types of all constraints, and keeps those that depend on the capabilities.
    fn read(attributes: &[HclItem]) -> Result<Self, ParseError> {
        parameters::check(attributes, "allowed_parameters")?;
        parameters::check(attributes, "denied_parameters")?;
        text::string_list(attributes, "required_parameters")?;
        text::string_list(attributes, "mfa_methods")?;
        integer::integer(attributes, "pagination_limit")?;
        Ok(Self {
            shortest: RawDuration::read(attributes, "min_wrapping_ttl")?,
            longest: RawDuration::read(attributes, "max_wrapping_ttl")?,
            filter: text::string(attributes, "list_scan_response_keys_filter_path")?,
        })
    }

    fn check(&self, capabilities: Capabilities) -> Result<(), ParseError> {
        let nanoseconds =
            |ttl: &Option<RawDuration>| ttl.as_ref().map_or(Ok(0), RawDuration::nanoseconds);
        let (shortest, longest) = (nanoseconds(&self.shortest)?, nanoseconds(&self.longest)?);
        if let Some(ttl) = &self.longest
            && shortest != 0
            && longest != 0
            && longest < shortest
        {
            return Err(ParseError::new(ttl.at(), "expected at least `min_wrapping_ttl`"));
        }
        let Some(template) = self.filter.as_ref().filter(|template| !template.value.is_empty())
        else {
            return Ok(());
        };
        if !capabilities.contains(Capability::List) {
            return Err(ParseError::new(template.at, "this key requires the capability `list`"));
        }
        filter::check(template)
    }
}
