//! What a client finds out who has no token.

use super::{
    ADMIN, As, CONNECTION, FORGED_HEADERS, Finding, Front, GUARDED, IDENTITY, QUERY, Refusal,
    TARGET, describe, unanswered,
};
use crate::probe::Answer;

const GUARD: &str =
    "import deploy/caddy/guard.caddy, and write `guard` around what stands in the site";

/// Whether this is how the validator answers to somebody without a token.
fn is_sent_away(answer: &Answer) -> bool {
    let refusal = Refusal::read(answer);
    answer.status == 401 && refusal.is_some_and(|refusal| refusal.code == "credential_missing")
}

/// Whether somebody without a token is refused, by the validator and nobody else.
pub(super) async fn guarded(front: &Front) -> Finding {
    let (check, path) = (GUARDED, &front.site.path);
    let answer = match front.ask(As::Nobody, path, &[]).await {
        Ok(answer) => answer,
        Err(failure) => return unanswered(check, &failure),
    };
    if is_sent_away(&answer) {
        return Finding::ok(check, format!("{path} without a token is 401 from the validator"));
    }
    let detail = format!("{path} without a token is {}", describe(&answer));
    let remedy = match (answer.status, Refusal::read(&answer)) {
        (_, Some(_)) => "its log says why, and `request_id` which line",
        (300..400, None) => "--caddy has to be where it redirects to, if that is the same site",
        (404 | 421, None) => {
            "--host has to be a name of the site, and --path a path behind its guard"
        }
        (502..=504, None) => {
            "the proxy does not reach the validator: AUTH_UPSTREAM, and is it running?"
        }
        _ => GUARD,
    };
    Finding::failed(check, detail, remedy)
}

/// Whether what a client says of itself, or of its request, lets it in without a token.
pub(super) async fn forged_headers(front: &Front) -> Finding {
    let check = FORGED_HEADERS;
    let identity = IDENTITY.map(|name| (name, "doctor"));
    let request = [
        ("x-forwarded-uri", "/public"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-original-uri", "/public"),
        ("x-rewrite-url", "/public"),
    ];
    for headers in [&identity[..], &request[..]] {
        match front.ask(As::Nobody, &front.site.path, headers).await {
            Ok(answer) if is_sent_away(&answer) => {}
            Ok(answer) => {
                let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
                let detail =
                    format!("with forged {} it is {}", names.join(", "), describe(&answer));
                return Finding::failed(check, detail, GUARD);
            }
            Err(failure) => return unanswered(check, &failure),
        }
    }
    Finding::ok(check, "they let nobody in who has no token")
}

/// Whether a request target that is no path is refused.
pub(super) async fn request_target(front: &Front) -> Finding {
    let check = TARGET;
    match front.ask(As::Nobody, "*", &[]).await {
        Ok(answer) if answer.status == 400 && Refusal::read(&answer).is_none() => {
            Finding::ok(check, "one that is no path is refused")
        }
        Ok(answer) => Finding::failed(
            check,
            format!(
                "one that is no path is {}, not refused by the proxy with 400",
                describe(&answer)
            ),
            "the guard begins with `@target not path /*` and `error @target 400`",
        ),
        Err(failure) => unanswered(check, &failure),
    }
}

/// Whether a client may have a header taken out that the proxy put in.
pub(super) async fn connection(front: &Front) -> Finding {
    let check = CONNECTION;
    for name in IDENTITY {
        let value = format!("close, {name}");
        match front.ask(As::Nobody, &front.site.path, &[("connection", &value)]).await {
            Ok(answer) if answer.status == 400 && Refusal::read(&answer).is_none() => {}
            Ok(answer) => {
                return Finding::failed(
                    check,
                    format!(
                        "`Connection: {value}` is {}, not refused by the proxy with 400",
                        describe(&answer)
                    ),
                    "a client can have its own identity taken out: the guard refuses that with `@hop`",
                );
            }
            Err(failure) => return unanswered(check, &failure),
        }
    }
    Finding::ok(check, "no identity header can be named in it")
}

/// Whether what a client asks for in its query is taken for a requirement of the route.
pub(super) async fn clients_query(front: &Front) -> Finding {
    let check = QUERY;
    let path = format!("{}?doctor-no-such-requirement=1", front.site.path);
    match front.ask(As::Nobody, &path, &[]).await {
        Ok(answer) if is_sent_away(&answer) => {
            Finding::ok(check, "it does not reach the validator as a requirement")
        }
        Ok(answer) => Finding::failed(
            check,
            format!("{path} is {}", describe(&answer)),
            "the route's requirements follow `uri /validate?`: without the `?` the client's query does",
        ),
        Err(failure) => unanswered(check, &failure),
    }
}

/// Whether operators' paths are served to everybody.
pub(super) async fn admin_listener(front: &Front) -> Finding {
    let check = ADMIN;
    for path in ["/metrics", "/readyz", "/healthz", "/cache", "/validate"] {
        match front.ask(As::Nobody, path, &[]).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                return Finding::failed(
                    check,
                    format!("{path} is {} without a token", describe(&answer)),
                    "no site may lead to the admin listener, and no path stand beside the guard",
                );
            }
            Ok(_) => {}
            Err(failure) => return unanswered(check, &failure),
        }
    }
    Finding::ok(check, "none of its paths is served to somebody without a token")
}
