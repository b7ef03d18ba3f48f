use crate::policy::{Spanned, error::ParseError};

/// The supported functions of `.key` and `.path`; Vault has many more.
const FUNCTIONS: [&str; 4] = ["lowercase", "uppercase", "base64", "sha256"];

/// Checks `list_scan_response_keys_filter_path`, a template that must depend on `.key`.
///
/// Templates are Go's. Only text, `{{ .key }}`, `{{ .path }}`, and these piped through a function
/// without arguments are accepted here, although Vault supports more.
pub(in crate::policy) fn check(template: &Spanned<String>) -> Result<(), ParseError> {
    let refuse = |message: &str| Err(ParseError::new(template.at, message));
    let mut rest = template.value.as_str();
    let mut depends = false;
    while let Some((_, action)) = rest.split_once("{{") {
        let Some((action, after)) = action.split_once("}}") else {
            return refuse("expected `}}` after `{{` in the template");
        };
        let mut steps = action.split('|').map(str::trim);
        match steps.next() {
            Some(".key") => depends = true,
            Some(".path") => (),
            _ => return refuse("expected `{{ .key }}` or `{{ .path }}` in the template"),
        }
        if !steps.all(|step| FUNCTIONS.contains(&step)) {
            return refuse("this template function is not supported");
        }
        rest = after;
    }
    if depends { Ok(()) } else { refuse("expected `{{ .key }}` in the template") }
}
