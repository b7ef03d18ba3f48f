use super::{Policy, Rule};

/// Returns the text of a policy with the templates in its paths replaced, where `replace` returns
/// another selector.
///
/// # Errors
/// Returns the first template that cannot be replaced because it is written with escapes.
pub fn replace_templates(
    text: &str,
    replace: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut parts = text.split("{{");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let other = part
            .split_once("}}")
            .and_then(|(selector, rest)| Some((replace(selector.trim())?, rest)));
        match other {
            Some((selector, rest)) => replaced.extend(["{{", &selector, "}}", rest]),
            None => replaced.extend(["{{", part]),
        }
    }
    let (policy, _) = Policy::parse_in_part(&replaced);
    let mut left = policy.rules().iter().flat_map(Rule::selectors);
    let left = left.find(|selector| replace(selector).is_some()).map(str::to_owned);
    left.map_or(Ok(replaced), Err)
}

#[cfg(test)]
mod tests {
    use super::replace_templates;

    #[test]
    fn only_templates_are_replaced() {
        let replace = |selector: &str| (selector == "a").then(|| "b".to_owned());
        let rule = |path: &str| format!("# a {{{{a\npath \"{path}\" {{ policy = \"read\" }}\n");
        let replaced = replace_templates(&rule("x/{{ a }}/{{c}}/{{a}}"), &replace);
        assert_eq!(replaced, Ok(rule("x/{{b}}/{{c}}/{{b}}")));
        assert_eq!(replace_templates(&rule("a/{{aa}}/}}"), &replace), Ok(rule("a/{{aa}}/}}")));
        assert_eq!(replace_templates(&rule("{{\\u0061}}"), &replace), Err("a".to_owned()));
    }
}
