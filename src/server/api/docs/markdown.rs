use std::fmt;

use askama::filters::HtmlSafe;
use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd, html::push_html};

/// HTML that was rendered from Markdown. HTML in the Markdown is escaped, and links have only
/// targets with `https` or on this page.
#[derive(Clone, Debug, Default)]
pub(super) struct Markdown(String);

impl Markdown {
    /// Renders Markdown.
    pub(super) fn new(text: &str) -> Self {
        let mut html = String::new();
        let sanitize = |event| match event {
            Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
            // An image would be an external resource: only its text is kept.
            Event::Start(Tag::HtmlBlock | Tag::Image { .. })
            | Event::End(TagEnd::HtmlBlock | TagEnd::Image) => None,
            Event::Start(Tag::Link { dest_url, .. }) if !is_safe_link(&dest_url) => {
                Some(Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url: "#".into(),
                    title: "".into(),
                    id: "".into(),
                }))
            }
            other => Some(other),
        };
        push_html(&mut html, Parser::new(text).filter_map(sanitize));
        Self(html)
    }
}

fn is_safe_link(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with('#')
}

impl fmt::Display for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markdown {}

/// Escapes text for HTML.
pub(super) fn escape_html(text: &str) -> String {
    let mut html = String::new();
    push_html(&mut html, std::iter::once(Event::Text(text.into())));
    html
}

#[cfg(test)]
mod tests {
    use super::{Markdown, escape_html};

    #[test]
    fn markdown_renders_html_escapes() {
        for (text, html) in [
            ("a `b<c>` *d*", "<p>a <code>b&lt;c&gt;</code> <em>d</em></p>\n"),
            ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
            ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n"),
            ("[a](https://b.example/)", "<p><a href=\"https://b.example/\">a</a></p>\n"),
            ("[a](javascript:b)", "<p><a href=\"#\">a</a></p>\n"),
            ("![a](https://b.example/c.png)", "<p>a</p>\n"),
        ] {
            assert_eq!(Markdown::new(text).to_string(), html, "{text}");
        }
        let block = Markdown::new("<script>\nalert(1)\n</script>\n").to_string();
        assert!(!block.contains("<script") && block.contains("&lt;script&gt;"), "{block}");
        assert_eq!(escape_html("<a href=\"&\">"), "&lt;a href=\"&amp;\"&gt;");
    }
}
