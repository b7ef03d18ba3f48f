//! What a client finds out who may come in.

use super::{
    As, CALLER, FORGED_IDENTITY, FORGED_PATH, Finding, Front, PROTOCOL, Refusal, TOKEN, describe,
    echo::{Deaf, Echo},
    skipped, unanswered,
};
use crate::probe::Answer;

/// Somebody's query that would be a requirement that nobody meets.
const QUERIES: [&str; 2] = ["policy=doctor-no-such-policy", "tenant=doctor-no-such-tenant"];

/// The findings of [`CALLER`].
pub(super) async fn examine(front: &Front) -> Vec<Finding> {
    let (token, let_in) = match front.ask(As::Caller, &front.site.path, &[]).await {
        Ok(answer) => (token(front, &answer).await, Some(answer)),
        Err(failure) => (unanswered(TOKEN, &failure), None),
    };
    let Some(honest) = let_in.filter(|answer| Refusal::read(answer).is_none()) else {
        let rest = skipped(&CALLER[1..], "the token does not get in");
        return [token].into_iter().chain(rest).collect();
    };
    let echo = match &front.site.echo {
        None => Err(Deaf("only an application that tells what it received shows it".to_owned())),
        Some(path) => Echo::try_out(front, path).await,
    };
    let echo = echo.as_ref();
    let identity = match echo {
        Ok(echo) => echo.forged_identity().await,
        Err(deaf) => deaf.skipped(FORGED_IDENTITY),
    };
    let (protocol, path) = (protocol(front, echo).await, forged_path(front, &honest, echo).await);
    vec![token, protocol, path, identity]
}

/// Whether a caller comes in, whatever the query says.
async fn token(front: &Front, let_in: &Answer) -> Finding {
    let (check, path) = (TOKEN, &front.site.path);
    let detail = format!("with the token, {path} is {}", describe(let_in));
    if Refusal::read(let_in).is_some() {
        let remedy = "`explain --require ...` says why, with the route's requirement";
        return Finding::failed(check, detail, remedy);
    }
    for query in QUERIES {
        let asked = format!("{path}?{query}");
        match front.ask(As::Caller, &asked, &[]).await {
            Ok(answer) => {
                if Refusal::read(&answer).is_some() {
                    return Finding::failed(
                        check,
                        format!("{detail}, but {asked} is {}", describe(&answer)),
                        "a client's query is taken for the route's requirement: it follows \
                         `uri /validate?`, with the `?`",
                    );
                }
            }
            Err(failure) => return unanswered(check, &failure),
        }
    }
    match let_in.status {
        200..400 => Finding::ok(check, detail),
        500.. => Finding::failed(check, detail, "is the application there? Caddy's log says why"),
        _ => Finding::warning(check, detail, "--path PATH, of which the application makes a 200"),
    }
}

/// Whether a connection can become one in which nothing is judged any more.
async fn protocol(front: &Front, echo: Result<&Echo<'_>, &Deaf>) -> Finding {
    let check = PROTOCOL;
    let remedy = "the guard takes `Upgrade` out, unless it says websocket (`@upgrade`)";
    let headers = [
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABk"),
    ];
    match front.ask(As::Caller, &front.site.path, &headers).await {
        Ok(answer) if answer.status == 101 => {
            Finding::failed(check, "a connection changes to h2c, where nobody judges", remedy)
        }
        Ok(_) => match echo {
            Ok(echo) => echo.protocol(remedy).await,
            Err(_) => Finding::ok(check, "no connection changes to h2c"),
        },
        Err(failure) => unanswered(check, &failure),
    }
}

/// Whether a client is believed that says which path and method it asks for.
async fn forged_path(front: &Front, honest: &Answer, echo: Result<&Echo<'_>, &Deaf>) -> Finding {
    let check = FORGED_PATH;
    let remedy = "the guard takes X-Forwarded-Uri, X-Forwarded-Method and their like out";
    let forged = [("x-forwarded-uri", "/doctor//.."), ("x-forwarded-method", "DOCTOR")];
    match front.ask(As::Caller, &front.site.path, &forged).await {
        Ok(answer) if Refusal::read(&answer).is_some() => Finding::failed(
            check,
            format!(
                "{} becomes {} with a forged X-Forwarded-Uri",
                honest.status,
                describe(&answer)
            ),
            remedy,
        ),
        Ok(_) => match echo {
            Ok(echo) => echo.forged_path(remedy).await,
            Err(deaf) => deaf.skipped(check),
        },
        Err(failure) => unanswered(check, &failure),
    }
}
