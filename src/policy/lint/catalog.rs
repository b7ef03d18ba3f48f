use std::{fmt, str::FromStr};

/// A check of policies. Vault accepts most of these mistakes silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// The file is not a valid policy.
    Syntax,
    /// The file cannot be read as text.
    Unreadable,
    /// The file name is not a valid policy name.
    Name,
    /// A path occurs twice in a policy.
    DuplicatePath,
    /// A key occurs twice in a rule.
    DuplicateKey,
    /// A rule grants nothing, without an explicit `deny`.
    NoCapabilities,
    /// A `*` or `+` that is not a wildcard in its position.
    Wildcard,
    /// A path with an empty segment, which no request matches.
    EmptySegment,
    /// Another path that no request matches: with the API's `v1/`, or with dot segments.
    Unreachable,
    /// A template that Vault does not support.
    Template,
    /// A placeholder that another template engine should have replaced.
    Placeholder,
    /// A path of a KV version 2 mount without an API segment such as `data/` or `metadata/`.
    KvPath,
    /// A grant of `create` that creates transit keys on encryption.
    TransitCreate,
    /// A tenant's policy that grants access to another tenant.
    TenantReach,
    /// A label that Vault ignores.
    IgnoredLabel,
    /// A slash at the start of a path.
    LeadingSlash,
    /// A grant of `list` on a path that cannot be listed.
    KvList,
    /// Other capabilities together with `deny`.
    DenyHides,
    /// The deprecated `policy` attribute.
    Legacy,
    /// A `name` that differs from the file's.
    OtherName,
    /// A policy without rules.
    Empty,
    /// A path below a route of MCP with a method that MCP does not have.
    McpMethod,
    /// A capability that no request of an MCP method needs.
    McpCapability,
    /// A grant of MCP tools without the list of tools.
    McpListing,
    /// A feature that HashiCorp Vault rejects.
    OpenBaoOnly,
    /// A feature that OpenBao rejects.
    VaultOnly,
    /// A `deny` that most other rules take precedence over.
    WeakDeny,
    /// A `deny` for one spelling of a path for which an application may accept several.
    DenySpelling,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy does not have its apparent effect.
    Error,
    /// The policy works, but is misleading or not portable.
    Warning,
    /// The policy works, but may be incomplete.
    Hint,
}

impl Severity {
    /// Returns the name for output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

impl Lint {
    /// All lints: the errors, then the warnings, then the hints.
    pub const ALL: [Self; 28] = [
        Self::Syntax,
        Self::Unreadable,
        Self::Name,
        Self::DuplicatePath,
        Self::DuplicateKey,
        Self::NoCapabilities,
        Self::Wildcard,
        Self::EmptySegment,
        Self::Unreachable,
        Self::Template,
        Self::Placeholder,
        Self::KvPath,
        Self::TransitCreate,
        Self::TenantReach,
        Self::IgnoredLabel,
        Self::LeadingSlash,
        Self::KvList,
        Self::DenyHides,
        Self::Legacy,
        Self::OtherName,
        Self::Empty,
        Self::McpMethod,
        Self::McpCapability,
        Self::McpListing,
        Self::OpenBaoOnly,
        Self::VaultOnly,
        Self::WeakDeny,
        Self::DenySpelling,
    ];

    /// Returns the id, which is stable across versions.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Unreadable => "unreadable",
            Self::Name => "name",
            Self::DuplicatePath => "duplicate-path",
            Self::DuplicateKey => "duplicate-key",
            Self::NoCapabilities => "no-capabilities",
            Self::Wildcard => "wildcard",
            Self::EmptySegment => "empty-segment",
            Self::Unreachable => "unreachable",
            Self::Template => "template",
            Self::Placeholder => "placeholder",
            Self::KvPath => "kv-path",
            Self::TransitCreate => "transit-create",
            Self::TenantReach => "tenant-reach",
            Self::IgnoredLabel => "ignored-label",
            Self::LeadingSlash => "leading-slash",
            Self::KvList => "kv-list",
            Self::DenyHides => "deny-hides",
            Self::Legacy => "legacy",
            Self::OtherName => "other-name",
            Self::Empty => "empty",
            Self::McpMethod => "mcp-method",
            Self::McpCapability => "mcp-capability",
            Self::McpListing => "mcp-listing",
            Self::OpenBaoOnly => "openbao-only",
            Self::VaultOnly => "vault-only",
            Self::WeakDeny => "weak-deny",
            Self::DenySpelling => "deny-spelling",
        }
    }

    /// Returns the severity when the target server is unknown.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            _ if self < Self::LeadingSlash => Severity::Error,
            _ if self < Self::WeakDeny => Severity::Warning,
            _ => Severity::Hint,
        }
    }

    /// Returns whether `--allow` accepts this lint: not for files that are not policies or have an
    /// invalid name.
    #[must_use]
    pub fn can_be_allowed(self) -> bool {
        !matches!(self, Self::Syntax | Self::Unreadable | Self::Name)
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Lint {
    type Err = String;

    /// Parses the id of a lint that can be allowed.
    fn from_str(id: &str) -> Result<Self, String> {
        let allowed = || Self::ALL.into_iter().filter(|check| check.can_be_allowed());
        allowed().find(|check| check.id() == id).ok_or_else(|| {
            let known: Vec<_> = allowed().map(Self::id).collect();
            format!("expected one of {}", known.join(", "))
        })
    }
}
