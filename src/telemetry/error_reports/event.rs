//! The content of a report.

use std::fmt;

use sentry::{
    integrations::backtrace::current_stacktrace,
    protocol::{Event, Exception, Frame, Level, Map, Mechanism, Stacktrace},
};
use tracing::{
    Metadata,
    field::{Field, Visit},
};

use crate::telemetry::PANIC_TARGET;

/// The maximum length of an error code, in bytes.
const MAX_CODE: usize = 64;

/// The functions that begin a panic. Those that they call, up to the capture of the stack, are left
/// out.
const PANIC_ENTRIES: [&str; 2] = ["rust_begin_unwind", "__rustc::rust_begin_unwind"];

/// The fields of a log event that a report may have. All others may be about a request.
#[derive(Default)]
pub(super) struct ReportFields {
    /// The message. A test checks that the messages of errors have no arguments.
    message: String,
    /// The code of a refusal.
    code: Option<String>,
    /// The location of a panic.
    place: Option<String>,
}

impl Visit for ReportFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_code = |text: &str| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            text.len() <= MAX_CODE && text.bytes().all(is_plain)
        };
        match field.name() {
            "code" if is_code(value) => self.code = Some(value.to_owned()),
            "place" => self.place = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

/// An error to report.
pub(super) struct ErrorReport {
    metadata: &'static Metadata<'static>,
    fields: ReportFields,
}

impl ErrorReport {
    /// Creates the report of a log event.
    pub(super) fn new(event: &tracing::Event<'_>) -> Self {
        let mut fields = ReportFields::default();
        event.record(&mut fields);
        Self { metadata: event.metadata(), fields }
    }

    /// Returns the location of the error in the source code, and its code.
    pub(super) fn key(&self) -> String {
        let code = self.fields.code.as_deref().unwrap_or_default();
        format!("{} {code}", self.place())
    }

    /// Returns the event for Sentry, with the number of omitted reports of the same error. For a panic
    /// it has the stack of the current thread.
    pub(super) fn to_event(&self, omitted: u64) -> Event<'static> {
        let code = self.fields.code.iter().map(|code| ("code".to_owned(), code.clone()));
        let mut tags: Map<_, _> = code.collect();
        tags.insert("place".to_owned(), self.place());
        if omitted > 0 {
            tags.insert("omitted".to_owned(), omitted.to_string());
        }
        let event =
            Event { logger: Some(self.metadata.target().to_owned()), tags, ..Event::default() };
        if !self.is_panic() {
            return Event { message: Some(self.fields.message.clone()), ..event };
        }
        let panic = Exception {
            ty: "panic".to_owned(),
            value: Some(self.place()),
            mechanism: Some(Mechanism { ty: "panic".to_owned(), ..Mechanism::default() }),
            stacktrace: panic_stacktrace(),
            ..Exception::default()
        };
        Event { level: Level::Fatal, exception: vec![panic].into(), ..event }
    }

    fn is_panic(&self) -> bool {
        self.metadata.target() == PANIC_TARGET
    }

    fn place(&self) -> String {
        match &self.fields.place {
            Some(place) if self.is_panic() => place.clone(),
            _ => {
                let file = self.metadata.file().unwrap_or_default();
                format!("{file}:{}", self.metadata.line().unwrap_or_default())
            }
        }
    }
}

/// Returns true for a function of the standard library that raises a panic.
fn is_panic_function(frame: &Frame) -> bool {
    frame.function.as_deref().is_some_and(|name| name.starts_with("core::panicking::"))
}

/// Returns the stack of this thread up to the function that panicked; the outermost function is the
/// first. `None` in a program without symbols.
fn panic_stacktrace() -> Option<Stacktrace> {
    let mut frames = current_stacktrace()?.frames;
    let is_entry = |frame: &Frame| {
        let function = frame.function.as_deref().unwrap_or_default();
        PANIC_ENTRIES.contains(&function)
    };
    if let Some(entry) = frames.iter().position(is_entry) {
        frames.truncate(entry);
    }
    while frames.last().is_some_and(is_panic_function) {
        frames.pop();
    }
    frames.retain(|frame| frame.function.as_deref().is_some_and(|name| name != "<unknown>"));
    (!frames.is_empty()).then(|| Stacktrace { frames, ..Stacktrace::default() })
}

/// Returns the event with the fields that may be sent, and no others, regardless of what else was
/// added to it.
pub(super) fn scrubbed(event: Event<'static>) -> Event<'static> {
    let exceptions = event.exception.values.into_iter().map(|exception| Exception {
        ty: exception.ty,
        value: exception.value,
        mechanism: exception.mechanism,
        stacktrace: exception.stacktrace.map(|stack| Stacktrace {
            frames: stack.frames.into_iter().map(scrubbed_frame).collect(),
            ..Stacktrace::default()
        }),
        ..Exception::default()
    });
    Event {
        event_id: event.event_id,
        level: event.level,
        message: event.message,
        logger: event.logger,
        platform: event.platform,
        timestamp: event.timestamp,
        release: event.release,
        environment: event.environment,
        exception: exceptions.collect::<Vec<_>>().into(),
        tags: event.tags,
        sdk: event.sdk,
        ..Event::default()
    }
}

/// Returns the function, file name and line of a frame, without variables.
fn scrubbed_frame(frame: Frame) -> Frame {
    let function = frame.function.unwrap_or_default();
    let in_app = function.contains(env!("CARGO_CRATE_NAME"));
    Frame {
        function: Some(function),
        filename: frame.filename,
        lineno: frame.lineno,
        in_app: Some(in_app),
        ..Frame::default()
    }
}

#[cfg(test)]
mod tests {
    use sentry::protocol::{Breadcrumb, Event, Request, User};

    use super::scrubbed;

    #[test]
    fn only_listed_fields_are_sent() {
        let text = |name: &str| Some(format!("private-{name}"));
        let event = Event {
            message: Some("cannot log in to vault".to_owned()),
            server_name: text("host").map(Into::into),
            user: Some(User { username: text("user"), ..User::default() }),
            request: Some(Request { query_string: text("query"), ..Request::default() }),
            breadcrumbs: vec![Breadcrumb { message: text("log line"), ..Breadcrumb::default() }]
                .into(),
            transaction: text("path"),
            culprit: text("culprit"),
            extra: [("detail".to_owned(), "private-detail".into())].into(),
            modules: [("private-module".to_owned(), String::new())].into(),
            ..Event::default()
        };
        let sent = serde_json::to_string(&scrubbed(event)).unwrap();
        assert!(sent.contains("cannot log in to vault"), "{sent}");
        assert!(!sent.contains("private"), "{sent}");
    }
}
